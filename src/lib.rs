//! The schrittmacher daemon: the protocol crate's decisions, carried out on real sockets and processes.

pub mod admin;
pub mod config;
pub mod exit_code;
pub mod logging;
pub mod notify;
pub mod options;
