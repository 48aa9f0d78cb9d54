//! Ethernet frames that tell the neighbours where an address is, and that ask who has it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An Ethernet address.
pub type Mac = [u8; 6];

const BROADCAST: Mac = [0xff; 6];
const ARP: [u8; 2] = [0x08, 0x06];
const IPV6: [u8; 2] = [0x86, 0xdd];
const REQUEST: u16 = 1;
const REPLY: u16 = 2;
/// Where an IPv6 frame has its next header, and a message of ICMPv6 its type.
pub const NEXT_HEADER: usize = 20;
pub const ICMPV6_TYPE: usize = 54;
pub const ICMPV6: u8 = 58;
pub const ADVERTISEMENT: u8 = 136;
const SOLICITATION: u8 = 135;
/// RFC 4861: a receiver drops what has crossed a router.
const HOP_LIMIT: u8 = 255;
/// All nodes of the link.
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// The frames that announce `ip` at `mac`. For IPv4 a request and a reply: some neighbours learn from the one alone, some
/// from the other (RFC 5227, 3).
pub fn announcements(mac: Mac, ip: IpAddr, is_router: bool) -> Vec<Vec<u8>> {
    match ip {
        IpAddr::V4(ip) => vec![
            arp(REQUEST, mac, (mac, ip), ([0; 6], ip), BROADCAST),
            arp(REPLY, mac, (mac, ip), (mac, ip), BROADCAST),
        ],
        IpAddr::V6(ip) => vec![advertisement(mac, ip, is_router)],
    }
}

/// The frame that asks for a holder of `ip`, without claiming it (RFC 5227, 2.1; RFC 4862, 5.4.2).
pub fn probe(mac: Mac, ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => arp(REQUEST, mac, (mac, Ipv4Addr::UNSPECIFIED), ([0; 6], ip), BROADCAST),
        IpAddr::V6(ip) => {
            let to = solicited_node(ip);
            let mut message = vec![SOLICITATION, 0, 0, 0, 0, 0, 0, 0];
            message.extend(ip.octets());
            icmpv6(mac, Ipv6Addr::UNSPECIFIED, to, message)
        }
    }
}

/// The sender that claims the address in this frame, if there is one.
pub fn holder(frame: &[u8], ip: IpAddr) -> Option<Mac> {
    let kind = frame.get(12..14)?;
    match ip {
        IpAddr::V4(ip) if kind == ARP => {
            let (sender, address) = (frame.get(22..28)?, frame.get(28..32)?);
            (address == ip.octets()).then(|| sender.try_into().ok())?
        }
        IpAddr::V6(ip) if kind == IPV6 => {
            let is_advertisement =
                frame.get(NEXT_HEADER) == Some(&ICMPV6) && frame.get(ICMPV6_TYPE) == Some(&ADVERTISEMENT);
            (is_advertisement && frame.get(62..78)? == ip.octets())
                .then(|| frame.get(6..12)?.try_into().ok())?
        }
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    }
}

fn arp(operation: u16, from: Mac, sender: (Mac, Ipv4Addr), target: (Mac, Ipv4Addr), to: Mac) -> Vec<u8> {
    let mut frame = [&to[..], &from, &ARP].concat();
    // Ethernet, IPv4, and the lengths of their addresses.
    frame.extend([0, 1, 0x08, 0x00, 6, 4]);
    frame.extend(operation.to_be_bytes());
    for (mac, ip) in [sender, target] {
        frame.extend(mac);
        frame.extend(ip.octets());
    }
    frame
}

/// RFC 4861, 4.4: unsolicited, to be believed against what was known before.
fn advertisement(mac: Mac, ip: Ipv6Addr, is_router: bool) -> Vec<u8> {
    const OVERRIDE: u8 = 0x20;
    const ROUTER: u8 = 0x80;
    const TARGET_LINK_LAYER: [u8; 2] = [2, 1];
    let flags = if is_router { OVERRIDE | ROUTER } else { OVERRIDE };
    let mut message = vec![ADVERTISEMENT, 0, 0, 0, flags, 0, 0, 0];
    message.extend(ip.octets());
    message.extend(TARGET_LINK_LAYER);
    message.extend(mac);
    icmpv6(mac, ip, ALL_NODES, message)
}

fn icmpv6(from: Mac, source: Ipv6Addr, to: Ipv6Addr, mut message: Vec<u8>) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap_or_default();
    let checksum = checksum(source, to, &message);
    message[2..4].copy_from_slice(&checksum.to_be_bytes());
    let group = to.octets();
    let mut frame = [&[0x33, 0x33, group[12], group[13], group[14], group[15]][..], &from, &IPV6].concat();
    frame.extend([0x60, 0, 0, 0]);
    frame.extend(length.to_be_bytes());
    frame.extend([ICMPV6, HOP_LIMIT]);
    frame.extend(source.octets());
    frame.extend(to.octets());
    frame.extend(message);
    frame
}

/// RFC 4291, 2.7.1.
fn solicited_node(ip: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = ip.octets();
    Ipv6Addr::from([0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c])
}

/// RFC 4443, 2.3, over a message of even length.
fn checksum(source: Ipv6Addr, to: Ipv6Addr, message: &[u8]) -> u16 {
    let length = u32::try_from(message.len()).unwrap_or_default();
    let pseudo = [&source.octets()[..], &to.octets(), &length.to_be_bytes(), &[0, 0, 0, ICMPV6]].concat();
    let words = pseudo.chunks_exact(2).chain(message.chunks_exact(2));
    let mut sum: u32 = words.map(|word| u32::from(u16::from_be_bytes([word[0], word[1]]))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = [2, 0, 0, 0, 0, 7];

    #[test]
    fn an_ipv4_address_is_announced_by_a_request_and_a_reply() {
        let frames = announcements(MAC, [10, 0, 0, 88].into(), false);
        let head = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 7, 8, 6, 0, 1, 8, 0, 6, 4, 0];
        for (frame, operation, target) in [(&frames[0], 1, [0; 6]), (&frames[1], 2, MAC)] {
            let sender = [2, 0, 0, 0, 0, 7, 10, 0, 0, 88];
            assert_eq!(*frame, [&head[..], &[operation], &sender, &target, &[10, 0, 0, 88]].concat());
        }
        assert_eq!(frames.len(), 2);
    }

    #[test]
    fn an_ipv6_address_is_announced_by_an_advertisement_with_a_valid_checksum() {
        let ip: Ipv6Addr = "fd00::88".parse().expect("an address");
        let frames = announcements(MAC, ip.into(), false);
        let [frame] = &frames[..] else { panic!("{frames:?}") };
        assert_eq!(frame[..6], [0x33, 0x33, 0, 0, 0, 1]);
        assert_eq!(frame[22..38], ip.octets(), "from the address itself");
        assert_eq!(frame[54..62][..2], [136, 0]);
        assert_eq!(frame[58], 0x20, "override, neither router nor solicited");
        assert_eq!(frame[78..], [2, 1, 2, 0, 0, 0, 0, 7]);
        assert_eq!(checksum(ip, ALL_NODES, &frame[54..]), 0, "a checksum over itself");
        assert_eq!(announcements(MAC, ip.into(), true)[0][58], 0xa0);
    }

    #[test]
    fn who_answers_a_probe_is_its_holder() {
        let other = [2, 0, 0, 0, 0, 9];
        for ip in [IpAddr::from([10, 0, 0, 88]), "fd00::88".parse().expect("an address")] {
            assert_eq!(holder(&probe(MAC, ip), ip), None, "a probe claims nothing");
            for answer in announcements(other, ip, false) {
                assert_eq!(holder(&answer, ip), Some(other));
                assert_eq!(holder(&answer, [10, 0, 0, 1].into()), None);
            }
        }
        for length in 0..60 {
            assert_eq!(holder(&vec![0; length], [0, 0, 0, 0].into()), None);
        }
    }
}
