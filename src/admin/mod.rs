//! The operators' doors: the status page, the API and the control socket, all of them by HTTP.
//!
//! A thread of its own with a runtime of its own. It owns no state of the daemon: it puts an [`AdminRequest`] into a bounded
//! queue, wakes the protocol thread and waits for the reply. The protocol thread sees at most ten requests a second for the
//! status, ten for records, and the orders, with any clients (H4, D35).
//!
//! * `server`: addresses, connections, limits; `places` the share of each client
//! * `control`: the file of the control socket
//! * `service`: one HTTP request; `api` those of `/api/v1`, `log_level` one of them; `probe` those of load balancers; `origin` whether an order is meant (H2);
//!   `order_token` who may give one that has no other right
//! * `link`: the protocol thread as seen from here
//! * `browse`: the pages for people; `page` their HTML; `status` the JSON; `metrics` those for Prometheus; `record` the
//!   flight record

mod api;
mod browse;
mod control;
mod freeze;
mod link;
mod log_level;
mod metrics;
mod order;
mod order_token;
mod origin;
mod page;
mod places;
mod probe;
mod record;
mod server;
mod service;
pub mod snapshot;
mod status;

use std::io;
use std::sync::mpsc::SyncSender;
use std::time::{Instant, SystemTime};

use schrittmacher_config::{Core, Page};

pub use self::control::ControlDoor;
pub use self::freeze::{FreezeOrder, FreezeOutcome};
pub use self::link::{AdminRequest, ReloadRequest};
pub use self::order::{OperatorOrder, OrderOutcome, Target};
pub use self::order_token::OrderRights;

use crate::event_hook::EventHook;
use crate::kept::{History, StateFolder};
use crate::logging::{LogLevel, LostLines};

use self::server::{Doors, Limits};
use self::service::PageFacts;

/// Where orders are told.
#[derive(Clone, Debug, Default)]
pub struct Told {
    pub history: History,
    pub hook: EventHook,
    /// Where the history is kept.
    pub folder: Option<StateFolder>,
}

/// Starts the thread, if there is a door to serve. It lives as long as the process.
///
/// `log` is what it tells of the log, and changes there. `wake` is called after each request that was put into `requests`; both run on that thread. Give
/// `requests` a small bound (16): while it is full the answer is 503. An address that is not free yet is
/// tried again each second, with one warning, and holds up nothing.
///
/// # Errors
///
/// The system refuses a thread or the descriptors of an event loop.
pub fn spawn(
    core: &Core,
    control: Option<&ControlDoor>,
    rights: OrderRights,
    told: Told,
    (level, lost): (LogLevel, LostLines),
    requests: SyncSender<AdminRequest>,
    wake: impl Fn() + Send + Sync + 'static,
) -> io::Result<()> {
    let page = Page::from_config(core);
    if page.is_none() && control.is_none() {
        return Ok(());
    }
    let facts = PageFacts {
        local_address: core.local_address,
        remote_address: core.remote_address,
        port: core.port,
        started: Instant::now(),
        started_at: SystemTime::now(),
        told,
        level,
        lost,
    };
    let control = control.map(ControlDoor::listener).transpose()?;
    let doors = Doors { page, control, rights, facts };
    server::spawn(doors, Limits::default(), requests, Box::new(wake))
}

#[cfg(test)]
mod tests;
