//! The troubles of an interface or an address.

use std::io;

/// Whether traffic can reach an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// It is up and has a carrier.
    Up,
    /// It is up and has no carrier.
    NoCarrier,
    /// Somebody has switched it off.
    Down,
    /// There is no such interface.
    Missing,
}

impl std::fmt::Display for LinkState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            LinkState::Up => "is up",
            LinkState::NoCarrier => "has no carrier",
            LinkState::Down => "is switched off",
            LinkState::Missing => "is missing",
        })
    }
}

/// What has taken an address that was up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Somebody else has removed it.
    BySomebody,
    /// The kernel, because its interface was switched off or is gone.
    WithInterface,
    /// The kernel, because its interface has no IPv6 any more.
    WithIpv6,
}

impl std::fmt::Display for Loss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Loss::BySomebody => "was removed by somebody else",
            Loss::WithInterface => "went with its interface, which was switched off or removed",
            Loss::WithIpv6 => "went with IPv6 on its interface (an MTU below 1280, or `disable_ipv6`)",
        })
    }
}

/// Why an address is not as it should be.
#[derive(Debug)]
pub enum Trouble {
    /// There is no such interface.
    NoInterface,
    /// The address was on the interface, or on another one, before, and this program did not add it.
    Foreign {
        /// Where.
        interface: String,
    },
    /// The kernel's error.
    System(io::Error),
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Trouble::NoInterface => f.write_str("there is no such interface"),
            Trouble::Foreign { interface } => {
                write!(
                    f,
                    "it is on {interface} already, and not from this daemon; remove it there, or from the file"
                )
            }
            Trouble::System(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                write!(f, "{error}: CAP_NET_ADMIN is needed")
            }
            Trouble::System(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Trouble {}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        Trouble::System(error)
    }
}
