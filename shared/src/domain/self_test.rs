//! A self-test: an event of our own asks that its coming be written down, and for nothing else (`docs/adr/0034`).

use std::fmt;

use jiff::Timestamp;

use super::id::id;

id!(
    /// The id of a self-test, drawn by chance: by it whoever sent the event knows the record that it led to.
    SelfTestId,
    "the id of a self-test, 32 small hexadecimal digits, such as 00112233445566778899aabbccddeeff",
    |text| text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
);

impl SelfTestId {
    /// The id that these bits make.
    pub fn of(bits: u128) -> Self {
        Self(format!("{bits:032x}").into())
    }
}

/// Which way a self-test's event goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// From the default bus of the service's own account and Region.
    Direct,
    /// From the default bus of the management account, by the forwarder and the service's bus.
    Forwarded,
}

impl Route {
    pub const ALL: [Self; 2] = [Self::Direct, Self::Forwarded];

    /// As it is stored and printed.
    pub fn word(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Forwarded => "forwarded",
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What a self-test's event tells.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SelfTest {
    pub id: SelfTestId,
    pub route: Route,
    /// When it was put on the bus, by the clock of whoever did.
    pub sent: Timestamp,
}

/// What is written down of the self-test that came last by a route.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SelfTestRecord {
    #[serde(flatten)]
    pub test: SelfTest,
    /// When the function was given the event, and when it wrote this, both by the function's clock.
    pub received: Timestamp,
    pub written: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_form_and_no_other() {
        let id = SelfTestId::of(0x0123);
        assert_eq!(id.to_string(), "00000000000000000000000000000123");
        assert_eq!(id.as_str().parse::<SelfTestId>().as_ref(), Ok(&id));
        assert_eq!(SelfTestId::of(u128::MAX).as_str().len(), 32);
        for bad in [
            "",
            "123",
            "00000000000000000000000000000ABC",
            "000000000000000000000000000001230",
            "0000000000000000000000000000012\u{e9}",
            "0000000000000000000000000000 123",
        ] {
            assert!(bad.parse::<SelfTestId>().is_err(), "{bad}");
        }
    }
}
