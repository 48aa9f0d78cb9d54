//! Addresses in all spellings that the legacy program understood.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address, and whether it was written as an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// One of the forms in [`parse`].
    Proper(IpAddr),
    /// IPv4 that 2.0.0 understood although it is none: with leading zeros, or with something behind it.
    Sloppy(IpAddr),
}

/// Reads `10.2.1.88`, `ipv4:10.2.1.88`, `::ffff:10.2.1.88`, `fd00::1`, `[fd00::1]`, `ipv6:fd00::1` and
/// `ipv6:[fd00::1]`. IPv4 in the guise of IPv6 becomes IPv4. Names are never looked up.
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

fn parse_v4(text: &str) -> Option<Spelling> {
    match text.parse::<Ipv4Addr>() {
        Ok(address) => Some(Spelling::Proper(address.into())),
        Err(_) => sloppy_v4(text).map(|address| Spelling::Sloppy(address.into())),
    }
}

/// Four decimal parts as 2.0.0 read them: `010` is ten, and what follows the last number (mostly `/24`) is
/// dropped. Numbers above 255, which it took modulo 256, can't be meant.
fn sloppy_v4(text: &str) -> Option<Ipv4Addr> {
    let parts: [&str; 4] = text.split('.').collect::<Vec<_>>().try_into().ok()?;
    let [a, b, c, last] = parts;
    let digits = last.bytes().take_while(u8::is_ascii_digit).count();
    let number = |part: &str| match part.bytes().all(|byte| byte.is_ascii_digit()) {
        true => part.parse::<u8>().ok(),
        false => None,
    };
    Some(Ipv4Addr::new(number(a)?, number(b)?, number(c)?, number(last.get(..digits)?)?))
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
    fn an_end_of_the_link_is_one_host() {
        for text in ["0.0.0.0", "::", "255.255.255.255", "224.0.0.18", "ff02::1", "fe80::1"] {
            assert!(check_end(text.parse().unwrap()).is_err(), "{text}");
        }
        for text in ["127.0.0.2", "10.2.1.88", "fd00::1", "::1"] {
            assert_eq!(check_end(text.parse().unwrap()), Ok(()), "{text}");
        }
    }
}
