//! Every known key of the configuration file: what can be said of a key.
//!
//! * `table`: the keys themselves. The typed configuration, `--check` and the references for operators all read it.
//! * `advice`: a key by its name, and the hint for a name that is none

mod advice;
mod table;

use std::fmt;

use super::document::GroupKind;

pub(super) use advice::{advice, find};
pub use table::DEFAULT_STATE_DIRECTORY;
pub(super) use table::*;

/// A key of the configuration file.
#[derive(Debug)]
pub(super) struct Key {
    /// As it is written, in lower case.
    pub name: &'static str,
    /// The groups that may have it.
    pub place: Place,
    /// The kind of its value.
    pub kind: Kind,
    /// The default in words; behind a `;` the default in special cases.
    pub default: &'static str,
    /// One line of help.
    pub help: &'static str,
    /// Whether older versions read it; it is then read more leniently.
    pub origin: Origin,
    /// When another value comes into force.
    pub change: Change,
}

/// The groups that may have a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// `core` only.
    Core,
    /// A `resource` only.
    Resource,
    /// A `resource`, or `core` for all resources that do not have it.
    Both,
}

/// The kind of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Address,
    /// An address; of the link alone, if the interface is named: `fe80::1%eth1`.
    PathEnd,
    Addresses,
    /// Addresses, each of the link alone if the interface is named.
    Targets,
    /// Addresses, each with or without the length of its prefix.
    Networks,
    /// Of a server, in the form of [`super::address::parse_server`].
    Server {
        default_port: u16,
    },
    Port {
        max: u16,
    },
    Seconds {
        min: f64,
        max: f64,
    },
    Integer,
    /// How many times.
    Count {
        min: u32,
        max: u32,
    },
    /// One of the words.
    Word(&'static [&'static str]),
    YesNo,
    LogLevel,
    Path,
    Text,
    Names,
    Command,
}

/// The version that introduced a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The manual of 1.8 or version 2.0.0 knows it. A value that those started with must not prevent our start.
    /// So nonsense is a warning, and means the same as it did there.
    Legacy,
    /// New in version 3: nonsense is an error.
    New,
}

/// When another value of a key comes into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// With a reload.
    Reload,
    /// With the next start: sockets, files and threads were made for the old value.
    Restart,
}

impl Key {
    /// Another value needs a restart.
    const fn fixed(mut self) -> Key {
        self.change = Change::Restart;
        self
    }
}

impl Place {
    /// Whether such a group may have a key with this place.
    pub fn allows(self, kind: GroupKind) -> bool {
        match kind {
            GroupKind::Core => self != Place::Resource,
            GroupKind::Resource => self != Place::Core,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Place::Core => "core",
            Place::Resource => "resource",
            Place::Both => "core, resource",
        })
    }
}

/// Unit and range, for the reference.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Address => f.write_str("IPv4 or IPv6 address"),
            Kind::Targets => f.write_str("addresses"),
            Kind::PathEnd => f.write_str("address, or like `fe80::1%eth1`"),
            Kind::Addresses => f.write_str("addresses"),
            Kind::Networks => f.write_str("addresses, with or without /prefix"),
            Kind::Server { default_port } => {
                write!(f, "address, or address:port; port {default_port} if none")
            }
            Kind::Port { max } => write!(f, "port, 1 … {max}"),
            Kind::Seconds { min, max } => write!(f, "seconds, {min} … {max}"),
            Kind::Integer => f.write_str("integer, 32 bit, signed"),
            Kind::Count { min, max } => write!(f, "integer, {min} … {max}"),
            Kind::Word(words) => write!(f, "`{}`", words.join("`, `")),
            Kind::YesNo => f.write_str("`yes`, `no`"),
            Kind::LogLevel => f.write_str("name, or 0 … 5"),
            Kind::Path => f.write_str("path"),
            Kind::Text => f.write_str("text"),
            Kind::Names => f.write_str("host names"),
            Kind::Command => f.write_str("command"),
        }
    }
}

/// A row of the table.
const fn path_end(name: &'static str, help: &'static str) -> Key {
    new(Place::Core, name, Kind::PathEnd, "none", help)
}

const fn legacy(
    place: Place,
    name: &'static str,
    kind: Kind,
    default: &'static str,
    help: &'static str,
) -> Key {
    Key { name, place, kind, default, help, origin: Origin::Legacy, change: Change::Reload }
}

const fn core(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Key {
    legacy(Place::Core, name, kind, default, help)
}

const fn resource(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Key {
    legacy(Place::Resource, name, kind, default, help)
}

const fn new(place: Place, name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Key {
    Key { name, place, kind, default, help, origin: Origin::New, change: Change::Reload }
}
