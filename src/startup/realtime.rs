//! `realtime`: heartbeats that a busy host does not delay.

use std::io;

use log::info;
use schrittmacher_config::Realtime;

/// Gives the calling thread, which sends the heartbeats, real-time priority, and keeps the memory of the daemon in RAM, as far
/// as the system allows it. Tells what it does not allow. What the daemon starts, threads and commands, gets neither.
pub fn apply(wanted: Realtime) {
    if wanted == Realtime::Off {
        return;
    }
    let refused =
        [("real-time priority", go_first()), ("memory that is never swapped out", stay_in_memory())];
    let refused: Vec<_> = refused
        .into_iter()
        .filter_map(|(what, result)| result.err().map(|error| format!("{what} ({error})")))
        .collect();
    if !refused.is_empty() {
        info!(
            "realtime = auto: the system refuses {}; on a busy host heartbeats may be late. It takes CAP_SYS_NICE and \
             CAP_IPC_LOCK, or LimitRTPRIO=1 and LimitMEMLOCK=infinity in the unit",
            refused.join(" and ")
        );
    }
}

/// The least real-time priority is above everything without one. The loop's thread sleeps most of the time, and each of
/// its turns is bounded.
#[cfg(target_os = "linux")]
fn go_first() -> io::Result<()> {
    // The kernel's structure is this number. That of musl has more fields, and its function is a stub.
    let least: libc::c_int = 1;
    let policy = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
    // SAFETY: the call reads the number, which outlives it; 0 is the calling thread.
    let result = unsafe { libc::syscall(libc::SYS_sched_setscheduler, 0, policy, &raw const least) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Only what is in use: locked memory that nobody touches would be read from the disk and kept. Not within a limit: what is
/// allocated later would fail there.
#[cfg(target_os = "linux")]
fn stay_in_memory() -> io::Result<()> {
    use nix::sys::mman::{MlockAllFlags, mlockall};
    use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};

    let is_unlimited = getrlimit(Resource::RLIMIT_MEMLOCK).is_ok_and(|(soft, _)| soft == RLIM_INFINITY);
    if !is_unlimited && !super::rights::may_lock_memory() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let on_fault = MlockAllFlags::from_bits_retain(libc::MCL_ONFAULT);
    Ok(mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE | on_fault)?)
}

#[cfg(not(target_os = "linux"))]
fn go_first() -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(target_os = "linux"))]
fn stay_in_memory() -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
