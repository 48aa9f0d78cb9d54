//! The text form of addresses: the legacy daemon's "unified" form.
//!
//! A peer's message has it in `host`, and legacy scripts get addresses in it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The unified form: `ipv4:10.0.0.1`, `ipv6:[2001:db8::1]`, and `ipv4:localhost` and `ipv6:localhost` for
/// 127.0.0.1 and ::1. An IPv4 address written as IPv6 (`::ffff:10.0.0.1`) is an IPv4 address.
pub fn unified(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(Ipv4Addr::LOCALHOST) => "ipv4:localhost".to_owned(),
        IpAddr::V6(Ipv6Addr::LOCALHOST) => "ipv6:localhost".to_owned(),
        IpAddr::V4(address) => format!("ipv4:{address}"),
        IpAddr::V6(address) => format!("ipv6:[{address}]"),
    }
}

/// The address that a text stands for, in the unified or in the plain form.
///
/// Takes what legacy configurations and messages contain: `10.0.0.1`, `ipv4:10.0.0.1`, `ipv4:[10.0.0.1]`,
/// `2001:db8::1`, `[2001:db8::1]`, `ipv6:[2001:db8::1]`, `ipv6:2001:db8::1`, brackets twice, and `localhost`
/// plain or with either prefix. Leading zeros are decimal (`010` is ten), as the legacy daemon reads them.
/// `None` for anything else: host names, a scope (`%eth0`), a prefix length, and what the legacy daemon bends
/// into an address (`10.0.0.300`).
pub fn parse(text: &str) -> Option<IpAddr> {
    let (v4, v6) = match (text.strip_prefix("ipv4:"), text.strip_prefix("ipv6:")) {
        (Some(rest), _) => (Some(rest), None),
        (_, Some(rest)) => (None, Some(rest)),
        _ => (Some(text), Some(text)),
    };
    let v4 = v4.and_then(parse_v4).map(IpAddr::V4);
    v4.or_else(|| v6.and_then(parse_v6).map(|address| IpAddr::V6(address).to_canonical()))
}

fn parse_v4(text: &str) -> Option<Ipv4Addr> {
    let text = without_brackets(text);
    if text == "localhost" {
        return Some(Ipv4Addr::LOCALHOST);
    }
    leading_v4(text).filter(|(_, rest)| rest.is_empty()).map(|(address, _)| address)
}

/// The IPv4 address at the beginning of a text, and what follows it. Leading zeros are decimal, which the standard
/// library refuses. `None` also for a number above 255.
pub fn leading_v4(text: &str) -> Option<(Ipv4Addr, &str)> {
    let mut octets = [0; 4];
    let mut rest = text;
    for (index, octet) in octets.iter_mut().enumerate() {
        let part = if index == 0 { rest } else { rest.strip_prefix('.')? };
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        *octet = part[..digits].parse().ok()?;
        rest = &part[digits..];
    }
    Some((Ipv4Addr::from(octets), rest))
}

fn parse_v6(text: &str) -> Option<Ipv6Addr> {
    match without_brackets(text) {
        "localhost" => Some(Ipv6Addr::LOCALHOST),
        address => address.parse().ok(),
    }
}

/// The legacy daemon adds brackets to an address that already has them.
fn without_brackets(mut text: &str) -> &str {
    while let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        text = inner;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unified_is_the_legacy_form() {
        let rows = [
            ("10.77.0.2", "ipv4:10.77.0.2"),
            ("0.0.0.0", "ipv4:0.0.0.0"),
            ("127.0.0.1", "ipv4:localhost"),
            ("127.0.0.2", "ipv4:127.0.0.2"),
            ("::ffff:10.77.0.2", "ipv4:10.77.0.2"),
            ("::ffff:127.0.0.1", "ipv4:localhost"),
            ("::1", "ipv6:localhost"),
            ("::", "ipv6:[::]"),
            ("2001:DB8:0::1", "ipv6:[2001:db8::1]"),
        ];
        for (address, text) in rows {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(unified(address), text);
            assert_eq!(parse(text), Some(address.to_canonical()), "and back");
        }
    }

    #[test]
    fn parse_takes_the_plain_and_the_odd_forms() {
        let rows = [
            ("10.77.0.2", "10.77.0.2"),
            ("10.077.000.2", "10.77.0.2"),
            ("ipv4:[10.77.0.2]", "10.77.0.2"),
            ("ipv4:127.0.0.1", "127.0.0.1"),
            ("localhost", "127.0.0.1"),
            ("::ffff:10.77.0.2", "10.77.0.2"),
            ("ipv6:[::ffff:10.77.0.2]", "10.77.0.2"),
            ("::1", "::1"),
            ("ipv6:::1", "::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("ipv6:2001:DB8::1", "2001:db8::1"),
            ("ipv6:[[2001:db8::1]]", "2001:db8::1"),
        ];
        for (text, address) in rows {
            assert_eq!(parse(text), Some(address.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn parse_guesses_nothing() {
        let texts = [
            "",
            "ipv4:",
            "ipv6:",
            "ipv6:[]",
            "[",
            "peer.example.com",
            "a.b.c.d",
            "10.0.0",
            "10.0.0.1.2",
            "10.0.0.300",
            "10.0.0.-1",
            "10.0.0.+1",
            "10..0.1",
            "10.0.0.1/24",
            "10.0.0.1 ",
            "ipv4:::1",
            "ipv6:10.0.0.1",
            "[::1",
            "fe80::1%eth0",
            "ipv4:ipv4:10.0.0.1",
        ];
        for text in texts {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
