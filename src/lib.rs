//! The schrittmacher daemon: the protocol crate's decisions, carried out on real sockets and processes.

pub mod config;
