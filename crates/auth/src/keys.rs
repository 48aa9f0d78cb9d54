//! The shared secrets. None of them is ever shown.

use std::fmt;

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

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Key> {
        self.0.iter()
    }
}
