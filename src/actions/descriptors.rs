//! Descriptors that the daemon was started with (D28), and how many it may have.

use std::fs;
use std::io;
use std::os::fd::RawFd;

use log::warn;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// What the daemon has open at most whatever it protects: 64 clients of the page, 16 commands that wait to be
/// begun with three each, its sockets, files, threads and pipes.
const OF_DAEMON: u64 = 200;
/// And for each resource: the process of its application and four that claim to be it, two commands that run,
/// and what eight leave behind.
const OF_RESOURCE: u64 = 15;

/// Marks every open descriptor above 2 close-on-exec; called once, before any thread is started.
///
/// What the daemon opens itself is close-on-exec anyway, but a descriptor that a shell or a service manager
/// leaked into it would go on to every command.
///
/// # Errors
///
/// `/dev/fd` can't be read.
pub fn close_on_exec_all() -> io::Result<()> {
    for entry in fs::read_dir("/dev/fd")? {
        let Some(fd) = entry?.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok()) else {
            continue;
        };
        if fd > 2 {
            // SAFETY: F_SETFD takes no pointer and does not close anything; a number that is no descriptor any
            // more, like the one of this very directory, is refused by the system.
            unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
        }
    }
    Ok(())
}

/// Has the system allow as many descriptors as this many resources can need, if it allows fewer: a command that
/// gets none can't begin. Never allows fewer than before; what is inherited by commands is no less than they had.
pub fn allow_descriptors(resources: usize) {
    let needed = u64::try_from(resources).unwrap_or(u64::MAX).saturating_mul(OF_RESOURCE);
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
