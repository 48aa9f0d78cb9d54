//! A node for tests, with sockets of its own and without a daemon around it.

use std::net::{IpAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Poll, Token, Waker};
use schrittmacher_config::{Config, Core, Resource};
use schrittmacher_protocol::{Event, StateName, Time};
use schrittmacher_testkit::config::core;
use schrittmacher_wire::AppCode;

use super::Node;
use super::hold::Memory;
use super::promises::PromiseMemory;
use crate::app_process::AppProcesses;
use crate::commands::Executor;
use crate::startup::kept_sockets::KeptSockets;
use crate::udp::Link;

/// Far more than anything in these tests takes.
pub(super) const GUARD: Duration = Duration::from_secs(60);

/// Its time goes on when it is told.
pub(super) struct Bench {
    pub node: Node,
    pub now: Time,
    _poll: Poll,
}

impl Bench {
    pub fn new(resources: &[Resource]) -> Bench {
        let began = Instant::now();
        loop {
            assert!(began.elapsed() < GUARD, "no free port");
            let [local, remote] = [4, 5].map(|host| [127, 0, 9, host].into());
            if let Some(bench) = Bench::between(local, remote, free_port(local), resources) {
                return bench;
            }
        }
    }

    /// A node at this address, with a peer at that one. `None`: somebody else has its port.
    pub fn between(local: IpAddr, remote: IpAddr, port: u16, resources: &[Resource]) -> Option<Bench> {
        let poll = Poll::new().expect("a poll");
        let waker = Arc::new(Waker::new(poll.registry(), Token(0)).expect("a waker"));
        let registry = || poll.registry().try_clone().expect("a registry");
        let core = Core { local_address: local, remote_address: remote, port, ..core() };
        let link = Link::open(&core, &mut KeptSockets::default(), &registry(), &registry()).ok()?;
        let config = Config { core, resources: resources.to_vec() };
        let now = Time::new(Duration::from_secs(1000));
        let executor = Executor::new(&config, registry(), Arc::clone(&waker), None, now).expect("a thread");
        let processes = AppProcesses::new(&config.resources, registry(), waker).expect("a thread");
        let promises = PromiseMemory::default();
        let memory = Memory { file_is_broken: false, peer_is_known: true, promises };
        let node = Node::new(config, memory, link, executor, processes, None, now).expect("numbers");
        Some(Bench { node, now, _poll: poll })
    }

    pub fn state(&self, index: usize) -> StateName {
        self.node.resources[index].protocol.state().name()
    }

    /// The application of a resource reports.
    pub fn says(&mut self, index: usize, code: AppCode) {
        self.node.resources[index].heard_app(Some(code), None, self.now);
        self.node.give(index, Event::App(Some(code)), self.now);
    }

    pub fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.node.on_time(self.now);
    }
}

pub(super) fn free_port(address: IpAddr) -> u16 {
    let free = UdpSocket::bind((address, 0)).expect("a socket");
    free.local_addr().expect("an address").port()
}
