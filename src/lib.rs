//! The schrittmacher daemon: the protocol crate's decisions, carried out on real sockets and processes.

pub mod actions;
pub mod app_process;
pub mod config;
