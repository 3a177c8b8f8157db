//! What a scalar without quotes is. CloudFormation reads YAML 1.1, in which `yes` and `On` are truths; what readers of YAML take for different things is
//! told, and never taken for one of them. Dates stay text, as CloudFormation's documentation says.

use serde_json::Number;

/// `true` and `false` in all the ways that YAML 1.1 has for them.
pub(super) fn truth(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// Why it can't be said what it is.
pub(super) fn doubt(text: &str) -> Option<&'static str> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Some("this is no value, and CloudFormation takes none such"),
        "y" | "Y" | "n" | "N" => Some("this is a truth for some readers of YAML, and a letter for others"),
        _ if may_be_a_number(text) && !is_number(text) => {
            Some("YAML 1.1 may have this for a number, and for another one than is written here")
        }
        _ => None,
    }
}

/// A number that is written as JSON has it: the same for every reader.
fn is_number(text: &str) -> bool {
    text.parse::<Number>().is_ok_and(|number| number.to_string() == text)
}

/// Octal, hexadecimal, binary and sexagesimal numbers are numbers in YAML 1.1, and so is `1_000`.
fn may_be_a_number(text: &str) -> bool {
    let body = text.strip_prefix(['+', '-']).unwrap_or(text).to_ascii_lowercase();
    let digits = |text: &str| {
        text.contains(|letter: char| letter.is_ascii_digit())
            && text.chars().all(|letter| letter.is_ascii_digit() || letter == '_')
    };
    let decimal = |text: &str| {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        digits(&format!("{whole}{part}"))
    };
    if let Some(rest) = body.strip_prefix("0x") {
        return rest.chars().all(|letter| letter.is_ascii_hexdigit() || letter == '_');
    }
    if let Some(rest) = body.strip_prefix("0b").or(body.strip_prefix("0o")) {
        return digits(rest);
    }
    if matches!(body.as_str(), ".inf" | ".nan") {
        return true;
    }
    if body.contains(':') {
        return body.split(':').all(decimal);
    }
    if let Some((mantissa, exponent)) = body.split_once('e') {
        return decimal(mantissa) && digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
    }
    // What begins with a nought and has an eight or a nine in it is no octal number, and text: many an account has such an id.
    let is_text = body.starts_with('0') && !body.contains('.') && body.contains(['8', '9']);
    decimal(&body) && !is_text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_reader_of_yaml_takes_for_the_same_is_taken_and_the_rest_is_in_doubt() {
        for text in [
            "a",
            "2012-10-17",
            "0",
            "7",
            "-7",
            "1.5",
            "123456789012",
            "098765432109",
            "PT4H",
            "s3:*",
            "arn:aws:iam::1:a",
            "10.0.0.1",
            "e",
            "f00",
            "d-90",
            "ps-1",
            "1a",
            "nope",
            "yes!",
            "-",
            ".",
            "..",
            "10.0.0.0/8",
        ] {
            assert_eq!((doubt(text), truth(text)), (None, None), "{text}");
        }
        for text in [
            "",
            "~",
            "null",
            "NULL",
            "y",
            "N",
            "011122223333",
            "0x1F",
            "0b11",
            "0o17",
            "1_000",
            "12:30",
            "190:20:30.15",
            "+1",
            "1.10",
            "1e3",
            "1.0e+3",
            ".5",
            ".inf",
            "-.INF",
            ".NaN",
            "00",
            "123456789012345678901234567890",
        ] {
            assert!(doubt(text).is_some() && truth(text).is_none(), "{text}");
        }
        for (text, is_true) in
            [("true", true), ("True", true), ("yes", true), ("ON", true), ("off", false), ("No", false)]
        {
            assert_eq!((truth(text), doubt(text)), (Some(is_true), None), "{text}");
        }
    }
}
