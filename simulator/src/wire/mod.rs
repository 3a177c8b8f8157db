//! The services' shapes on the wire: JSON 1.1 as AWS's API models give it, one file a service.
//!
//! Required members that are missing read as empty, and the validation of the call then refuses them as AWS does; a member of the
//! wrong type is a `SerializationException`. Unknown members are ignored, as AWS ignores them.

pub mod identity_store;
pub mod organizations;
pub mod sso_admin;
pub mod tagging;

use jiff::Timestamp;

/// A time as JSON 1.1 writes it: seconds since 1970 as a number, to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(pub Timestamp);

impl serde::Serialize for Epoch {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let millis = self.0.as_millisecond();
        if millis % 1000 == 0 {
            return serializer.serialize_i64(millis / 1000);
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "milliseconds of any year that counts are far below 2^52"
        )]
        let seconds = millis as f64 / 1000.0;
        serializer.serialize_f64(seconds)
    }
}

/// One tag, as all three services write it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Tag {
    pub key: String,
    pub value: String,
}

/// Defines input structs: read from JSON, written back for the log and the events.
macro_rules! inputs {
    ($($(#[$meta:meta])* $name:ident { $($(#[$of_field:meta])* $field:ident : $type:ty),* $(,)? })*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "PascalCase", default)]
        pub struct $name { $(
            $(#[$of_field])*
            #[serde(skip_serializing_if = "super::is_absent")]
            pub $field: $type,
        )* }
    )*};
}

/// Defines output structs and the structures in them; absent members are left out.
macro_rules! outputs {
    ($($(#[$meta:meta])* $name:ident { $($(#[$of_field:meta])* $field:ident : $type:ty),* $(,)? })*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize)]
        #[serde(rename_all = "PascalCase")]
        pub struct $name { $(
            $(#[$of_field])*
            #[serde(skip_serializing_if = "super::is_absent")]
            pub $field: $type,
        )* }
    )*};
}

pub(crate) use {inputs, outputs};

/// Whether a member is left out on the wire: only what is optional and not there.
pub(crate) trait Absent {
    fn absent(&self) -> bool {
        false
    }
}

impl<T> Absent for Option<T> {
    fn absent(&self) -> bool {
        self.is_none()
    }
}

impl Absent for String {}
impl Absent for u32 {}
impl Absent for bool {}
impl Absent for Epoch {}
impl<T> Absent for Vec<T> {}

pub(crate) fn is_absent<T: Absent>(member: &T) -> bool {
    member.absent()
}
