//! Names, URLs and ARNs of what is Usher's in AWS, told from other text.

/// 3 to 255 letters, digits, `_`, `.` and `-`.
pub(super) fn table(text: &str) -> Option<String> {
    let fits = (3..=255).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    fits.then(|| text.to_owned())
}

pub(super) fn event_bus(text: &str) -> Option<String> {
    let name = match text.strip_prefix("arn:") {
        None => text,
        Some(arn) => arn.split_once(":event-bus/")?.1,
    };
    let fits = (1..=256).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'/'));
    fits.then(|| text.to_owned())
}

pub(super) fn role_arns(text: &str) -> Option<Vec<String>> {
    let arns: Vec<String> = text.split(',').map(|arn| arn.trim().to_owned()).collect();
    let is_role = |arn: &String| {
        arn.strip_prefix("arn:").is_some_and(|arn| arn.contains(":iam::") && arn.contains(":role/"))
    };
    arns.iter().all(is_role).then_some(arns)
}

pub(super) fn queue_url(text: &str) -> Option<String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let (host, path) = rest.split_once('/')?;
    let fits = !host.is_empty() && !path.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
    fits.then(|| text.to_owned())
}

/// 3 to 63 small letters, digits, `.` and `-`.
pub(super) fn bucket(text: &str) -> Option<String> {
    let fits = (3..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'));
    fits.then(|| text.to_owned())
}

pub(super) fn prefix(text: &str) -> Option<String> {
    let fits = !text.starts_with('/') && text.len() <= 512 && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}
