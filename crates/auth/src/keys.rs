//! The shared secrets. None of them is ever shown.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::key_file::secret_from_hex;

/// The name of a key: eight letters or digits. It travels in the clear.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; KeyId::LEN]);

impl KeyId {
    /// The length of every name, in bytes.
    pub const LEN: usize = 8;

    /// The key with this name; `None` if that is not eight letters or digits.
    pub fn new(name: &[u8]) -> Option<KeyId> {
        let name: [u8; KeyId::LEN] = name.try_into().ok()?;
        name.iter().all(u8::is_ascii_alphanumeric).then_some(KeyId(name))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{}", char::from(*byte)))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A secret with its name.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub id: KeyId,
    /// 32 to 64 bytes.
    pub(crate) secret: Vec<u8>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

/// The keys of a file, in its order: at least one, all names different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys(Vec<Key>);

impl Keys {
    /// `None` without any.
    pub(crate) fn new(keys: Vec<Key>) -> Option<Keys> {
        (!keys.is_empty()).then_some(Keys(keys))
    }

    /// The names; that of the key that signs is the first.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> {
        self.0.iter().map(|key| key.id)
    }

    /// The name of the secret that somebody shows in hexadecimal digits. The time that it takes does not depend on how much
    /// of a secret is right.
    pub fn whose(&self, digits: &[u8]) -> Option<KeyId> {
        // Of what is compared here nobody can choose the bytes; `verify` also takes constant time.
        let shown = mac(&secret_from_hex(digits)?).finalize().into_bytes();
        let mut found = None;
        for key in &self.0 {
            if mac(&key.secret).verify(&shown).is_ok() {
                found = Some(key.id);
            }
        }
        found
    }

    /// The secret of the first key in hexadecimal digits, to be shown.
    pub fn digits(&self) -> String {
        let secret = self.0.first().map(|key| key.secret.as_slice()).unwrap_or_default();
        secret.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Key> {
        self.0.iter()
    }
}

/// Stands for a secret where secrets are compared.
fn mac(secret: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    Hmac::new_from_slice(b"schrittmacher order 1").expect("a key").chain_update(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_shows_a_secret_has_its_name_and_nobody_else_has() {
        let secret = |byte: u8| format!("{byte:02x}").repeat(16) + &"5a".repeat(16);
        let file = format!("first001 {}\nsecond01 {}\n", secret(1), secret(2));
        let keys = Keys::parse(file.as_bytes()).unwrap();
        let whose = |text: &str| keys.whose(text.as_bytes()).map(|id| id.to_string());
        assert_eq!(whose(&keys.digits()).as_deref(), Some("first001"));
        assert_eq!(whose(&secret(2).to_uppercase()).as_deref(), Some("second01"));
        // Nor is one with zeros behind it the same.
        for wrong in ["", "00", &secret(3), &secret(1)[2..], &(secret(1) + "00"), "first001", &"g".repeat(64)]
        {
            assert_eq!(whose(wrong), None, "{wrong}");
        }
    }
}
