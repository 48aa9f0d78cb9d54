//! The bytes of the member `auth`: the literal end of a signed datagram, found without a JSON parser.
//!
//! `"auth": "1.KEYID.OWN.PEER.COUNTER.ECHO.TAG"`: a version, the key's name, two nonces, two counters and the tag, each of
//! fixed length, in lower-case hexadecimal digits. The tag covers every byte before it, so nothing can be put in or behind.

use crate::KeyId;

/// A random number that its daemon drew: 128 bits, so that no two are ever the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nonce(pub [u8; 16]);

/// HMAC-SHA-256, cut to half its length (RFC 2104 allows it).
pub(crate) type Tag = [u8; 16];

/// The claims of a signed datagram about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seal {
    pub key: KeyId,
    /// The sender's nonce.
    pub own: Nonce,
    /// The receiver's nonce, as the sender knows it.
    pub peer: Nonce,
    /// Rises with each datagram of the sender.
    pub counter: u64,
    /// The highest counter of the receiver that the sender has taken.
    pub echo: u64,
}

/// The end of a datagram that is to be signed.
const PLAIN_END: &[u8] = b"\n}";
const BEGIN: &[u8] = b",\n  \"auth\": \"1.";
const END: &[u8] = b"\"\n}";
const DOT: &[u8] = b".";

const TAG_DIGITS: usize = 32;
const LEN: usize = BEGIN.len() + KeyId::LEN + 1 + 32 + 1 + 32 + 1 + 16 + 1 + 16 + 1 + TAG_DIGITS + END.len();

/// The bytes by which a signature makes a datagram longer.
pub const ROOM: usize = LEN - PLAIN_END.len();

impl Seal {
    /// Adds the member to a datagram, an object with members in our layout. `tag` makes the tag of the bytes before it.
    pub fn write(&self, datagram: &mut Vec<u8>, tag: impl FnOnce(&[u8]) -> Tag) {
        debug_assert!(datagram.ends_with(PLAIN_END), "only an object in our layout can be signed");
        datagram.truncate(datagram.len().saturating_sub(PLAIN_END.len()));
        datagram.reserve(LEN);
        datagram.extend_from_slice(BEGIN);
        datagram.extend_from_slice(self.key.as_bytes());
        for number in [&self.own.0[..], &self.peer.0, &self.counter.to_be_bytes(), &self.echo.to_be_bytes()] {
            datagram.extend_from_slice(DOT);
            write_hex(datagram, number);
        }
        datagram.extend_from_slice(DOT);
        let tag = tag(datagram);
        write_hex(datagram, &tag);
        datagram.extend_from_slice(END);
    }

    /// The seal of a datagram, the bytes that its tag covers, and the tag; `None` if it has none.
    pub fn read(datagram: &[u8]) -> Option<(Seal, &[u8], Tag)> {
        let (_, text) = datagram.split_at_checked(datagram.len().checked_sub(LEN)?)?;
        let mut reader = Reader(text);
        reader.literal(BEGIN)?;
        let key = KeyId::new(reader.take(KeyId::LEN)?)?;
        let own = Nonce(reader.hex()?);
        let peer = Nonce(reader.hex()?);
        let counter = u64::from_be_bytes(reader.hex()?);
        let echo = u64::from_be_bytes(reader.hex()?);
        let tag = reader.hex()?;
        reader.literal(END)?;
        let covered = &datagram[..datagram.len() - TAG_DIGITS - END.len()];
        Some((Seal { key, own, peer, counter, echo }, covered, tag))
    }
}

fn write_hex(datagram: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        datagram.extend([byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]));
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn literal(&mut self, expected: &[u8]) -> Option<()> {
        (self.take(expected.len())? == expected).then_some(())
    }

    /// A dot, then the digits of this many bytes.
    fn hex<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.literal(DOT)?;
        let mut bytes = [0; N];
        for (byte, [high, low]) in bytes.iter_mut().zip(self.take(2 * N)?.as_chunks::<2>().0) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(bytes)
    }
}

/// Lower case alone: each seal has one form.
fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal() -> Seal {
        Seal {
            key: KeyId::new(b"2026Nov1").unwrap(),
            own: Nonce([0x0f; 16]),
            peer: Nonce([0xa0; 16]),
            counter: 258,
            echo: u64::MAX,
        }
    }

    fn sealed() -> Vec<u8> {
        let mut datagram = b"{\n  \"status\": \"HOTT\"\n}".to_vec();
        seal().write(&mut datagram, |_| [0x5c; 16]);
        datagram
    }

    #[test]
    fn the_member_is_the_end_of_the_datagram() {
        let expected = concat!(
            "{\n  \"status\": \"HOTT\",\n  \"auth\": \"1.2026Nov1.0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f.",
            "a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0.0000000000000102.ffffffffffffffff.",
            "5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c\"\n}"
        );
        let datagram = sealed();
        assert_eq!(String::from_utf8(datagram.clone()).unwrap(), expected);
        assert_eq!(datagram.len(), b"{\n  \"status\": \"HOTT\"\n}".len() + ROOM);
        let (read, covered, tag) = Seal::read(&datagram).unwrap();
        assert_eq!((read, tag), (seal(), [0x5c; 16]));
        assert!(covered.ends_with(b"ffffffffffffffff."));
    }

    /// A datagram has one form: no blank, case or byte behind it can differ.
    #[test]
    fn no_other_spelling_is_a_seal() {
        let good = sealed();
        assert_eq!(Seal::read(&[good.clone(), b"\n".to_vec()].concat()), None);
        assert_eq!(Seal::read(&good[..good.len() - 1]), None);
        assert_eq!(Seal::read(&good.to_ascii_uppercase()), None);
        for at in good.len() - LEN..good.len() {
            let mut changed = good.clone();
            changed[at] = b'~';
            assert_eq!(Seal::read(&changed), None, "{at}");
        }
    }
}
