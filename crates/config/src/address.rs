//! Addresses in all spellings that the legacy program understood.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// An address, and whether it was written as an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// One of the forms in [`parse`].
    Proper(IpAddr),
    /// IPv4 as only 2.0.0 understood it: with leading zeros, or with text behind it.
    Sloppy(IpAddr),
}

/// Reads `10.2.1.88`, `ipv4:10.2.1.88`, `::ffff:10.2.1.88`, `fd00::1`, `[fd00::1]`, `ipv6:fd00::1` and
/// `ipv6:[fd00::1]`. IPv4 written as IPv6 becomes IPv4. Names are never looked up.
///
/// # Errors
/// A hint on what to write instead.
pub(super) fn parse(text: &str) -> Result<Spelling, &'static str> {
    if let Some(v4) = text.strip_prefix("ipv4:") {
        return parse_v4(v4).ok_or(NEITHER);
    }
    if let Some(v4) = parse_v4(text) {
        return Ok(v4);
    }
    let v6 = text.strip_prefix("ipv6:").unwrap_or(text);
    let v6 = v6.strip_prefix('[').and_then(|v6| v6.strip_suffix(']')).unwrap_or(v6);
    match v6.parse::<Ipv6Addr>() {
        Ok(address) => Ok(Spelling::Proper(address.to_canonical())),
        Err(_) if v6.contains('%') => Err("an address with a zone (`%`) is not supported"),
        Err(_) => Err(NEITHER),
    }
}

const NEITHER: &str = "write an address like 192.0.2.1 or 2001:db8::1; host names are not looked up";

/// As 2.0.0 read it: what follows the last number (mostly `/24`) is dropped. Numbers above 255, which it took modulo 256,
/// can't be meant.
fn parse_v4(text: &str) -> Option<Spelling> {
    let (address, _) =
        schrittmacher_wire::host::leading_v4(text).filter(|(_, rest)| !rest.starts_with('.'))?;
    let is_proper = text.parse() == Ok(address);
    Some(if is_proper { Spelling::Proper(address.into()) } else { Spelling::Sloppy(address.into()) })
}

/// Reads `ADDRESS` and `ADDRESS:PORT`, with the addresses of [`parse`]. IPv6 needs brackets: the end of
/// `fd00::1:514` may be a port or not.
///
/// # Errors
/// A hint on what to write instead.
pub(super) fn parse_server(text: &str, default_port: u16) -> Result<SocketAddr, &'static str> {
    const HINT: &str = "write 192.0.2.1, 192.0.2.1:514 or [2001:db8::1]:514; host names are not looked up";
    let address = |text: &str| match parse(text) {
        Ok(Spelling::Proper(address)) if address.is_ipv4() || text.ends_with(']') => Some(address),
        Ok(_) | Err(_) => None,
    };
    let (address, port) = match (address(text), text.rsplit_once(':')) {
        (Some(address), _) => (address, default_port),
        (None, Some((before, port))) => (address(before).ok_or(HINT)?, parse_port(port).ok_or(HINT)?),
        (None, None) => return Err(HINT),
    };
    check_end(address)?;
    Ok(SocketAddr::new(address, port))
}

fn parse_port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port != 0)
}

/// Whether one end of the peer link can have the address.
///
/// # Errors
/// A hint on what to write instead.
pub(super) fn check_end(address: IpAddr) -> Result<(), &'static str> {
    let link_local = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    if address.is_unspecified() || address.is_multicast() || broadcast {
        Err("write the address of one host")
    } else if link_local {
        Err("a link-local address is not supported: it means nothing without an interface")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proper(text: &str) -> Spelling {
        Spelling::Proper(text.parse().unwrap())
    }

    fn sloppy(text: &str) -> Spelling {
        Spelling::Sloppy(text.parse().unwrap())
    }

    #[test]
    fn legacy_spellings_mean_the_same_address() {
        for text in ["10.2.1.88", "ipv4:10.2.1.88", "::ffff:10.2.1.88", "ipv6:[::ffff:10.2.1.88]"] {
            assert_eq!(parse(text), Ok(proper("10.2.1.88")), "{text}");
        }
        for text in ["fd00::1", "FD00:0::1", "[fd00::1]", "ipv6:fd00::1", "ipv6:[fd00::1]"] {
            assert_eq!(parse(text), Ok(proper("fd00::1")), "{text}");
        }
    }

    #[test]
    fn what_2_0_0_understood_is_understood() {
        assert_eq!(parse("10.2.1.88/24"), Ok(sloppy("10.2.1.88")));
        assert_eq!(parse("010.02.1.088"), Ok(sloppy("10.2.1.88")));
        assert_eq!(parse("10.2.1.88 # us"), Ok(sloppy("10.2.1.88")));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "localhost", "a.b.c.d", "10.2.1.300", "10.2.1", "10.2.1.", "10.+2.1.1", "1.2.3.4.5"]
        {
            assert_eq!(parse(text), Err(NEITHER), "{text}");
        }
        for text in ["ipv4:fd00::1", "ipv6:localhost", "[10.2.1.88", "[fd00::1]:7700"] {
            assert_eq!(parse(text), Err(NEITHER), "{text}");
        }
        assert!(parse("fe80::1%eth0").unwrap_err().contains("zone"));
    }

    #[test]
    fn a_server_is_an_address_with_or_without_a_port() {
        for (text, server) in [
            ("192.0.2.9", "192.0.2.9:514"),
            ("192.0.2.9:5514", "192.0.2.9:5514"),
            ("ipv4:192.0.2.9:65535", "192.0.2.9:65535"),
            ("::ffff:192.0.2.9", "192.0.2.9:514"),
            ("[fd00::1]", "[fd00::1]:514"),
            ("[fd00::1]:1", "[fd00::1]:1"),
            ("ipv6:[fd00::1]:5514", "[fd00::1]:5514"),
        ] {
            assert_eq!(parse_server(text, 514), Ok(server.parse().unwrap()), "{text}");
        }
        for text in [
            "",
            "loghost",
            "loghost:514",
            "192.0.2.9/24",
            "192.0.2.9:",
            "192.0.2.9:0",
            "192.0.2.9:65536",
            "192.0.2.9:+1",
            "192.0.2.9:syslog",
            "fd00::1",
            "fd00::1:514",
            "[fd00::1",
            "[fd00::1]:",
            "fd00::1]:514",
            "[192.0.2.9]:514",
            ":514",
            "0.0.0.0",
            "224.0.0.1:514",
            "[fe80::1]",
        ] {
            assert!(parse_server(text, 514).is_err(), "{text}");
        }
    }

    #[test]
    fn an_end_of_the_link_is_one_host() {
        for text in ["0.0.0.0", "::", "255.255.255.255", "224.0.0.18", "ff02::1", "fe80::1"] {
            assert!(check_end(text.parse().unwrap()).is_err(), "{text}");
        }
        for text in ["127.0.0.2", "10.2.1.88", "fd00::1", "::1"] {
            assert_eq!(check_end(text.parse().unwrap()), Ok(()), "{text}");
        }
    }
}
