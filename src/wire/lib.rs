//! The schrittmacher datagram, in both directions.
//!
//! Two daemons, and an application and its daemon, talk by UDP; a payload is one JSON object. This crate
//! turns payloads into [`Message`]s and [`PeerMessage`]s / [`AppMessage`]s into payloads. It owns no socket
//! and no clock. The daemon and the client library share it.
//!
//! Writing is byte-exact with the legacy programs (daemon 2.0.0, client library 1.18.0); reading accepts
//! everything those accept, apart from the accidents of their parser (W2). Nothing that arrives makes this
//! crate panic.
#![forbid(unsafe_code)]

mod app;
mod code;
mod coerce;
mod heartbeat;
pub mod host;
mod json;
mod members;
mod message;
mod peer;

pub use app::AppMessage;
pub use code::{AppCode, Code, PeerCode};
pub use json::{MAX_DATAGRAM, MAX_NAME, is_sendable_name};
pub use message::{MAX_RECEIVED, Message, Rejected};
pub use peer::PeerMessage;
