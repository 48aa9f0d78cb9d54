//! A configuration as text, with everything that it includes: to be kept, and put in force again without its files.

use serde::{Deserialize, Serialize};

use super::diagnostic::Findings;
use super::document::Document;
use super::interpret::interpret;
use super::load::Loaded;

/// Another version may understand a key otherwise.
const VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(Serialize, Deserialize)]
struct Kept {
    version: String,
    document: Document,
}

impl Loaded {
    /// The configuration as text for [`restore`].
    pub fn to_kept(&self) -> String {
        let kept = Kept { version: VERSION.to_owned(), document: self.document.clone() };
        #[expect(clippy::unwrap_used, reason = "all keys are strings, and no value refuses to be serialised")]
        serde_json::to_string(&kept).unwrap()
    }
}

/// The configuration that [`Loaded::to_kept`] made the text of; `None` if it was another version or is damaged.
pub fn restore(kept: &str) -> Option<Loaded> {
    let Kept { version, document } = serde_json::from_str(kept).ok()?;
    if version != VERSION {
        return None;
    }
    let mut findings = Findings::default();
    let config = interpret(&document, &mut findings)?;
    let (_, warnings) = findings.sorted(&document.name);
    Some(Loaded { config, warnings, document, unit_notes: Vec::new(), witness_notes: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load;

    #[test]
    fn what_was_kept_means_the_same_without_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let (main, included) = (folder.path().join("main.conf"), folder.path().join("more.conf"));
        std::fs::write(
            &main,
            "group = core\nlocal-address = 127.0.0.2\nremote-address = 127.0.0.3\nport = 7700\ninclude \"more.conf\"\n",
        )
        .unwrap();
        std::fs::write(&included, "group = resource\nname = \"a \\ b\"\n").unwrap();
        let loaded = load(&main).unwrap();
        let kept = loaded.to_kept();
        drop(folder);
        assert_eq!(restore(&kept), Some(loaded));
        assert_eq!(restore(&kept.replace(VERSION, "0.0.1")), None);
        assert_eq!(restore(&kept[..kept.len() - 1]), None);
    }
}
