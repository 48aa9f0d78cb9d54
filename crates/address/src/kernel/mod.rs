//! The system's part: addresses and links by netlink, frames by packet sockets.

mod netlink;
mod packet;
mod route;

pub(crate) use packet::{Listener, Sender};
pub(crate) use route::{KernelChange, Link, Placement, RouteSocket};
