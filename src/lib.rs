//! The schrittmacher daemon: the protocol crate's decisions, carried out on real sockets and processes.

pub mod actions;
pub mod admin;
pub mod app_process;
pub mod clock;
pub mod config;
pub mod ctl;
pub mod daemon;
pub mod daemonize;
pub mod event_loop;
pub mod exit_code;
mod fork;
pub mod launch;
pub mod link;
pub mod logging;
#[cfg(test)]
mod man;
pub mod node;
pub mod notify;
pub mod options;
pub mod parachute;
pub mod pidfile;
pub mod record;
pub mod reload;
pub mod resource;
pub mod simulate;
pub mod wording;

#[cfg(test)]
mod testing;
