//! Two hosts and one service.

use std::fs::{self, Permissions};
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::ops::{Index, IndexMut};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use crate::host::Files;
use crate::log::Transition;
use crate::namespace::{Cable, Namespace};
use crate::{Host, Journal, Lan, PORT, Setup, holds_for, wait_for};

/// One of the two hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one with the smaller address.
    A,
    /// The one with the greater address.
    B,
}

impl Side {
    /// As it is called in files and messages.
    pub fn name(self) -> char {
        match self {
            Side::A => 'a',
            Side::B => 'b',
        }
    }

    /// Its place among two.
    pub fn index(self) -> usize {
        usize::from(self == Side::B)
    }

    /// The peer.
    pub fn other(self) -> Side {
        match self {
            Side::A => Side::B,
            Side::B => Side::A,
        }
    }
}

/// Two hosts, each with a daemon and an application to be, and what their commands did.
#[derive(Debug)]
pub struct Pair {
    hosts: [Host; 2],
    /// The commands of both.
    pub journal: Journal,
    setup: Setup,
    folder: TempDir,
    _reservation: Option<UdpSocket>,
}

/// A switch without a wait: some datagrams and some processes.
const SWITCH: Duration = Duration::from_millis(500);

impl Pair {
    /// On loopback addresses of its own.
    pub fn new(setup: Setup) -> Pair {
        let (addresses, reservation) = loopback_addresses();
        Pair::with(setup, addresses, [None, None], Some(reservation))
    }

    /// At the two ends of a cable.
    pub fn at(setup: Setup, cable: &Cable, addresses: [&str; 2]) -> Pair {
        let addresses = addresses.map(|address| address.parse().unwrap());
        Pair::with(setup, addresses, cable.ends().map(Some), None)
    }

    /// On a bridge with a client; the daemons speak by a link of their own.
    pub fn on(setup: Setup, lan: &Lan) -> Pair {
        let addresses = ["10.9.0.1", "10.9.0.2"].map(|address| address.parse().unwrap());
        Pair::with(setup, addresses, lan.hosts().map(Some), None)
    }

    fn with(
        setup: Setup,
        addresses: [IpAddr; 2],
        namespaces: [Option<Namespace>; 2],
        reservation: Option<UdpSocket>,
    ) -> Pair {
        let folder = TempDir::with_prefix("schrittmacher-e2e.").unwrap();
        // Some applications belong to another user.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let [of_a, of_b] = namespaces;
        let host = |side, address, namespace| {
            let readable_log = side == Side::B || setup.log_file.is_none();
            Host::new(Files::new(folder.path(), side), address, namespace, readable_log)
        };
        let hosts = [host(Side::A, addresses[0], of_a), host(Side::B, addresses[1], of_b)];
        for (host, peer) in hosts.iter().zip([addresses[1], addresses[0]]) {
            fs::write(host.files.config(), setup.text(host.address, peer, &host.files)).unwrap();
        }
        let journal = Journal::new(folder.path());
        Pair { hosts, journal, setup, folder, _reservation: reservation }
    }

    /// A folder that goes away with the pair.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts the daemon of a side.
    pub fn start_daemon(&mut self, side: Side) {
        self.journal.daemon_starts(side.name());
        self[side].start_daemon();
    }

    /// Starts both so that `hot` becomes hot at once; forgets how it came about.
    pub fn start(&mut self, hot: Side) {
        self.start_with(hot, "", "");
    }

    /// The same with further options for the applications.
    pub fn start_with(&mut self, hot: Side, hot_options: &str, standby_options: &str) {
        let standby = hot.other();
        self.start_daemon(standby);
        self[standby].start_app(&format!("--start-as standby {standby_options}"));
        self[standby].log.wait_state("Standby", SWITCH);
        self[hot].start_app(hot_options);
        self.start_daemon(hot);
        self.wait_settled(hot, SWITCH);
        // An order from the meantime is not carried out later.
        if self.setup.activate.is_some() {
            self.journal.wait(standby, "deactivate");
            self.journal.wait(hot, "activate");
        }
        if self.setup.stop.is_some_and(|command| command.contains("{note}")) {
            self.journal.wait(standby, "stop");
        }
        self.forget();
    }

    /// Forgets what has happened until now, except in what state everything is.
    pub fn forget(&mut self) {
        self.hosts.iter_mut().for_each(|host| host.log.forget());
        self.journal.forget();
    }

    /// Waits until `hot` and its application are hot, and the other ones are standby.
    pub fn wait_settled(&self, hot: Side, expected: Duration) {
        wait_for(&format!("{} to be hot, and only that", hot.name()), SWITCH + expected, || {
            self.is_settled(hot).then_some(())
        });
    }

    /// Waits until either side is hot, and the other is not.
    pub fn wait_either(&self, expected: Duration) -> Side {
        wait_for("one side to be hot, and only one", SWITCH + expected, || {
            [Side::A, Side::B].into_iter().find(|side| self.is_settled(*side))
        })
    }

    /// Whether `hot` and its application are hot, and the other ones are standby.
    pub fn is_settled(&self, hot: Side) -> bool {
        self[hot].is("Hot") && self[hot.other()].is("Standby")
    }

    /// Waits until only `hot` is hot and its application too; the other side may be dead or failed.
    pub fn wait_hot(&self, hot: Side, expected: Duration) {
        wait_for(&format!("{} to be hot", hot.name()), SWITCH + expected, || {
            self[hot].is("Hot").then_some(())
        });
    }

    /// No state changes any more, for five heartbeats. And what was done on the way was no more than X2
    /// allows, and no daemon has panicked.
    pub fn stays(&self) {
        self.stays_for(5.0 * self.setup.heartbeat);
    }

    /// The same, for `seconds`.
    pub fn stays_for(&self, seconds: f64) {
        let before = self.transitions();
        holds_for(Duration::from_secs_f64(seconds), || {
            let now = self.transitions();
            if now == before { Ok(()) } else { Err(format!("a state changed: {now:#?}")) }
        });
        self.journal.check_repetition();
        for host in &self.hosts {
            assert!(!host.stderr.has("defect in the program"), "{}", host.stderr.text());
        }
    }

    /// Waits until `hot` is hot and the other one is standby, and looks whether it stays so.
    pub fn settles(&self, hot: Side, expected: Duration) {
        self.wait_settled(hot, expected);
        self.stays();
    }

    /// Waits for the other side's time to be over, as it counts it.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs_f64(self.setup.timeout)
    }

    fn transitions(&self) -> [Vec<Transition>; 2] {
        self.hosts.each_ref().map(|host| host.log.transitions())
    }
}

impl Index<Side> for Pair {
    type Output = Host;
    fn index(&self, side: Side) -> &Host {
        &self.hosts[side.index()]
    }
}

impl IndexMut<Side> for Pair {
    fn index_mut(&mut self, side: Side) -> &mut Host {
        &mut self.hosts[side.index()]
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let reports = self.hosts.each_ref().map(Host::report).concat();
            println!("{reports}--- commands\n{}", self.journal.text());
        }
    }
}

/// Two addresses that no other test uses, of this run or another: a third one beside them is held as a token. What an
/// earlier test had started may still be at its end, so nothing may be bound to the two either. The kernel's list tells
/// that; a socket of ours that tried it could be inherited by another test's child for a moment.
fn loopback_addresses() -> ([IpAddr; 2], UdpSocket) {
    let free = (1..=u16::MAX).find_map(|number| {
        let [high, low] = number.to_be_bytes();
        let address = |host| Ipv4Addr::new(127, 1 + high % 250, low, host);
        let token = UdpSocket::bind((address(3), PORT)).ok()?;
        let bound = fs::read_to_string("/proc/net/udp").unwrap();
        let is_bound = |address: Ipv4Addr| bound.contains(&format!(": {:08X}:", u32::from(address).to_be()));
        if is_bound(address(1)) || is_bound(address(2)) {
            return None;
        }
        Some(([IpAddr::V4(address(1)), IpAddr::V4(address(2))], token))
    });
    free.unwrap()
}
