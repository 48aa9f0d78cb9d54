//! The schrittmacher daemon: the protocol crate's decisions, carried out on real sockets and processes.

pub mod admin;
pub mod clock;
pub mod config;
pub mod exit_code;
pub mod link;
pub mod logging;
pub mod notify;
pub mod options;
pub mod resource;
pub mod wording;
