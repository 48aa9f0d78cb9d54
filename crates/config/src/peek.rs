//! The readable part of a broken configuration file.

use std::path::{Path, PathBuf};

use super::diagnostic::Findings;
use super::document::Document;
use super::keys::DEFAULT_STATE_DIRECTORY;
use super::load;
use super::source;

/// The findings about a file that cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub struct Peek {
    /// `state-directory`, or its default.
    pub state_directory: PathBuf,
    /// It asks for `security = strict`, or may do so.
    pub asks_for_strict: bool,
    /// It has an `auth-key-file` or `auth-mode`, or may have one.
    pub asks_for_auth: bool,
}

/// Reads a broken file as far as possible.
pub fn peek(path: &Path) -> Peek {
    let default = || PathBuf::from(DEFAULT_STATE_DIRECTORY);
    let Ok(bytes) = source::read(path, source::BYTES_MAX) else {
        return Peek { state_directory: default(), asks_for_strict: false, asks_for_auth: false };
    };
    match load::read(path, &bytes, &mut Findings::default()) {
        Some(document) => {
            let state_directory = value(&document, "state-directory").map_or_else(default, PathBuf::from);
            let security = value(&document, "security");
            let asks_for_strict = security.is_some_and(|word| !word.eq_ignore_ascii_case("legacy"));
            let asks_for_auth =
                ["auth-key-file", "auth-mode"].into_iter().any(|key| value(&document, key).is_some());
            Peek { state_directory, asks_for_strict, asks_for_auth }
        }
        // Not even its groups are known: the words alone count.
        None => {
            let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
            let asks_for_auth = ["auth-key-file", "auth-mode"].into_iter().any(|word| text.contains(word));
            Peek { state_directory: default(), asks_for_strict: text.contains("strict"), asks_for_auth }
        }
    }
}

fn value<'a>(document: &'a Document, key: &str) -> Option<&'a str> {
    document.core()?.entries.get(key).map(|entry| entry.value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peeked(name: &str, text: &str) -> Peek {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        peek(&path)
    }

    #[test]
    fn a_broken_file_still_names_its_state_directory() {
        let peek = peeked("x.conf", "group = core\nport\nstate-directory = /x/y\nsecurity = legacy\n");
        let expected = Peek { state_directory: "/x/y".into(), asks_for_strict: false, asks_for_auth: false };
        assert_eq!(peek, expected);
        assert_eq!(super::peek("/nonexistent".as_ref()).state_directory, Path::new(DEFAULT_STATE_DIRECTORY));
    }

    #[test]
    fn a_file_that_asks_for_security_is_found_out_however_broken() {
        for text in ["group = core\nport\nsecurity = Strict\n", "[core]\nsecurity = strickt\n"] {
            assert!(peeked("x.conf", text).asks_for_strict, "{text}");
        }
        for text in ["[core]\nauth-mode = x\n", "group = core\nport\nauth-key-file = /x\n"] {
            assert!(peeked("x.conf", text).asks_for_auth, "{text}");
        }
        assert!(peeked("x.toml", "[core\nsecurity = \"strict\"").asks_for_strict);
        assert!(peeked("x.toml", "[core\nauth-key-file = \"/x\"").asks_for_auth);
        let harmless = peeked("x.toml", "[core\nport = 7700");
        assert!(!harmless.asks_for_strict && !harmless.asks_for_auth);
    }
}
