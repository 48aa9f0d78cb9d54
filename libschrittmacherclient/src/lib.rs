//! Client library of schrittmacher: an application reports its state to the local daemon.
//!
//! Of two hosts one does the work. The daemons on both hosts agree which one, and each tells its application: SIGUSR1
//! means "become hot", SIGUSR2 means "become standby". The application reports its state to the daemon by UDP, at each
//! change and every 1.5 seconds.
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
//! // The daemon decides what to become.
//! client.report(CurrentState::Unknown, None)?;
//! # Ok(())
//! # }
//! ```
//!
//! The same code is a shared and a static library for C, see `include/schrittmacherclient/`. Its datagrams and defaults
//! are those of the legacy client library 1.18.0.

#![deny(missing_docs)]

mod alarm;
mod app_socket;
mod bell;
mod builder;
mod callbacks;
mod capi;
mod client;
mod descriptor;
mod error;
mod link;
mod log;
#[cfg(test)]
mod recorded;
mod reporter;
mod right;
mod schedule;
mod settings;
mod shared;
mod signals;
mod state;
mod thread;
mod turn;
mod watch;

pub use builder::ClientBuilder;
pub use client::Client;
pub use error::Error;
pub use log::LogLevel;
pub use settings::AddressFamily;
pub use state::{CurrentState, WantedState};
