//! The daemon's inheritance from its caller: descriptors (D28) and how many it may have, and the umask (door-11).

use std::fs;
use std::io;
use std::os::fd::RawFd;

use log::warn;
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};
use nix::sys::stat::{Mode, umask};

/// The most that the daemon itself has open: 64 clients of the page, 16 commands that wait to be begun with three each, 48
/// connections of applications, its sockets, files, threads and pipes.
const OF_DAEMON: rlim_t = 250;
/// And for each resource: the process of its application, eight that claim to be it and four connections of them, two commands
/// that run, and what eight leave behind.
const OF_RESOURCE: rlim_t = 23;

/// Marks every open descriptor above 2 close-on-exec; called once, before any thread is started.
///
/// Descriptors that the daemon opens are close-on-exec anyway. But one that a shell or a service manager leaked into it would
/// go on to every command.
///
/// # Errors
///
/// `/dev/fd` can't be read.
pub fn close_on_exec_all() -> io::Result<()> {
    for fd in inherited()? {
        // SAFETY: F_SETFD takes no pointer and does not close anything. The system refuses a number that is no descriptor any
        // more, like the one of the directory that has just been read.
        unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    Ok(())
}

/// Closes every descriptor above 2: a daemon in the background keeps nothing of its caller's open (door-14). Called before
/// this program has opened anything.
///
/// # Errors
///
/// `/dev/fd` can't be read.
pub fn close_inherited() -> io::Result<()> {
    for fd in inherited()? {
        // SAFETY: nothing in this program owns a descriptor above 2 yet, so none is closed under its owner.
        unsafe { libc::close(fd) };
    }
    Ok(())
}

/// The descriptors above 2, and the number that the list itself had.
fn inherited() -> io::Result<Vec<RawFd>> {
    let mut all = Vec::new();
    for entry in fs::read_dir("/dev/fd")? {
        all.extend(entry?.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok()));
    }
    all.retain(|fd| *fd > 2);
    Ok(all)
}

/// Has nobody but the owner write to files that the daemon or one of its commands makes, if the caller's umask allows it.
pub fn tighten_umask() {
    let old = umask(Mode::S_IWGRP | Mode::S_IWOTH);
    umask(old | Mode::S_IWGRP | Mode::S_IWOTH);
}

/// Has the system allow as many descriptors as this many resources can need, if it allows fewer: a command that
/// gets none can't begin. Never allows fewer than before; what is inherited by commands is no less than they had.
pub fn allow_descriptors(resources: usize) {
    // The system's own type: it has 32 bits on i686, and a sign on FreeBSD.
    let needed = rlim_t::try_from(resources).unwrap_or(rlim_t::MAX).saturating_mul(OF_RESOURCE);
    let needed = needed.saturating_add(OF_DAEMON);
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        if soft >= needed {
            return Ok(soft);
        }
        let soft = needed.min(hard);
        setrlimit(Resource::RLIMIT_NOFILE, soft, hard).map(|()| soft)
    });
    match raised {
        Ok(allowed) if allowed >= needed => {}
        Ok(allowed) => warn!(
            "this process may have {allowed} descriptors and could need {needed}; without one a command can't begin: \
             raise the hard limit (LimitNOFILE= of the service, ulimit -Hn)"
        ),
        Err(error) => warn!("can't raise the limit of descriptors to {needed}: {error}"),
    }
}
