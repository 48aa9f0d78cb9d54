//! The schrittmacher daemon: the protocol crate's decisions, carried out on real sockets and processes.

pub mod clock;
pub mod config;
pub mod link;
pub mod resource;
pub mod wording;
