//! The daemon's Unix socket for applications, beside UDP. The daemon is two sockets that only listen.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test")]

mod retry;

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::socket::{
    AddressFamily, Backlog, MsgFlags, SockFlag, SockType, UnixAddr, accept4, bind, listen, recv, send,
    setsockopt, socket, sockopt::ReceiveTimeout,
};
use nix::sys::time::TimeVal;
use schrittmacher_wire::{Right, SocketKind, socket_name};
use schrittmacherclient::{Client, ClientBuilder, CurrentState, Error};

use retry::retry;

/// Nothing that works takes as long.
const HANG: Duration = Duration::from_secs(10);

/// A folder that is gone afterwards.
struct RunDirectory(PathBuf);

impl RunDirectory {
    fn new(test: &str) -> RunDirectory {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        RunDirectory(path)
    }

    /// Where the client looks for the socket of the daemon at this address.
    fn socket(&self, daemon: SocketAddr) -> PathBuf {
        let network = fs::metadata("/proc/self/ns/net").unwrap().ino();
        self.0.join(socket_name(daemon, Some(network), SocketKind::App))
    }
}

impl Drop for RunDirectory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A Unix socket that applications can connect to.
struct Door {
    listener: OwnedFd,
    path: PathBuf,
}

impl Door {
    fn open(path: &Path) -> Door {
        let listener =
            socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None).unwrap();
        bind(listener.as_raw_fd(), &UnixAddr::new(path).unwrap()).unwrap();
        listen(&listener, Backlog::new(8).unwrap()).unwrap();
        setsockopt(&listener, ReceiveTimeout, &TimeVal::new(10, 0)).unwrap();
        Door { listener, path: path.to_owned() }
    }

    fn accept(&self) -> OwnedFd {
        let accepted = accept4(self.listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC).unwrap();
        // SAFETY: the system has just made it.
        let connection = unsafe { OwnedFd::from_raw_fd(accepted) };
        setsockopt(&connection, ReceiveTimeout, &TimeVal::new(10, 0)).unwrap();
        connection
    }

    fn has_client(&self) -> bool {
        setsockopt(&self.listener, ReceiveTimeout, &TimeVal::new(0, 1)).unwrap();
        accept4(self.listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC).is_ok()
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn hear(connection: &OwnedFd) -> Vec<u8> {
    let mut message = vec![0; 2000];
    let length = recv(connection.as_raw_fd(), &mut message, MsgFlags::empty()).unwrap();
    message.truncate(length);
    message
}

fn udp() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(HANG)).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

fn hear_udp(socket: &UdpSocket) -> Vec<u8> {
    let mut message = vec![0; 2000];
    let length = retry(|| socket.recv(&mut message)).unwrap();
    message.truncate(length);
    message
}

/// A client whose reports alone send.
fn client(folder: &RunDirectory, daemon: SocketAddr) -> ClientBuilder {
    Client::builder("r1").port(daemon.port()).run_directory(&folder.0).heartbeat_interval(HANG)
}

#[test]
fn the_same_bytes_go_by_either_way_and_each_report_tries_the_socket_first() {
    let folder = RunDirectory::new("either_way");
    let (by_udp, daemon) = udp();
    let client = client(&folder, daemon).host("a").application_type("smsc").build().unwrap();
    client.start().unwrap();
    let report = || client.report(CurrentState::Active, Some("é \"q\"")).unwrap();

    report();
    let bytes = hear_udp(&by_udp);
    let door = Door::open(&folder.socket(daemon));
    report();
    let connection = door.accept();
    assert_eq!(hear(&connection), bytes);
    client.request_failover().unwrap();
    assert!(String::from_utf8(hear(&connection)).unwrap().contains("LRFO"), "orders too");

    // The daemon ends: the very next report goes by UDP.
    drop((connection, door));
    report();
    assert_eq!(hear_udp(&by_udp), bytes);
    // A socket file that it has left behind refuses.
    let stale = Door::open(&folder.socket(daemon));
    fs::rename(&stale.path, folder.0.join("kept")).unwrap();
    let kept = folder.0.join("kept");
    drop(stale);
    fs::rename(kept, folder.socket(daemon)).unwrap();
    report();
    assert_eq!(hear_udp(&by_udp), bytes);
    // It comes back: the very next report finds it.
    fs::remove_file(folder.socket(daemon)).unwrap();
    let door = Door::open(&folder.socket(daemon));
    report();
    let connection = door.accept();
    assert_eq!(hear(&connection), bytes);
    // It restarts between two reports: none is lost.
    drop((connection, door));
    let door = Door::open(&folder.socket(daemon));
    report();
    assert_eq!(hear(&door.accept()), bytes);
}

#[test]
fn a_daemon_that_reads_nothing_gets_the_rest_by_udp_and_the_call_never_waits() {
    let folder = RunDirectory::new("full");
    let (by_udp, daemon) = udp();
    by_udp.set_nonblocking(true).unwrap();
    let door = Door::open(&folder.socket(daemon));
    let client = client(&folder, daemon).build().unwrap();
    client.start().unwrap();
    let mut buffer = [0; 2000];
    let queued = (1..100_000).find(|_| {
        client.report(CurrentState::Active, None).unwrap();
        by_udp.recv(&mut buffer).is_ok()
    });
    let queued = queued.expect("nothing came by UDP") - 1;
    assert!(queued > 10, "the queue holds {queued}");
    let connection = door.accept();
    for _ in 0..queued {
        hear(&connection);
    }
    // With room again the socket is back in use.
    client.report(CurrentState::Inactive, None).unwrap();
    assert!(String::from_utf8(hear(&connection)).unwrap().contains("LSBY"));
    assert!(by_udp.recv(&mut buffer).is_err());
}

#[test]
fn the_end_of_the_socket_is_noticed_as_the_daemon_is() {
    let folder = RunDirectory::new("lost");
    let (by_udp, daemon) = udp();
    let door = Door::open(&folder.socket(daemon));
    let client = client(&folder, daemon)
        .on_daemon_lost(Duration::from_millis(1), |_| ())
        .heartbeat_interval(Duration::from_millis(10))
        .build()
        .unwrap();
    client.start().unwrap();
    client.report(CurrentState::Active, None).unwrap();
    hear(&door.accept());
    assert!(!client.is_daemon_lost().unwrap());
    // The socket alone is no loss: the daemon still listens.
    drop(door);
    client.report(CurrentState::Active, None).unwrap();
    hear_udp(&by_udp);
    drop(by_udp);
    assert!(matches!(client.report(CurrentState::Active, None), Err(Error::NoDaemon)));
    let began = std::time::Instant::now();
    while !client.is_daemon_lost().unwrap() {
        assert!(began.elapsed() < HANG, "it is never lost");
        std::thread::yield_now();
    }
}

/// A connected UDP socket is told that no daemon listens, but only one to loopback is connected.
#[test]
fn the_end_of_the_socket_counts_where_udp_notices_nothing() {
    let Some(own) = own_address() else {
        let test = "the_end_of_the_socket_counts_where_udp_notices_nothing";
        return schrittmacher_testkit::skip(test, "loopback is the only address here");
    };
    let folder = RunDirectory::new("unconnected");
    let by_udp = UdpSocket::bind((own, 0)).unwrap();
    let daemon = by_udp.local_addr().unwrap();
    drop(by_udp);
    let client = client(&folder, daemon).daemon_address(own.to_string()).build().unwrap();
    client.start().unwrap();
    client.report(CurrentState::Active, None).unwrap();
    let door = Door::open(&folder.socket(daemon));
    client.report(CurrentState::Active, None).unwrap();
    hear(&door.accept());
    drop(door);
    assert!(matches!(client.report(CurrentState::Active, None), Err(Error::NoDaemon)));
}

/// An address of this host that is not loopback; nothing leaves the host that is sent to it.
fn own_address() -> Option<std::net::IpAddr> {
    let interfaces = nix::ifaddrs::getifaddrs().unwrap();
    let addresses = interfaces.filter_map(|interface| Some(interface.address?.as_sockaddr_in()?.ip()));
    addresses.map(std::net::IpAddr::from).find(|address| !address.is_loopback())
}

#[test]
fn the_run_directory_is_an_absolute_path() {
    assert!(matches!(Client::builder("r1").run_directory("run").build(), Err(Error::Invalid(_))));
}

#[test]
fn a_daemon_on_another_address_or_port_is_another_one() {
    let folder = RunDirectory::new("another");
    let (by_udp, daemon) = udp();
    let at = |address: &str, port| folder.socket(SocketAddr::new(address.parse().unwrap(), port));
    let others = [
        at("127.0.0.2", daemon.port()),
        at("127.0.0.1", 1),
        at("::1", daemon.port()),
        folder.0.join(format!("{daemon}.net1.app")),
    ];
    let doors = others.map(|path| Door::open(&path));
    let client = client(&folder, daemon).build().unwrap();
    client.start().unwrap();
    client.report(CurrentState::Active, None).unwrap();
    hear_udp(&by_udp);
    assert!(!doors.iter().any(Door::has_client));
}

/// CLOCK_BOOTTIME, as the daemon tells times.
fn boot_time() -> Duration {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME).unwrap().into()
}

/// What the daemon says comes before the alarm, and is read then.
#[test]
fn the_end_of_the_right_is_told_unless_the_daemon_has_put_it_off() {
    let folder = RunDirectory::new("right");
    let (_udp, daemon) = udp();
    let door = Door::open(&folder.socket(daemon));
    let (tell, ended) = std::sync::mpsc::channel();
    let client = client(&folder, daemon)
        .on_right_ended(move |client| tell.send((boot_time(), client.right_left().unwrap())).unwrap())
        .build()
        .unwrap();
    client.start().unwrap();
    client.report(CurrentState::Active, None).unwrap();
    let connection = door.accept();
    let report = String::from_utf8(hear(&connection)).unwrap();
    assert!(report.contains(r#""asks": "right""#), "{report}");
    let second = Duration::from_secs(1);
    let start = boot_time();
    for begin in [second / 2, second, second * 3 / 2] {
        let right = Right::Until { begin: start + begin, end: start + begin + 60 * second };
        send(connection.as_raw_fd(), &right.encode(), MsgFlags::empty()).unwrap();
    }
    let (at, left) = ended.recv_timeout(HANG).unwrap();
    assert!(at >= start + second * 3 / 2, "{:?}", at - start);
    assert!(left.unwrap() > 30 * second, "{left:?}");
    client.report(CurrentState::TransitingToStandby, None).unwrap();
    assert!(client.right_left().unwrap().is_some(), "it serves until it has stopped");
    client.report(CurrentState::Inactive, None).unwrap();
    assert_eq!(client.right_left().unwrap(), None, "it does not serve");
}
