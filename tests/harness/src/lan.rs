//! Two hosts and a client on one bridge, and a link of its own for the daemons.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use crate::namespace::{Namespace, may_make_networks};
use crate::{LOOK, Process, Side};

/// Host A is 10.1.0.1 and fd01::1 on its `eth0`, B 10.1.0.2 and fd01::2, the client 10.1.0.9 and fd01::9. The daemons
/// speak by `hb0`: 10.9.0.1 and 10.9.0.2.
#[derive(Debug)]
pub struct Lan {
    hosts: [Namespace; 2],
    client: Namespace,
    switch: Namespace,
}

impl Lan {
    /// Lays it. If that is not possible here, the reason.
    pub fn lay() -> Result<Lan, &'static str> {
        may_make_networks()?;
        let hosts = [Namespace::new()?, Namespace::new()?];
        let (client, switch) = (Namespace::new()?, Namespace::new()?);
        switch.ip("link add bridge type bridge forward_delay 0 stp_state 0");
        switch.ip("link set bridge up");
        let ends = [(&hosts[0], 1, "port-a"), (&hosts[1], 2, "port-b"), (&client, 9, "port-c")];
        for (end, number, port) in ends {
            end.ip(&format!("link add eth0 type veth peer name {port} netns {}", switch.path()));
            switch.ip(&format!("link set {port} master bridge"));
            switch.ip(&format!("link set {port} up"));
            end.ip("link set lo up");
            end.ip(&format!("addr add 10.1.0.{number}/24 dev eth0"));
            end.ip(&format!("addr add fd01::{number}/64 dev eth0 nodad"));
            end.ip("link set eth0 up");
        }
        hosts[0].ip(&format!("link add hb0 type veth peer name hb0 netns {}", hosts[1].path()));
        for (host, number) in hosts.iter().zip(1..) {
            host.ip(&format!("addr add 10.9.0.{number}/24 dev hb0"));
            host.ip("link set hb0 up");
        }
        Ok(Lan { hosts, client, switch })
    }

    /// The two hosts.
    pub fn hosts(&self) -> [Namespace; 2] {
        self.hosts.clone()
    }

    /// One of them.
    pub fn host(&self, side: Side) -> &Namespace {
        &self.hosts[side.index()]
    }

    /// The neighbour that uses the service.
    pub fn client(&self) -> &Namespace {
        &self.client
    }

    /// Pulls the cable of one host out of the switch.
    pub fn unplug(&self, side: Side) {
        self.switch.ip(&format!("link set port-{} down", side.name()));
    }

    /// Plugs it in again.
    pub fn plug(&self, side: Side) {
        self.switch.ip(&format!("link set port-{} up", side.name()));
    }

    /// Scissors at the cables of a host: for both of its links at once.
    pub fn scissors(&self, side: Side) -> Scissors {
        let mut command = Command::new("ip");
        command.args(["-batch", "-"]).stdin(Stdio::piped());
        Scissors(Process::spawn(command, Some(self.host(side))))
    }

    /// Cuts the daemons' own link, or makes it whole.
    pub fn set_heartbeat_link(&self, up: bool) {
        self.hosts[0].ip(if up { "link set hb0 up" } else { "link set hb0 down" });
    }
}

/// An `ip` that waits for its orders, so that no time passes between the order and the cut.
#[derive(Debug)]
pub struct Scissors(Process);

impl Scissors {
    /// Cuts both links.
    pub fn cut(mut self) {
        self.0.tell("link set eth0 down\nlink set hb0 down");
        self.0.close_input();
        assert_eq!(self.0.wait_code(Duration::from_secs(1)), 0);
    }
}

/// Asks an address for an echo all the time.
#[derive(Debug)]
pub struct Probe {
    echoes: Arc<Mutex<Vec<Echo>>>,
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Clone, Copy, Debug)]
struct Echo {
    sent: Instant,
    answered: bool,
}

/// Between two questions.
pub const PROBE_PERIOD: Duration = Duration::from_millis(2);

impl Probe {
    /// Begins to ask from the client.
    pub fn start(lan: &Lan, target: IpAddr) -> Probe {
        let socket = lan.client.run(|| echo_socket(target));
        let (echoes, end) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (shared, ended) = (Arc::clone(&echoes), Arc::clone(&end));
        let thread = thread::spawn(move || ask(&socket, target, &shared, &ended));
        Probe { echoes, end, thread: Some(thread) }
    }

    /// Waits until the target answers what is asked from now on.
    pub fn wait_answer(&self) {
        let now = Instant::now();
        crate::wait_for("an echo", Duration::from_millis(100), || {
            self.last_answer().filter(|sent| *sent >= now)
        });
    }

    fn last_answer(&self) -> Option<Instant> {
        let echoes = self.echoes.lock().unwrap();
        echoes.iter().rev().find(|echo| echo.answered).map(|echo| echo.sent)
    }

    /// The longest time without an answer between the last one asked before `since` and now. Questions of the last
    /// moment may still be answered, and do not count.
    pub fn outage(&self, since: Instant) -> Duration {
        let echoes = self.echoes.lock().unwrap();
        let answered: Vec<Instant> =
            echoes.iter().filter(|echo| echo.answered).map(|echo| echo.sent).collect();
        let before = answered.iter().rev().find(|sent| **sent < since).copied().unwrap_or(since);
        let after = answered.iter().copied().filter(|sent| *sent >= since);
        let times: Vec<Instant> = [before].into_iter().chain(after).collect();
        let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
        let open = times.last().map(|last| last.elapsed()).filter(|open| *open > Duration::from_millis(50));
        gaps.chain(open).max().unwrap_or_default().saturating_sub(PROBE_PERIOD)
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn echo_socket(target: IpAddr) -> Socket {
    let (domain, protocol) =
        if target.is_ipv4() { (Domain::IPV4, Protocol::ICMPV4) } else { (Domain::IPV6, Protocol::ICMPV6) };
    let socket = Socket::new(domain, Type::RAW, Some(protocol)).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}

fn ask(socket: &Socket, target: IpAddr, echoes: &Mutex<Vec<Echo>>, end: &AtomicBool) {
    let address = SocketAddr::new(target, 0).into();
    let mut next = Instant::now();
    while !end.load(Ordering::Relaxed) {
        let number = {
            let mut echoes = echoes.lock().unwrap();
            echoes.push(Echo { sent: Instant::now(), answered: false });
            echoes.len() - 1
        };
        // An address that cannot be reached is what this is about.
        let _ = socket.send_to(&question(target, u32::try_from(number).unwrap()), &address);
        next += PROBE_PERIOD;
        while Instant::now() < next && !end.load(Ordering::Relaxed) {
            take_answers(socket, target, echoes);
            thread::sleep(LOOK.min(next.saturating_duration_since(Instant::now())).min(PROBE_PERIOD / 4));
        }
        take_answers(socket, target, echoes);
    }
}

fn take_answers(socket: &Socket, target: IpAddr, echoes: &Mutex<Vec<Echo>>) {
    let mut buffer = [std::mem::MaybeUninit::new(0); 128];
    loop {
        match socket.recv(&mut buffer) {
            Ok(length) => {
                // SAFETY: the whole buffer was initialised above.
                let bytes = buffer.map(|byte| unsafe { byte.assume_init() });
                // A raw socket of IPv4 hands the header over, too.
                let (skip, kind) = if target.is_ipv4() { (20, 0) } else { (0, 129) };
                let Some(message) = bytes[..length].get(skip..) else { continue };
                if message.len() >= 12 && message[0] == kind {
                    let number = u32::from_be_bytes(message[8..12].try_into().unwrap());
                    if let Some(echo) = echoes.lock().unwrap().get_mut(number as usize) {
                        echo.answered = true;
                    }
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(_) => return,
        }
    }
}

/// An echo request; the kernel does the checksum for IPv6.
fn question(target: IpAddr, number: u32) -> Vec<u8> {
    let mut message = vec![if target.is_ipv4() { 8 } else { 128 }, 0, 0, 0, 0x53, 0x4d, 0, 1];
    message.extend(number.to_be_bytes());
    if target.is_ipv4() {
        let mut sum: u32 =
            message.chunks(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]]))).sum();
        sum = (sum & 0xffff) + (sum >> 16);
        let checksum = !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
        message[2..4].copy_from_slice(&checksum.to_be_bytes());
    }
    message
}
