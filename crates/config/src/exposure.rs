//! Files that others can change, and with them what the daemon does as root (door-10).

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::getegid;

use super::caller::is_trusted;
use super::diagnostic::{Findings, Position};
use super::document::Document;
use super::host_notes::{commands, program};
use super::rights;

const GROUP_WRITES: u32 = 0o020;
const ALL_WRITE: u32 = 0o002;
const ALL_READ: u32 = 0o004;
/// In a folder with it nobody removes or renames the files of others.
const STICKY: u32 = 0o1000;

/// Notes that others can write a file of the configuration.
pub(super) fn check_file(path: &Path, at: &Position, findings: &mut Findings) {
    if let Some(why) = exposure(path, None) {
        findings.exposed(at, format!("others can change this file: {why}"), REMEDY);
    }
}

/// Notes that not everybody may read a file that is included.
pub(super) fn check_secrecy(path: &Path, at: &Position, findings: &mut Findings) {
    if fs::metadata(path).is_ok_and(|file| file.mode() & ALL_READ == 0) {
        findings.keep_secret(at.file.clone());
    }
}

/// Notes that others can write the program that a command begins with. The user who runs it may.
pub(super) fn check_commands(document: &Document, findings: &mut Findings) {
    for (entry, key, user) in commands(document) {
        if let Some(path) = program(&entry.value)
            && let Some(why) = exposure(Path::new(path), user.and_then(rights::number))
        {
            findings.exposed(&entry.at, format!("`{key}`: others can change {path}: {why}"), REMEDY);
        }
    }
}

const REMEDY: &str = "chown root, chmod go-w, for the file and its folder; `security = strict` refuses it";

/// How others than root, this program's user and `user` can change a file or folder: its own mode, or that of its folder.
/// `None` if they cannot, or it is not there.
pub fn exposure(path: &Path, user: Option<u32>) -> Option<String> {
    let path = fs::canonicalize(path).ok()?;
    let folder = path.parent()?;
    let file = fs::metadata(&path).ok()?;
    let of_folder = || {
        let about = fs::metadata(folder).ok()?;
        let is_sticky = about.mode() & STICKY != 0 && is_trusted(about.uid());
        (!is_sticky).then(|| writers(&about, user)).flatten()
    };
    writers(&file, user).or_else(|| of_folder().map(|why| format!("the folder {}: {why}", folder.display())))
}

fn writers(about: &Metadata, user: Option<u32>) -> Option<String> {
    let (mode, owner, group) = (about.mode(), about.uid(), about.gid());
    let group_is_trusted = group == 0 || group == getegid().as_raw();
    if !is_trusted(owner) && user != Some(owner) {
        Some(format!("it belongs to user {owner}"))
    } else if mode & ALL_WRITE != 0 || (mode & GROUP_WRITES != 0 && !group_is_trusted) {
        Some(format!("mode {:04o}, group {group}", mode & 0o7777))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown};

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_file_is_exposed_by_its_mode_and_by_that_of_its_folder() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        set_mode(&file, 0o640);
        assert_eq!(exposure(&file, None), None);
        set_mode(&file, 0o666);
        assert!(exposure(&file, None).unwrap().starts_with("mode 0666"));
        set_mode(&file, 0o644);
        set_mode(dir.path(), 0o777);
        assert!(exposure(&file, None).unwrap().contains("mode 0777"));
        set_mode(dir.path(), 0o1777);
        assert_eq!(exposure(&file, None), None, "sticky");
        assert_eq!(exposure(&dir.path().join("missing"), None), None);
    }

    /// Another owner needs root.
    #[test]
    fn a_file_of_another_user_is_exposed() {
        if !schrittmacher_testkit::is_root_for("a_file_of_another_user_is_exposed") {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        chown(&file, Some(65_534), None).unwrap();
        assert_eq!(exposure(&file, None).unwrap(), "it belongs to user 65534");
        assert_eq!(exposure(&file, Some(65_534)), None, "the user that runs it");
    }
}
