//! Client library of schrittmacher: an application reports its state to the local daemon.
//!
//! Of two hosts one does the work. The daemon on each host decides with its peer which, and tells the
//! application: SIGUSR1 means "become hot", SIGUSR2 "become standby". The application tells the daemon how it
//! is, at each change and every 1.5 seconds, by UDP.
//!
//! ```no_run
//! use schrittmacherclient::{Client, CurrentState};
//!
//! # fn main() -> Result<(), schrittmacherclient::Error> {
//! let client = Client::builder("my-service")
//!     .on_go_hot(|client| {
//!         // Begin to work, then say so.
//!         let _ = client.report(CurrentState::Active, None);
//!     })
//!     .on_go_standby(|client| {
//!         // Stop working, then say so.
//!         let _ = client.report(CurrentState::Inactive, None);
//!     })
//!     .build()?;
//! client.install_signal_handlers()?;
//! client.start()?;
//! // The daemon will tell us what to become.
//! client.report(CurrentState::Unknown, None)?;
//! # Ok(())
//! # }
//! ```
//!
//! The same library is a shared and a static one for C, see `include/schrittmacherclient/`. On the wire and in
//! its defaults it is the legacy client library 1.18.0.

mod alarm;
mod bell;
mod builder;
mod capi;
mod client;
mod descriptor;
mod error;
mod link;
mod log;
#[cfg(test)]
mod recorded;
mod reporter;
mod schedule;
mod settings;
mod shared;
mod signals;
mod state;
mod thread;

pub use builder::ClientBuilder;
pub use client::Client;
pub use error::Error;
pub use log::LogLevel;
pub use settings::AddressFamily;
pub use state::{CurrentState, WantedState};
