//! The time of the kernel and a shell alone. A process ends, its pidfd says so, a datagram is sent, and its receiver
//! runs a command. No program that does this work can be faster.

use std::net::UdpSocket;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use schrittmacher_harness::{Side, Starts};

/// As many of them as wanted.
pub fn samples(runs: usize) -> Vec<Duration> {
    let folder = tempfile::tempdir().unwrap();
    let starts = Starts::new(folder.path());
    let command = format!("echo {} >{}", Side::B.name(), folder.path().join("starts").display());
    (0..runs).map(|_| sample(&starts, &command)).collect()
}

fn sample(starts: &Starts, command: &str) -> Duration {
    let [near, far] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
    let to = far.local_addr().unwrap();
    let mut victim = Command::new("sleep").arg("600").spawn().unwrap();
    let process = pidfd(&victim);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut ready = [PollFd::new(process.as_fd(), PollFlags::POLLIN)];
            poll(&mut ready, PollTimeout::NONE).unwrap();
            near.send_to(b"{}", to).unwrap();
        });
        let other = scope.spawn(|| {
            far.recv(&mut [0; 16]).unwrap();
            Command::new("/bin/sh").args(["-c", command]).status().unwrap();
        });
        // Both shall sleep in the kernel, as a daemon does.
        std::thread::sleep(Duration::from_millis(50));
        let killed = Instant::now();
        victim.kill().unwrap();
        let sample = starts.wait(Side::B, killed);
        victim.wait().unwrap();
        other.join().unwrap();
        sample
    })
}

fn pidfd(child: &Child) -> OwnedFd {
    // SAFETY: the call takes two integers, and returns a descriptor with no other owner, or -1.
    unsafe {
        let descriptor = libc::syscall(libc::SYS_pidfd_open, child.id(), 0);
        assert!(descriptor >= 0, "no pidfd: {}", std::io::Error::last_os_error());
        OwnedFd::from_raw_fd(i32::try_from(descriptor).unwrap())
    }
}
