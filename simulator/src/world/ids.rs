//! Ids and chance from a seed: the same calls give the same bytes.

use uuid::Uuid;

/// The source of all that looks random. Ids of what a description names depend on the name alone; all others on a counter.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ids {
    namespace: Uuid,
    counter: u64,
}

const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self { namespace: Uuid::new_v5(&Uuid::NAMESPACE_OID, &seed.to_be_bytes()), counter: 0 }
    }

    /// The id of something with a name; `scope` keeps things of different kinds apart.
    pub(crate) fn named(&self, scope: &str, name: &str) -> Uuid {
        Uuid::new_v5(&self.namespace, format!("{scope}\0{name}").as_bytes())
    }

    /// A source of its own, which takes nothing from this one.
    pub(crate) fn apart(&self, what: &str) -> Self {
        Self { namespace: self.named("source of ids", what), counter: 0 }
    }

    /// The next id.
    pub(crate) fn next(&mut self) -> Uuid {
        self.counter += 1;
        Uuid::new_v5(&self.namespace, &self.counter.to_be_bytes())
    }

    /// How many there have been.
    pub(crate) fn count(&self) -> u64 {
        self.counter
    }

    /// The next number from zero up to, but not including, one.
    pub(crate) fn fraction(&mut self) -> f64 {
        let (number, _, _, _) = self.next().as_fields();
        f64::from(number) / (f64::from(u32::MAX) + 1.0)
    }
}

/// Lower-case letters and digits made of an id.
pub(crate) fn letters(id: Uuid, length: usize) -> String {
    let mut rest = id.as_u128();
    let base = ALPHABET.len() as u128;
    let mut text = String::with_capacity(length);
    for _ in 0..length {
        let at = usize::try_from(rest % base).unwrap_or_default();
        text.push(ALPHABET.get(at).copied().map_or('a', char::from));
        rest /= base;
    }
    text
}

/// Hexadecimal digits made of an id.
pub(crate) fn hex(id: Uuid, length: usize) -> String {
    id.simple().to_string().chars().skip(32_usize.saturating_sub(length)).collect()
}

/// Twelve digits that don't begin with zero.
pub(crate) fn account_digits(id: Uuid) -> String {
    (100_000_000_000 + id.as_u128() % 900_000_000_000).to_string()
}
