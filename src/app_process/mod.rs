//! The process of the application: which one it is, and when it ends (A3).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use mio::{Registry, Token, Waker};
use nix::sys::signal::Signal;
use schrittmacher_protocol::Time;

use crate::config::Config;

/// Not there yet: no process is ever believed.
#[derive(Debug)]
pub struct AppProcesses;

impl AppProcesses {
    /// Believes nobody.
    pub fn new(_: &Config, _: Registry, _: usize, _: Arc<Waker>) -> io::Result<AppProcesses> {
        Ok(AppProcesses)
    }
    /// Nothing.
    pub fn heard(&mut self, _: usize, _: Option<u32>, _: SocketAddr, _: Time) {}
    /// Nothing.
    pub fn on_ready(&mut self, _: Token) -> Option<usize> {
        None
    }
    /// Nothing.
    pub fn on_wake(&mut self, _: Time) {}
    /// Nobody.
    pub fn believed(&self, _: usize) -> Option<u32> {
        None
    }
    /// Nobody.
    pub fn signal(&mut self, _: usize, _: Signal) -> io::Result<Option<u32>> {
        Ok(None)
    }
}
