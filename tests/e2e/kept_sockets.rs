//! The ports stay taken while a daemon restarts (door-12). The test is the service manager.

use std::io::{ErrorKind, IoSliceMut};
use std::net::UdpSocket;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use nix::cmsg_space;
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::signal::Signal;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
use nix::unistd::close;

use schrittmacher_harness::{AT_ONCE, PORT, Pair, RESOURCE, Setup, Side, report};

/// Above every descriptor that the shell and the daemon use by themselves.
const HIGH: RawFd = 100;

/// Waits for a message with this beginning; keeps the descriptors that come with it under high numbers, which a child inherits.
fn receive(manager: &UnixDatagram, beginning: &str) -> Vec<RawFd> {
    manager.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    loop {
        let (mut text, mut space) = ([0; 512], cmsg_space!([RawFd; 16]));
        let mut parts = [IoSliceMut::new(&mut text)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let message = recvmsg::<()>(manager.as_raw_fd(), &mut parts, Some(&mut space), flags).unwrap();
        let mut kept = Vec::new();
        for part in message.cmsgs().unwrap() {
            let ControlMessageOwned::ScmRights(descriptors) = part else { continue };
            for descriptor in descriptors {
                kept.push(duplicate(descriptor));
                close(descriptor).unwrap();
            }
        }
        let length = message.bytes;
        if text[..length].starts_with(beginning.as_bytes()) {
            return kept;
        }
    }
}

fn duplicate(descriptor: RawFd) -> RawFd {
    // SAFETY: the descriptor has just been received and is open.
    let descriptor = unsafe { std::os::fd::BorrowedFd::borrow_raw(descriptor) };
    fcntl(descriptor, FcntlArg::F_DUPFD(HIGH)).unwrap()
}

#[test]
fn the_ports_stay_with_the_daemon_over_a_restart() {
    let mut pair = Pair::new(Setup { timeout: 6.0, ..Setup::default() });
    let path = pair.folder().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    pair[Side::A].environment = vec![("NOTIFY_SOCKET", path)];
    pair.start(Side::A);
    pair[Side::A].daemon().signal(Signal::SIGQUIT);
    assert_eq!(pair[Side::A].daemon().wait_code(AT_ONCE), 0);
    let kept = receive(&manager, "FDSTORE=1\n");
    assert_eq!(kept.len(), 2, "the peer's port and the application's");
    let address = pair[Side::A].address;
    for port in [PORT, PORT + 1] {
        let error = UdpSocket::bind((address, port)).expect_err("somebody else has the port now");
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    }
    // Said while no daemon was there: a failure of the past counts for nothing.
    let application = UdpSocket::bind((address, 0)).unwrap();
    application.send_to(report("LFAI", RESOURCE).as_bytes(), (address, PORT + 1)).unwrap();

    let [first, second] = kept[..] else { panic!("{kept:?}") };
    let start = format!("LISTEN_PID=$$ LISTEN_FDS=2 exec \"$@\" 3<&{first} 4<&{second}");
    // In dash a descriptor has one digit.
    pair[Side::A].starter = vec!["bash", "-c", start.leak(), "bash"];
    pair.start_daemon(Side::A);
    super::restart::nothing_was_switched(&mut pair);
    // The new daemon has them alone: if it dies, they are free.
    receive(&manager, "FDSTOREREMOVE=1\n");
    kept.into_iter().for_each(|descriptor| close(descriptor).unwrap());
}
