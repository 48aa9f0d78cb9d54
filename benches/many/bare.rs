//! The least that taking the reports can cost: epoll, recvmmsg, and nothing done with what was read.

use std::io::IoSliceMut;
use std::net::UdpSocket;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg};
use schrittmacher_harness::PORT;

use crate::account;

/// Datagrams taken with one call at most.
const BATCH: usize = 64;

/// Percent of a core that such a loop takes in this time.
pub fn share(address: &str, span: Duration) -> f64 {
    let socket = UdpSocket::bind((address, PORT + 1)).unwrap();
    socket.set_nonblocking(true).unwrap();
    let epoll = Epoll::new(EpollCreateFlags::empty()).unwrap();
    epoll.add(socket.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, 0)).unwrap();
    let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(BATCH, None);
    let mut buffers = vec![[0_u8; 2048]; BATCH];
    let me = Path::new("/proc/thread-self");
    let (before, began) = (account(me), Instant::now());
    while began.elapsed() < span {
        let mut ready = [EpollEvent::empty()];
        epoll.wait(&mut ready, 100_u16).unwrap();
        let mut slices: Vec<_> = buffers.iter_mut().map(|buffer| [IoSliceMut::new(buffer)]).collect();
        let _ = recvmmsg(socket.as_raw_fd(), &mut headers, slices.iter_mut(), MsgFlags::MSG_DONTWAIT, None)
            .map(Iterator::count);
    }
    (account(me) - before).div_duration_f64(began.elapsed()) * 100.0
}
