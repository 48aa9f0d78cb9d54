//! Files that only this daemon, or root, can have put where they are (door-9).
//!
//! A path of root's that leads through a folder of another user must not end at a third file: neither by a symbolic link of
//! that user, nor by a hard link, nor by a file of his that waits there.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::fcntl::OFlag;
use schrittmacher_config::caller::is_trusted;

/// How many symbolic links a path may have, as in the kernel.
#[cfg(target_os = "linux")]
const LINKS_MAX: usize = 40;

/// Opens `path` with these flags; with `O_CREAT` a new file gets `mode`. Symbolic links are followed if they belong to root
/// or to this user.
///
/// # Errors
///
/// The system's error. A link of another user, a file of another user, and a file with a second name are errors, too.
pub fn open(path: &Path, flags: OFlag, mode: u32) -> io::Result<File> {
    let file = open_last(path, flags | OFlag::O_NOCTTY | OFlag::O_CLOEXEC, mode)?;
    let about = file.metadata()?;
    if !is_trusted(about.uid()) {
        return Err(refused(&format!("it belongs to user {}", about.uid())));
    }
    if about.is_file() && about.nlink() > 1 {
        return Err(refused("it has a second name (a hard link)"));
    }
    Ok(file)
}

fn refused(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, format!("not opened: {why}"))
}

/// Walks along the path, so that nothing of it can be exchanged between the look and the step.
#[cfg(target_os = "linux")]
fn open_last(path: &Path, flags: OFlag, mode: u32) -> io::Result<File> {
    use std::ffi::OsString;
    use std::path::Component;

    use nix::fcntl::{open, openat, readlinkat};
    use nix::sys::stat::{Mode, SFlag, fstat};

    let names = |path: &Path| -> Vec<OsString> {
        let names = path.components().filter(|part| !matches!(part, Component::RootDir | Component::CurDir));
        names.map(|part| part.as_os_str().to_owned()).rev().collect()
    };
    let start = |path: &Path| open(if path.is_absolute() { "/" } else { "." }, FOLDER, Mode::empty());
    const FOLDER: OFlag = OFlag::O_PATH.union(OFlag::O_CLOEXEC).union(OFlag::O_DIRECTORY);
    const STEP: OFlag = OFlag::O_PATH.union(OFlag::O_CLOEXEC).union(OFlag::O_NOFOLLOW);

    let (mut folder, mut rest) = (start(path)?, names(path));
    let mut links = 0;
    while let Some(name) = rest.pop() {
        let step = if rest.is_empty() {
            match openat(&folder, name.as_os_str(), flags | OFlag::O_NOFOLLOW, Mode::from_bits_truncate(mode))
            {
                Ok(file) => return Ok(file.into()),
                Err(nix::Error::ELOOP) => openat(&folder, name.as_os_str(), STEP, Mode::empty())?,
                Err(error) => return Err(error.into()),
            }
        } else {
            openat(&folder, name.as_os_str(), STEP, Mode::empty())?
        };
        let about = fstat(&step)?;
        if about.st_mode & SFlag::S_IFMT.bits() != SFlag::S_IFLNK.bits() {
            folder = step;
            continue;
        }
        if !is_trusted(about.st_uid) {
            let name = Path::new(&name).display();
            return Err(refused(&format!("`{name}` is a symbolic link of user {}", about.st_uid)));
        }
        links += 1;
        if links > LINKS_MAX {
            return Err(nix::Error::ELOOP.into());
        }
        let target = readlinkat(&step, "")?;
        if Path::new(&target).is_absolute() {
            folder = start(Path::new(&target))?;
        }
        rest.extend(names(Path::new(&target)));
    }
    Err(nix::Error::EISDIR.into())
}

/// Elsewhere the folders on the way are not looked at.
#[cfg(not(target_os = "linux"))]
fn open_last(path: &Path, flags: OFlag, mode: u32) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;

    let wants = |flag| flags.contains(flag);
    std::fs::OpenOptions::new()
        .read(!wants(OFlag::O_WRONLY))
        .write(wants(OFlag::O_RDWR) || (wants(OFlag::O_WRONLY) && !wants(OFlag::O_APPEND)))
        .append(wants(OFlag::O_APPEND))
        .create(wants(OFlag::O_CREAT))
        .truncate(false)
        .mode(mode)
        .custom_flags((flags | OFlag::O_NOFOLLOW).bits())
        .open(path)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{lchown, symlink};

    use super::*;

    const WRITE: OFlag = OFlag::O_WRONLY.union(OFlag::O_CREAT);
    const NOBODY: u32 = 65_534;

    fn error(path: &Path) -> String {
        open(path, WRITE, 0o600).expect_err("it has been opened").to_string()
    }

    #[test]
    fn own_links_lead_on_and_a_file_with_two_names_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("real")).unwrap();
        symlink("real", at("folder")).unwrap();
        symlink(at("folder/../real/log"), at("real/link")).unwrap();
        open(&at("folder/link"), WRITE, 0o600).unwrap();
        assert!(at("real/log").is_file());

        fs::hard_link(at("real/log"), at("second")).unwrap();
        assert!(error(&at("second")).contains("a second name"));
        symlink("endless", at("endless")).unwrap();
        assert!(!error(&at("endless")).contains("not opened"));
        assert!(open(dir.path(), WRITE, 0o600).is_err());
    }

    /// Another user's link and file need that user, hence root.
    #[test]
    fn links_and_files_of_another_user_are_refused_by_name() {
        if !schrittmacher_testkit::is_root_for("links_and_files_of_another_user_are_refused_by_name") {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("secret"), "kept").unwrap();
        symlink("secret", at("link")).unwrap();
        fs::create_dir(at("target")).unwrap();
        symlink("target", at("folder")).unwrap();
        fs::write(at("theirs"), "").unwrap();
        for name in ["link", "folder", "theirs"] {
            lchown(at(name), Some(NOBODY), None).unwrap();
        }
        assert!(error(&at("link")).contains("`link` is a symbolic link of user 65534"));
        assert!(error(&at("folder/new")).contains("`folder` is a symbolic link of user 65534"));
        assert!(!at("target/new").exists());
        assert!(error(&at("theirs")).contains("it belongs to user 65534"));
    }
}
