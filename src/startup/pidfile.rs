//! `--pidfile` and `--make-pidfile`: our number in a file, as the legacy program wrote it, and locked (C3).
//!
//! The lock is what tells whether the number is that of a running daemon. It belongs to the open file, which
//! a supervisor (`--parachute`) and its daemon share, and ends with the last of both.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::mem::ManuallyDrop;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag};
use nix::sys::signal::kill;
use nix::unistd::Pid;

use crate::own_file;

/// How often a file that was removed while we locked it is opened again.
const TRIES: usize = 10;

/// Everybody may know the number.
const MODE: u32 = 0o644;

/// A pid file that is ours. Stays locked until [`PidFile::release`] or the end of the process.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
    /// Not unlocked by dropping it: a forked process has the same lock.
    file: ManuallyDrop<Flock<File>>,
    make: bool,
}

/// Why there is no pid file.
#[derive(Debug, thiserror::Error)]
pub enum PidFileError {
    /// It can't be opened or written.
    #[error("pid file {}: {error}", path.display())]
    System {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// Another daemon has it.
    #[error("pid file {}: another schrittmacher has it: {holder}", path.display())]
    Held {
        /// The file.
        path: PathBuf,
        /// The holder, as far as the file tells.
        holder: String,
    },
}

impl PidFile {
    /// Locks the file and writes this process's number into it. `make` creates it; without that only an
    /// existing file is used, and `None` says that there is none.
    ///
    /// # Errors
    ///
    /// Another daemon has the file, or the system refuses.
    pub fn take(path: &Path, make: bool) -> Result<Option<PidFile>, PidFileError> {
        let system = |error| PidFileError::System { path: path.to_owned(), error };
        let file = match lock(path, make) {
            Ok(Ok(file)) => file,
            Ok(Err(mut held)) => {
                return Err(PidFileError::Held { path: path.to_owned(), holder: holder(&mut held) });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && !make => return Ok(None),
            Err(error) => return Err(system(error)),
        };
        let mut pid_file = PidFile { path: path.to_owned(), file: ManuallyDrop::new(file), make };
        pid_file.write(&format!("{}\n", std::process::id())).map_err(system)?;
        Ok(Some(pid_file))
    }

    /// The daemon has ended: nobody shall take the number for that of a daemon. A file that we have made is
    /// removed, one that was there before is emptied, because the next start wants it to be there.
    pub fn release(mut self) {
        let _ = if self.make { fs::remove_file(&self.path) } else { self.write("") };
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())
    }
}

/// The locked file, or the one that somebody else has locked. Not emptied yet: the number in it may be
/// theirs.
fn lock(path: &Path, make: bool) -> io::Result<Result<Flock<File>, File>> {
    for _ in 0..TRIES {
        let create = if make { OFlag::O_CREAT } else { OFlag::empty() };
        let file = own_file::open(path, OFlag::O_RDWR | OFlag::O_NONBLOCK | create, MODE)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(file) => file,
            Err((file, Errno::EWOULDBLOCK)) => return Ok(Err(file)),
            Err((_, errno)) => return Err(errno.into()),
        };
        // The daemon that had it may have removed it between our two steps.
        let ours = file.metadata()?;
        if fs::metadata(path).is_ok_and(|named| (named.dev(), named.ino()) == (ours.dev(), ours.ino())) {
            return Ok(Ok(file));
        }
    }
    Err(io::Error::other("it is removed again and again"))
}

/// The holder of the lock, from the number in the file.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    // A number has at most 20 digits.
    let _ = file.take(32).read_to_string(&mut text);
    match text.trim().parse() {
        Ok(pid) if kill(Pid::from_raw(pid), None) == Err(Errno::ESRCH) => {
            format!("a daemon whose supervisor, process {pid}, is gone")
        }
        Ok(pid) => format!("process {pid}"),
        Err(_) => "it is just starting or ending".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn own_number() -> String {
        format!("{}\n", std::process::id())
    }

    #[test]
    fn is_made_only_if_asked_for() {
        let folder = folder();
        let path = folder.path().join("pid");
        assert!(PidFile::take(&path, false).unwrap().is_none());
        assert!(!path.exists());
        let file = PidFile::take(&path, true).unwrap().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), own_number());
        file.release();
        assert!(!path.exists());
    }

    #[test]
    fn one_that_was_there_before_stays_there_without_a_number() {
        let folder = folder();
        let path = folder.path().join("pid");
        fs::write(&path, "a longer text than a number\n").unwrap();
        let file = PidFile::take(&path, false).unwrap().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), own_number());
        file.release();
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
    }

    #[test]
    fn the_second_one_is_told_who_has_it_and_changes_nothing() {
        let folder = folder();
        let path = folder.path().join("pid");
        let _first = PidFile::take(&path, true).unwrap().unwrap();
        let error = PidFile::take(&path, true).unwrap_err();
        assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), own_number());
    }

    #[test]
    fn a_pipe_or_a_directory_is_no_pid_file() {
        let folder = folder();
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        for path in [pipe.as_path(), folder.path()] {
            assert!(matches!(PidFile::take(path, true), Err(PidFileError::System { .. })), "{path:?}");
        }
    }
}
