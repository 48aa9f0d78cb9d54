//! The schrittmacher datagram, in both directions.
//!
//! Two daemons, and an application and its daemon, talk by UDP. A payload is one JSON object. This crate reads
//! payloads as [`Message`]s and writes [`PeerMessage`]s and [`AppMessage`]s as payloads. It owns no socket and no
//! clock. The daemon and the client library share it.
//!
//! Writing is byte-exact with the legacy programs (daemon 2.0.0, client library 1.18.0). Reading accepts
//! everything those accept, apart from the accidents of their parser (W2). No input makes this crate panic.
#![forbid(unsafe_code)]

mod app;
mod batch;
mod code;
mod coerce;
mod epoch;
mod freeze;
mod given;
mod heartbeat;
pub mod host;
mod json;
mod members;
mod message;
mod note;
mod peer;
mod promise;
mod right;
mod run;
mod socket_name;
mod trip;

pub use app::AppMessage;
pub use batch::{
    Batch, BatchKind, BatchMode, BatchReceiver, BatchSender, Numbers, encode_batch, times_as_a_whole,
};
pub use code::{AppCode, Code, PeerCode};
pub use freeze::{FREEZE_MAX, FREEZE_STAMPS, Freeze};
pub use json::{MAX_DATAGRAM, MAX_NAME, is_sendable_name};
pub use message::{MAX_RECEIVED, Message, PeerDatagram, Rejected};
pub use note::Note;
pub use peer::PeerMessage;
pub use promise::Promised;
pub use right::{MAX_ANSWER, Right};
pub use run::Run;
pub use socket_name::{RUN_DIRECTORY, SocketKind, socket_name, socket_name_end};
pub use trip::{Echo, Trip};
