//! The folder of one daemon under `state-directory`.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use schrittmacher_config::caller::is_trusted;
use schrittmacher_config::{Core, exposure};

/// The contents may be secret, such as the words of commands.
const FILE_MODE: u32 = 0o600;
/// Everybody may look for [`StateFolder::say_left_alone`]'s file, whose name is known.
pub(super) const FOLDER_MODE: u32 = 0o711;
const PUBLIC_MODE: u32 = 0o644;

/// A folder for each `local-address` and `port`.
#[derive(Clone, Debug)]
pub struct StateFolder(PathBuf);

impl StateFolder {
    /// The folder of a daemon with this configuration, made if it is not there.
    ///
    /// # Errors
    ///
    /// It cannot be made or written, or another user has put it there. In strict nobody else may be able to exchange it.
    /// The daemon can go on without.
    pub fn open(core: &Core) -> io::Result<StateFolder> {
        let folder = StateFolder(core.state_folder());
        DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(&folder.0)?;
        // Of a link its own owner, not that of its target.
        let owner = folder.0.symlink_metadata()?.uid();
        if !is_trusted(owner) {
            return Err(refused(format!("{} belongs to user {owner}", folder.0.display())));
        }
        if let Some(why) = StateFolder::exposure(core).filter(|_| core.is_strict()) {
            return Err(refused(format!("others can change it: {why}")));
        }
        // Only a write shows whether it can be written.
        folder.write("probe", b"")?;
        fs::remove_file(folder.0.join("probe"))?;
        Ok(folder)
    }

    /// How other users can change what is in it.
    pub fn exposure(core: &Core) -> Option<String> {
        exposure(&core.state_folder(), None).or_else(|| exposure(&core.state_directory, None))
    }

    /// Its path.
    pub(super) fn folder(&self) -> &Path {
        &self.0
    }

    /// The path of a file in it.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Every folder under `state_directory`.
    pub fn all(state_directory: &Path) -> Vec<StateFolder> {
        let entries = fs::read_dir(state_directory).into_iter().flatten().flatten();
        entries.map(|entry| StateFolder(entry.path())).collect()
    }

    /// The text of a file that is ours and has at most `limit` bytes.
    pub fn read(&self, name: &str, limit: u64) -> Option<String> {
        let file = File::options()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(self.0.join(name))
            .ok()?;
        let about = file.metadata().ok()?;
        let owner = nix::unistd::geteuid().as_raw();
        if !about.is_file() || about.uid() != owner || about.len() > limit {
            return None;
        }
        let mut text = String::new();
        file.take(limit).read_to_string(&mut text).ok()?;
        Some(text)
    }

    /// Writes a file. A reader finds the old text or the new one, never a part, whatever happens meanwhile.
    ///
    /// # Errors
    ///
    /// The system's error. The old file is still there.
    pub fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        self.write_for(FILE_MODE, name, content)
    }

    /// Adds to the end of a file that [`StateFolder::write`] has made. It outlives this process, and not the boot.
    ///
    /// # Errors
    ///
    /// The system's error, also if there is no such file.
    pub fn append(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
        File::options().append(true).custom_flags(flags).open(self.0.join(name))?.write_all(content)
    }

    /// Removes a file, if it is there.
    pub(super) fn remove(&self, name: &str) {
        let _ = fs::remove_file(self.0.join(name));
    }

    fn write_for(&self, mode: u32, name: &str, content: &[u8]) -> io::Result<()> {
        let new = self.0.join(format!("{name}.new"));
        // One that is left over from a daemon that was killed.
        let _ = fs::remove_file(&new);
        let mut file = File::options().write(true).create_new(true).mode(mode).open(&new)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&new, self.0.join(name))?;
        // Its new name is on the disk only with the folder.
        File::open(&self.0)?.sync_all()
    }
}

fn refused(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why)
}

/// The sign by which applications know that the daemon has ended and left them alone on purpose (edge-12,
/// `docs/adr/0018-lost-daemon.md`).
impl StateFolder {
    const LEFT_ALONE: &str = "left-alone";

    /// Sets the sign; `text` is for people.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn say_left_alone(&self, text: &str) -> io::Result<()> {
        self.write_for(PUBLIC_MODE, StateFolder::LEFT_ALONE, text.as_bytes())
    }

    /// Removes the sign: a daemon is here again.
    pub fn is_back(&self) {
        self.remove(StateFolder::LEFT_ALONE);
    }
}

/// Tells one boot from the next; only Linux does.
pub fn boot() -> Option<String> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}

/// The number of this process's network namespace, where the system has such.
pub fn network() -> Option<u64> {
    fs::metadata("/proc/self/ns/net").ok().map(|namespace| namespace.ino())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use schrittmacher_testkit::config::core;

    fn core_in(folder: &tempfile::TempDir) -> Core {
        Core { state_directory: folder.path().join("deep/state"), ..core() }
    }

    #[test]
    fn each_daemon_has_a_folder_for_itself_alone() {
        let folder = tempfile::tempdir().unwrap();
        let one = StateFolder::open(&core_in(&folder)).unwrap();
        let other = StateFolder::open(&Core { port: 7702, ..core_in(&folder) }).unwrap();
        assert_ne!(one.0, other.0);
        one.write("a", b"text").unwrap();
        assert_eq!((one.read("a", 10).as_deref(), other.read("a", 10)), (Some("text"), None));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&one.0), mode(&one.0.join("a"))), (0o711, 0o600));
        assert_eq!(StateFolder::all(&core_in(&folder).state_directory).len(), 2);
    }

    #[test]
    fn a_link_a_folder_and_an_endless_file_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::open(&core_in(&folder)).unwrap();
        state.write("real", b"secret").unwrap();
        std::os::unix::fs::symlink(state.0.join("real"), state.0.join("link")).unwrap();
        fs::create_dir(state.0.join("folder")).unwrap();
        assert_eq!(
            (state.read("link", 10), state.read("folder", 10), state.read("real", 5)),
            (None, None, None)
        );
    }

    #[test]
    fn everybody_can_see_that_applications_were_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let core = core_in(&folder);
        let state = StateFolder::open(&core).unwrap();
        state.say_left_alone("why").unwrap();
        let sign = core.left_alone_file();
        assert_eq!(fs::metadata(&sign).unwrap().permissions().mode() & 0o777, 0o644);
        state.is_back();
        assert!(!sign.exists());
    }

    /// Another owner needs root.
    #[test]
    fn a_folder_of_another_user_is_not_used_and_one_that_others_can_exchange_is_not_in_strict() {
        use std::os::unix::fs::{lchown, symlink};
        if !nix::unistd::geteuid().is_root() {
            return println!("SKIPPED: a_folder_of_another_user_is_not_used: not root");
        }
        let place = tempfile::tempdir().unwrap();
        let core = core_in(&place);
        let own = core.state_folder();
        assert!(StateFolder::open(&core).is_ok() && StateFolder::exposure(&core).is_none());
        lchown(&own, Some(65_534), None).unwrap();
        assert!(StateFolder::open(&core).unwrap_err().to_string().contains("belongs to user 65534"));

        fs::remove_dir(&own).unwrap();
        symlink(place.path(), &own).unwrap();
        lchown(&own, Some(65_534), None).unwrap();
        assert!(StateFolder::open(&core).is_err());
        assert!(!place.path().join("probe").exists());

        fs::remove_file(&own).unwrap();
        fs::set_permissions(&core.state_directory, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(StateFolder::open(&core).is_ok());
        assert!(StateFolder::exposure(&core).unwrap().contains("mode 0777"));
        let strict = Core { security: schrittmacher_config::Security::Strict, ..core };
        assert!(StateFolder::open(&strict).unwrap_err().to_string().contains("mode 0777"));
    }

    #[test]
    fn what_cannot_be_written_is_an_error() {
        let core = Core { state_directory: "/proc/nothing".into(), ..core() };
        assert!(StateFolder::open(&core).is_err());
    }
}
