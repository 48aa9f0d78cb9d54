//! Network namespaces: two hosts with a real cable between them. They go away with their last process.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::Command;
use std::sync::Arc;

use nix::sched::{CloneFlags, setns, unshare};

use super::{Side, is_root};

/// A network of its own.
#[derive(Clone, Debug)]
pub struct Namespace(Arc<OwnedFd>);

impl Namespace {
    fn new() -> nix::Result<Namespace> {
        // In a thread of its own, which is the only thing that moves.
        let thread = std::thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            let namespace = File::open("/proc/thread-self/ns/net").unwrap();
            Ok(Namespace(Arc::new(namespace.into())))
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// For a process that shall live in it.
    pub fn descriptor(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.0)
    }

    /// A name for it that `ip` understands.
    fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd())
    }

    /// Does something in it.
    pub fn run<T: Send>(&self, what: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let inside = scope.spawn(|| {
                setns(self.0.as_fd(), CloneFlags::CLONE_NEWNET).unwrap();
                what()
            });
            inside.join().unwrap()
        })
    }

    fn ip(&self, arguments: &str) {
        let output = self.run(|| Command::new("ip").args(arguments.split(' ')).output()).unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "ip {arguments}: {complaint}");
    }
}

/// Two hosts, and the cable between them.
#[derive(Debug)]
pub struct Cable {
    ends: [Namespace; 2],
}

impl Cable {
    /// Lays the cable: 10.0.0.1 and fd00::1 on one end, 10.0.0.2 and fd00::2 on the other. If that is not
    /// possible here, the reason.
    pub fn lay() -> Result<Cable, &'static str> {
        if !is_root() {
            return Err("network namespaces need root");
        }
        if Command::new("ip").arg("-V").output().is_err() {
            return Err("no `ip` program");
        }
        let new = || Namespace::new().map_err(|_| "this system refuses network namespaces");
        let ends = [new()?, new()?];
        ends[0].ip(&format!("link add cable type veth peer name cable netns {}", ends[1].path()));
        for (end, host) in ends.iter().zip(1..) {
            end.ip("link set lo up");
            end.ip(&format!("addr add 10.0.0.{host}/24 dev cable"));
            end.ip(&format!("addr add fd00::{host}/64 dev cable nodad"));
            end.ip("link set cable up");
        }
        Ok(Cable { ends })
    }

    /// The two hosts.
    pub fn ends(&self) -> [Namespace; 2] {
        self.ends.clone()
    }

    /// Gives one end a further address.
    pub fn add_address(&self, side: Side, address: &str) {
        self.ends[side.index()].ip(&format!("addr add {address} dev cable"));
    }

    /// Pulls it out.
    pub fn cut(&self) {
        self.ends[0].ip("link set cable down");
    }

    /// Plugs it in again.
    pub fn heal(&self) {
        self.ends[0].ip("link set cable up");
    }
}
