//! The configuration file, if the command line names none (C3).

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::caller::is_trusted;

/// The places where the configuration is looked for if no option names it, in this order (C3).
const SEARCH_PATH: [&str; 4] = [
    "/etc/schrittmacher/schrittmacher.conf",
    "/etc/schrittmacher/schrittmacher.toml",
    "./schrittmacher.conf",
    "./schrittmacher.toml",
];

/// There is no configuration where it is looked for.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NoConfigFile {
    /// None of these files exists.
    #[error("no configuration file: none of {} exists", .0.join(", "))]
    Missing(Vec<String>),
    /// The one that exists may be a trap for the one who started this program (door-10).
    #[error(
        "no configuration file: {} is not read, for it belongs to user {owner}; if it is meant, name it on the command line",
        path.display()
    )]
    Foreign {
        /// The file in the current folder.
        path: PathBuf,
        /// The number of its owner.
        owner: u32,
    },
}

/// The configuration file to read when the command line names none.
///
/// # Errors
///
/// None of the four exists, or the first that does is in the current folder and belongs neither to root nor to the caller.
pub fn find() -> Result<PathBuf, NoConfigFile> {
    find_among(&SEARCH_PATH.map(Path::new))
}

/// The same configuration in TOML, if there is one beside `path`. Only one of the two is read, and the operator has
/// to know which.
pub fn unread_sibling(path: &Path) -> Option<PathBuf> {
    let sibling = path.with_extension("toml");
    (path.extension()? == "conf" && !is_missing(&sibling)).then_some(sibling)
}

fn find_among(candidates: &[&Path]) -> Result<PathBuf, NoConfigFile> {
    let Some(found) = candidates.iter().find(|path| !is_missing(path)) else {
        return Err(NoConfigFile::Missing(
            candidates.iter().map(|path| path.display().to_string()).collect(),
        ));
    };
    let path = found.to_path_buf();
    match found.metadata() {
        Ok(about) if path.is_relative() && !is_trusted(about.uid()) => {
            Err(NoConfigFile::Foreign { path, owner: about.uid() })
        }
        Ok(_) | Err(_) => Ok(path),
    }
}

/// An unreadable file that exists is the one that was meant. Reading it reports the error.
fn is_missing(path: &Path) -> bool {
    path.metadata()
        .is_err_and(|error| matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toml_is_looked_for_after_the_legacy_format_in_the_same_place() {
        let places = ["/etc/schrittmacher/schrittmacher", "./schrittmacher"];
        let expected: Vec<_> =
            places.iter().flat_map(|place| [format!("{place}.conf"), format!("{place}.toml")]).collect();
        assert_eq!(SEARCH_PATH.to_vec(), expected);
        let dir = tempfile::tempdir().unwrap();
        let (conf, toml) = (dir.path().join("x.conf"), dir.path().join("x.toml"));
        assert_eq!(unread_sibling(&conf), None);
        std::fs::write(&toml, "").unwrap();
        assert_eq!(unread_sibling(&conf), Some(toml.clone()));
        assert_eq!(unread_sibling(&toml), None);
    }

    #[test]
    fn etc_comes_first_even_if_unreadable_and_both_are_named_if_missing() {
        let dir = tempfile::tempdir().unwrap();
        let (etc, here) = (dir.path().join("etc.conf"), dir.path().join("here.conf"));
        let found = || find_among(&[&etc, &here]);
        let error = found().unwrap_err();
        for path in [&etc, &here] {
            assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        }
        std::fs::write(&here, "").unwrap();
        assert_eq!(found(), Ok(here.clone()));
        // A link to itself: an entry that exists and that not even root can open.
        std::os::unix::fs::symlink(&etc, &etc).unwrap();
        assert_eq!(found(), Ok(etc.clone()));
    }

    /// Another owner needs root.
    #[test]
    fn a_file_of_another_user_in_the_current_folder_is_not_read() {
        if !schrittmacher_testkit::is_root_for("a_file_of_another_user_in_the_current_folder_is_not_read") {
            return;
        }
        // Relative to the current folder, which all tests share.
        let dir = tempfile::Builder::new().prefix("find.").tempdir_in(".").unwrap();
        let path = Path::new(dir.path().file_name().unwrap()).join("here.conf");
        std::fs::write(&path, "").unwrap();
        assert_eq!(find_among(&[&path]), Ok(path.clone()));
        std::os::unix::fs::chown(&path, Some(65_534), None).unwrap();
        assert_eq!(find_among(&[&path]), Err(NoConfigFile::Foreign { path: path.clone(), owner: 65_534 }));
        let absolute = std::fs::canonicalize(&path).unwrap();
        assert_eq!(find_among(&[&absolute]), Ok(absolute.clone()), "/etc is root's");
    }
}
