//! Who has sent a message of an application.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::app_socket::Credentials;

/// The sender, and the way of the message.
#[derive(Clone, Debug)]
pub enum Sender {
    /// By UDP. The address is known and no more.
    Udp(SocketAddr),
    /// By the application socket: the kernel names process and user.
    Local(Credentials),
}

impl Sender {
    /// The user, by the kernel's word.
    pub fn user(&self) -> Option<u32> {
        match self {
            Sender::Udp(_) => None,
            Sender::Local(credentials) => Some(credentials.user),
        }
    }

    /// The part that a sender cannot change at will, for warnings.
    pub fn origin(&self) -> SenderOrigin {
        match self {
            Sender::Udp(source) => SenderOrigin::Address(source.ip()),
            Sender::Local(credentials) => SenderOrigin::User(credentials.user),
        }
    }
}

/// Where a message comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SenderOrigin {
    /// An address, by UDP.
    Address(IpAddr),
    /// A user of this host.
    User(u32),
}

impl fmt::Display for SenderOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SenderOrigin::Address(address) => address.fmt(f),
            SenderOrigin::User(user) => write!(f, "user {user}"),
        }
    }
}
