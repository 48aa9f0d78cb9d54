//! Links to the folders of daemons that have another `state-directory` than the usual one.
//!
//! A configuration file that is gone or unreadable does not name its `state-directory`. The next start finds the kept
//! configuration all the same, by such a link (edge-11).

use std::ffi::OsStr;
use std::fs::{self, DirBuilder};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

use schrittmacher_config::DEFAULT_STATE_DIRECTORY;

use super::StateFolder;
use super::folder::{FOLDER_MODE, network};

/// The service manager's name for the state directory of the unit.
const VARIABLE: &str = "STATE_DIRECTORY";
const PREFIX: &str = "link-";

/// The usual state directory: the one of the unit, or the default of `state-directory`.
pub(super) fn usual() -> PathBuf {
    let first = |value: &OsStr| std::env::split_paths(value).next();
    let unit = std::env::var_os(VARIABLE).and_then(|value| first(&value)).filter(|path| path.is_absolute());
    unit.unwrap_or_else(|| PathBuf::from(DEFAULT_STATE_DIRECTORY))
}

/// Links `folder`, which belongs to the configuration at `file`, from the state directory `usual` unless it is there.
///
/// # Errors
///
/// The system's error: a daemon that is not root may not be able to write there.
pub(super) fn link(usual: &Path, folder: &StateFolder, file: &Path) -> io::Result<()> {
    if folder.folder().starts_with(usual) {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(usual)?;
    forget_lost(usual);
    let mut hasher = DefaultHasher::new();
    (file, network()).hash(&mut hasher);
    let link = usual.join(format!("{PREFIX}{:016x}", hasher.finish()));
    if fs::read_link(&link).is_ok_and(|target| target == folder.folder()) {
        return Ok(());
    }
    let new = link.with_extension("new");
    let _ = fs::remove_file(&new);
    symlink(folder.folder(), &new)?;
    fs::rename(&new, &link)
}

/// Removes the links whose folders are gone.
fn forget_lost(usual: &Path) {
    for entry in fs::read_dir(usual).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes());
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        if is_ours && is_link && !entry.path().exists() {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schrittmacher_config::Core;
    use schrittmacher_testkit::config::core;

    #[test]
    fn a_folder_elsewhere_is_found_and_a_lost_one_forgotten() {
        let (here, usual) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let usual = usual.path().join("deep");
        let folder = |name: &str| {
            StateFolder::open(&Core { state_directory: here.path().join(name), ..core() }).unwrap()
        };
        let one = folder("one");
        link(&usual, &one, Path::new("/etc/one.conf")).unwrap();
        one.write("a", b"text").unwrap();
        let found = |usual: &Path| {
            StateFolder::all(usual).iter().filter_map(|folder| folder.read("a", 10)).collect::<Vec<_>>()
        };
        assert_eq!(found(&usual), ["text"]);
        // The same file has another folder now, and another file has one that is gone.
        let other = folder("other");
        other.write("a", b"other").unwrap();
        link(&usual, &other, Path::new("/etc/one.conf")).unwrap();
        assert_eq!(found(&usual), ["other"]);
        link(&usual, &one, Path::new("/etc/two.conf")).unwrap();
        fs::remove_dir_all(one.folder()).unwrap();
        link(&usual, &other, Path::new("/etc/one.conf")).unwrap();
        assert_eq!(fs::read_dir(&usual).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_in_the_usual_place_needs_no_link() {
        let usual = tempfile::tempdir().unwrap();
        let folder = StateFolder::open(&Core { state_directory: usual.path().to_owned(), ..core() }).unwrap();
        link(usual.path(), &folder, Path::new("/etc/one.conf")).unwrap();
        assert_eq!(StateFolder::all(usual.path()).len(), 1);
    }
}
