//! `pid-file`: the operator names the process of an application that sends no pid (A3, X4).

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::doubt::Doubt;
use super::pidfd::Pidfd;
use super::proof::{Users, began};
use crate::event_loop::clock;

/// More than any number needs.
const SIZE_MAX: u64 = 64;

/// The process that the file names.
///
/// The file is a regular one and holds a decimal number and nothing else but blanks. Its writers decide whom we signal as
/// root. So it must belong to root or to a user who could signal that process himself (its real or saved user). Others must
/// not be able to write it. Its group must not either if it belongs to root, unless that is root's group.
///
/// Runs on the worker: the file may lie on a file system that hangs.
///
/// # Errors
///
/// The first doubt; with a number if the file has one.
pub(super) fn process_of(path: &Path) -> Result<Named, (u32, Doubt)> {
    let PidFileRead { pid, owner, written } = read(path).map_err(|doubt| (0, doubt))?;
    let open = || {
        if pid == 1 || pid == std::process::id() {
            return Err(Doubt::Reserved);
        }
        let process = open(pid)?;
        if !Users::of(pid)?.may_be_signalled_by(owner) {
            return Err(Doubt::PidFileRead(format!(
                "it belongs to user {owner}, who may not signal that process"
            )));
        }
        if is_younger(pid, written) {
            return Err(Doubt::PidFileRead(format!(
                "{} is older than that process: the number is another program's now",
                path.display()
            )));
        }
        // The facts about the number are true of this process if it has not ended until now.
        if process.has_ended() { Err(Doubt::Dead) } else { Ok(process) }
    };
    open().map(|process| Named { pid, process, owner }).map_err(|doubt| (pid, doubt))
}

/// The process that the file names.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) pid: u32,
    pub(super) process: Pidfd,
    /// The file's owner.
    pub(super) owner: u32,
}

/// The living process with this number.
pub(super) fn open(pid: u32) -> Result<Pidfd, Doubt> {
    living(Pidfd::open(pid))
}

/// A process that lives.
pub(super) fn living(opened: io::Result<Pidfd>) -> Result<Pidfd, Doubt> {
    match opened {
        Ok(process) if !process.has_ended() => Ok(process),
        Ok(_) => Err(Doubt::Dead),
        Err(error) if matches!(error.raw_os_error(), Some(libc::ESRCH | libc::EINVAL)) => Err(Doubt::Dead),
        Err(error) => Err(Doubt::System(format!("pidfd_open: {error}"))),
    }
}

/// The contents of the file.
struct PidFileRead {
    pid: u32,
    owner: u32,
    written: SystemTime,
}

/// By how much a process may be younger than the file: both times are rounded, and the wall clock is corrected.
const TOLERANCE: Duration = Duration::from_secs(2);

/// Clock ticks of `/proc` in a second: the kernel's USER_HZ, which is part of its interface.
const TICKS: u64 = 100;

/// Whether a process has begun after its number was written (door-3).
fn is_younger(pid: u32, written: SystemTime) -> bool {
    let Some(began) = began(pid) else { return false };
    let since_boot = clock::now().since_origin();
    let age = since_boot.saturating_sub(Duration::from_millis(began.saturating_mul(1000) / TICKS));
    written.elapsed().is_ok_and(|file_age| file_age > age + TOLERANCE)
}

/// Reads the file.
fn read(path: &Path) -> Result<PidFileRead, Doubt> {
    let told = |what: &str| Doubt::PidFileRead(format!("{}: {what}", path.display()));
    let system = |error: io::Error| told(&error.to_string());
    // Opening a FIFO would wait for its writer.
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(system)?;
    let status = file.metadata().map_err(system)?;
    if !status.is_file() {
        return Err(told("not a regular file"));
    }
    if status.mode() & 0o002 != 0 {
        return Err(told("everybody may write it"));
    }
    if status.uid() == 0 && status.gid() != 0 && status.mode() & 0o020 != 0 {
        return Err(told("it belongs to root, but its group may write it"));
    }
    let pid = number(&file).ok_or_else(|| told("holds no process number"))?;
    let written = status.modified().map_err(system)?;
    Ok(PidFileRead { pid, owner: status.uid(), written })
}

fn number(file: &File) -> Option<u32> {
    let mut text = String::new();
    file.take(SIZE_MAX + 1).read_to_string(&mut text).ok()?;
    let digits = text.trim_ascii();
    let plain = text.len() as u64 <= SIZE_MAX && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|pid| plain && *pid > 0)
}
