//! The status page and the operator's orders, over HTTP.
//!
//! A thread of its own with a runtime of its own. It owns no state of the daemon: it puts a [`Request`] into
//! a bounded queue, wakes the protocol thread and waits for the reply. Whatever clients do, the protocol
//! thread sees at most ten requests a second for the status, ten for records, and the orders (H4, D35).
//!
//! * `server`: addresses, connections, limits
//! * `service`: one HTTP request
//! * `origin`: whether an order is meant (H2)
//! * `link`: the protocol thread as seen from here
//! * `page`: the HTML
//! * `record`: the flight record

mod link;
mod order;
mod origin;
mod page;
mod record;
mod server;
mod service;
pub mod snapshot;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::mpsc::SyncSender;

use crate::config::Core;

pub use self::link::{Reply, Request};
pub use self::order::{Order, Outcome};
pub use self::record::CONTENT_TYPE as RECORD_TYPE;

use self::server::Limits;

/// Where the page is and how it may be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `http-address` with its default filled in. An IPv6 address means IPv6 alone, `::` too.
    pub addresses: Vec<IpAddr>,
    /// `http-port`.
    pub port: u16,
    /// `http-host`: further names that requests may carry in `Host`.
    pub host_names: Vec<String>,
}

impl Settings {
    /// What the configuration says; `None` if it wants no page.
    pub fn from_config(core: &Core) -> Option<Settings> {
        let addresses = if !core.http_address.is_empty() {
            core.http_address.clone()
        } else if core.local_address.is_loopback() {
            vec![core.local_address]
        } else {
            vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()]
        };
        Some(Settings { addresses, port: core.http_port?, host_names: core.http_host.clone() })
    }
}

/// Starts the page's thread. It lives as long as the process.
///
/// `wake` is called after each request that was put into `requests`; both run on the page's thread. Give
/// `requests` a small bound (16): while it is full the page answers 503. An address that is not free yet is
/// tried again each second, with one warning, and holds up nothing.
///
/// # Errors
///
/// The system refuses a thread or the descriptors of an event loop.
pub fn spawn(
    settings: Settings,
    requests: SyncSender<Request>,
    wake: impl Fn() + Send + Sync + 'static,
) -> io::Result<()> {
    server::spawn(settings, Limits::default(), requests, Box::new(wake))
}

#[cfg(test)]
mod tests;
