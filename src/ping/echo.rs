//! ICMP echoes and their answers (RFC 792, RFC 4443).

/// Shows that an answer is to an echo of ours.
pub type Cookie = [u8; 16];

const HEADER: usize = 8;
const REQUEST: [u8; 2] = [8, 128];
/// The type of an answer: in IPv4, in IPv6.
pub const REPLY: [u8; 2] = [0, 129];

/// An echo with this number. The kernel fills in the checksum of IPv6, and the identifier where the socket is one for echoes.
pub fn request(is_v6: bool, cookie: &Cookie, number: u16) -> Vec<u8> {
    let [high, low] = number.to_be_bytes();
    let mut packet = vec![REQUEST[usize::from(is_v6)], 0, 0, 0, cookie[0], cookie[1], high, low];
    packet.extend(cookie);
    if !is_v6 {
        let sum = checksum(&packet).to_be_bytes();
        packet[2..4].copy_from_slice(&sum);
    }
    packet
}

/// The number of the echo that this answers, if it is one of ours. A raw IPv4 socket gives the header of IP as well.
pub fn reply(packet: &[u8], is_v6: bool, is_raw: bool, cookie: &Cookie) -> Option<u16> {
    let length = if is_raw && !is_v6 { 4 * usize::from(packet.first()? & 0xf) } else { 0 };
    let (header, content) = packet.get(length..)?.split_at_checked(HEADER)?;
    let is_ours = header[0] == REPLY[usize::from(is_v6)] && content == cookie;
    is_ours.then(|| u16::from_be_bytes([header[6], header[7]]))
}

/// RFC 1071, of an even number of bytes.
fn checksum(bytes: &[u8]) -> u16 {
    let sum: u32 = bytes.chunks_exact(2).map(|word| u32::from(word[0]) << 8 | u32::from(word[1])).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let [.., high, low] = ((folded & 0xffff) + (folded >> 16)).to_be_bytes();
    !u16::from_be_bytes([high, low])
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOKIE: Cookie = *b"0123456789abcdef";

    #[test]
    fn an_answer_is_the_echo_with_another_type_and_anything_else_is_none() {
        for is_v6 in [false, true] {
            let mut packet = request(is_v6, &COOKIE, 0x1234);
            assert_eq!(reply(&packet, is_v6, false, &COOKIE), None, "our own echo");
            packet[0] = REPLY[usize::from(is_v6)];
            assert_eq!(reply(&packet, is_v6, false, &COOKIE), Some(0x1234));
            assert_eq!(reply(&packet, is_v6, false, b"fedcba9876543210"), None);
            for length in 0..packet.len() {
                assert_eq!(reply(&packet[..length], is_v6, false, &COOKIE), None);
                assert_eq!(reply(&packet[..length], is_v6, true, &COOKIE), None);
            }
        }
        let mut raw = vec![0x46; 24];
        let mut packet = request(false, &COOKIE, 7);
        packet[0] = 0;
        raw.extend(packet);
        assert_eq!(reply(&raw, false, true, &COOKIE), Some(7));
    }

    /// The sum over a packet with its checksum is all ones.
    #[test]
    fn the_checksum_of_ipv4_is_right() {
        let packet = request(false, &COOKIE, 0xffff);
        assert_eq!(checksum(&packet), 0);
        assert_eq!(checksum(&[0x45, 0x00, 0x00, 0x73]), !0x4573_u16);
    }
}
