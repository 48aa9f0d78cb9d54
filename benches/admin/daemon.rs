//! The daemon that is measured.

use std::env;
use std::fmt::Write;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

pub const PORT: u16 = 7700;
const HTTP_PORT: u16 = 7780;

pub struct Daemon {
    process: Child,
    pub local: Ipv4Addr,
    pub remote: Ipv4Addr,
    _folder: TempDir,
}

impl Daemon {
    /// Starts one with resources `r0`, `r1`, …
    pub fn start(count: usize, heartbeat: Duration) -> Daemon {
        // No other run on this machine has these.
        let [_, _, high, low] = std::process::id().to_be_bytes();
        let (local, remote) =
            (Ipv4Addr::new(127, 100 + high % 100, low, 1), Ipv4Addr::new(127, 100 + high % 100, low, 2));
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display();
        let mut text = format!(
            "group = core\nlocal-address = {local}\nremote-address = {remote}\nport = {PORT}\nhttp-port = {HTTP_PORT}\n\
             security = legacy\nheartbeat = {}\ntimeout = 10\napp-timeout = 3600\nrun-directory = {at}/run\n\
             state-directory = {at}/state\nlog-level = off\n",
            heartbeat.as_secs_f64()
        );
        for n in 0..count {
            write!(text, "\ngroup = resource\nname = r{n}\nstart-action = true\nstop-action = true\n")
                .unwrap();
        }
        let file = folder.path().join("conf");
        fs::write(&file, text).unwrap();
        // Another build can be measured beside this one.
        let program = env::var_os("DAEMON").unwrap_or_else(|| env!("CARGO_BIN_EXE_schrittmacher").into());
        let process = Command::new(program).arg(&file).stderr(Stdio::null()).spawn();
        Daemon { process: process.unwrap(), local, remote, _folder: folder }
    }

    pub fn page(&self) -> SocketAddr {
        (self.local, HTTP_PORT).into()
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
