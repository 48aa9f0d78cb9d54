//! `pid-file`: the operator names the process of an application that sends no pid (A3, X4).

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::doubt::Doubt;
use super::pidfd::Pidfd;
use super::proof::Users;

/// More than any number needs.
const SIZE_MAX: u64 = 64;

/// The process that the file names.
///
/// The file is a regular one and holds a decimal number and nothing else but blanks. Who can write it decides
/// whom we signal as root, so it must belong to root or to a user who could signal that process himself (its
/// real or saved user), others must not be able to write it, and its group must not if it belongs to root,
/// unless that is root's group.
///
/// Runs on the worker: the file may lie on a file system that hangs.
///
/// # Errors
///
/// The first doubt; with a number if the file has one.
pub(super) fn process_of(path: &Path) -> Result<(u32, Pidfd), (u32, Doubt)> {
    let (pid, owner) = read(path).map_err(|doubt| (0, doubt))?;
    let open = || {
        if pid == 1 || pid == std::process::id() {
            return Err(Doubt::Reserved);
        }
        let process = open(pid)?;
        if !Users::of(pid)?.may_be_signalled_by(owner) {
            return Err(Doubt::PidFile(format!(
                "it belongs to user {owner}, who may not signal that process"
            )));
        }
        // What was read about the number is true of this process if it has not ended until now.
        if process.has_ended() { Err(Doubt::Dead) } else { Ok(process) }
    };
    open().map(|process| (pid, process)).map_err(|doubt| (pid, doubt))
}

/// The living process with this number.
pub(super) fn open(pid: u32) -> Result<Pidfd, Doubt> {
    match Pidfd::open(pid) {
        Ok(process) if !process.has_ended() => Ok(process),
        Ok(_) => Err(Doubt::Dead),
        Err(error) if matches!(error.raw_os_error(), Some(libc::ESRCH | libc::EINVAL)) => Err(Doubt::Dead),
        Err(error) => Err(Doubt::System(format!("pidfd_open: {error}"))),
    }
}

/// The number in the file, and its owner.
fn read(path: &Path) -> Result<(u32, u32), Doubt> {
    let told = |what: &str| Doubt::PidFile(format!("{}: {what}", path.display()));
    let system = |error: std::io::Error| told(&error.to_string());
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
    Ok((pid, status.uid()))
}

fn number(file: &File) -> Option<u32> {
    let mut text = String::new();
    file.take(SIZE_MAX + 1).read_to_string(&mut text).ok()?;
    let digits = text.trim_ascii();
    let plain = text.len() as u64 <= SIZE_MAX && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|pid| plain && *pid > 0)
}
