//! Network namespaces: two hosts with a real cable between them. They go away with their last process.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use nix::sched::{CloneFlags, setns, unshare};

use crate::{Side, is_root};

/// A network of its own.
#[derive(Clone, Debug)]
pub struct Namespace(Arc<OwnedFd>);

impl Namespace {
    pub(super) fn new() -> Result<Namespace, &'static str> {
        // In a thread of its own, which is the only thing that moves.
        let thread = std::thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).map_err(|_| "this system refuses network namespaces")?;
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
    pub(super) fn path(&self) -> String {
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

    /// Runs a program in it with these words and this standard input.
    pub fn tool(&self, program: &str, arguments: &str, input: &str) -> std::io::Result<Output> {
        self.run(|| {
            let mut command = Command::new(program);
            command.args(arguments.split(' ')).stdin(Stdio::piped());
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
            child.stdin.take().unwrap().write_all(input.as_bytes())?;
            child.wait_with_output()
        })
    }

    /// The output of a program that has to succeed.
    pub fn output(&self, program: &str, arguments: &str) -> String {
        succeeded(arguments, &self.tool(program, arguments, "").unwrap())
    }

    /// Runs `ip`, which has to succeed.
    pub fn ip(&self, arguments: &str) {
        succeeded(arguments, &self.tool("ip", arguments, "").unwrap());
    }
}

/// The output of a program that had to succeed.
pub(super) fn succeeded(what: &str, output: &Output) -> String {
    assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Whether this test may make networks; if not, why.
pub(super) fn may_make_networks() -> Result<(), &'static str> {
    if !is_root() {
        return Err("network namespaces need root");
    }
    Command::new("ip").arg("-V").output().map(drop).map_err(|_| "no `ip` program")
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
        may_make_networks()?;
        let ends = [Namespace::new()?, Namespace::new()?];
        ends[0].ip(&format!("link add cable type veth peer name cable netns {}", ends[1].path()));
        for (end, host) in ends.iter().zip(1..) {
            end.ip(&format!("addr add fd00::{host}/64 dev cable nodad"));
        }
        Ok(Cable::between(ends))
    }

    /// The cable that lies between these: each has its end, called `cable`.
    pub(super) fn between(ends: [Namespace; 2]) -> Cable {
        for (end, host) in ends.iter().zip(1..) {
            end.ip("link set lo up");
            end.ip(&format!("addr add 10.0.0.{host}/24 dev cable"));
            end.ip("link set cable up");
        }
        Cable { ends }
    }

    /// A second cable, called `second`: 10.0.1.1 and fe80::1 on one end, 10.0.1.2 and fe80::2 on the other.
    pub fn lay_second(&self) {
        let [a, b] = &self.ends;
        a.ip(&format!("link add second type veth peer name second netns {}", b.path()));
        for (end, host) in self.ends.iter().zip(1..) {
            end.ip(&format!("addr add 10.0.1.{host}/24 dev second"));
            end.ip("link set second addrgenmode none");
            end.ip("link set second up");
            end.ip(&format!("addr add fe80::{host}/64 dev second nodad"));
        }
    }

    /// Takes the second cable away.
    pub fn remove_second(&self) {
        self.ends[0].ip("link del second");
    }

    /// The two hosts.
    pub fn ends(&self) -> [Namespace; 2] {
        self.ends.clone()
    }

    /// One of them.
    pub fn end(&self, side: Side) -> &Namespace {
        &self.ends[side.index()]
    }

    /// Gives one end a further address.
    pub fn add_address(&self, side: Side, address: &str) {
        self.end(side).ip(&format!("addr add {address} dev cable nodad"));
    }

    /// Takes an address from one end.
    pub fn remove_address(&self, side: Side, address: &str) {
        self.end(side).ip(&format!("addr del {address} dev cable"));
    }

    /// Pulls it out: the link of `a` goes down, and `b` sees no carrier.
    pub fn cut(&self) {
        self.ends[0].ip("link set cable down");
    }

    /// Plugs it in again.
    pub fn heal(&self) {
        self.ends[0].ip("link set cable up");
    }

    /// Has the kernel do this to every packet, in the words of tc-netem(8). If it cannot, the reason.
    pub fn netem(&self, what: &str) -> Result<(), &'static str> {
        for end in &self.ends {
            let order = format!("qdisc replace dev cable root netem {what}");
            let told = end.tool("tc", &order, "").map_err(|_| "no `tc` program")?;
            if String::from_utf8_lossy(&told.stderr).contains("qdisc kind is unknown") {
                return Err("this kernel has no netem");
            }
            succeeded(&order, &told);
        }
        Ok(())
    }

    /// How many packets the kernel has lost on purpose of those that `side` has sent.
    pub fn netem_lost(&self, side: Side) -> u64 {
        let told = succeeded("tc", &self.end(side).tool("tc", "-s qdisc show dev cable", "").unwrap());
        let count = told.split("dropped ").nth(1).unwrap().split(',').next().unwrap();
        count.parse().unwrap()
    }
}
