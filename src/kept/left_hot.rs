//! The resources that a daemon was serving when it ended and left everything as it is. The next daemon claims for them before
//! their applications have reported (edge-10).

use std::time::Duration;

use schrittmacher_protocol::Time;
use serde::{Deserialize, Serialize};

use super::StateFolder;
use super::folder::{boot, network};

const FILE: &str = "left-hot.json";

/// Of ten thousand resources with long names.
const BYTES_MAX: u64 = 16 << 20;

/// The clock of [`Time`] begins anew with each boot.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    boot: Option<String>,
    network: Option<u64>,
    at: Duration,
    resources: Vec<String>,
}

pub(super) fn keep(folder: &StateFolder, resources: Vec<String>, now: Time) -> std::io::Result<()> {
    let kept = Kept { boot: boot(), network: network(), at: now.since_origin(), resources };
    folder.write(FILE, &serde_json::to_vec(&kept)?)
}

/// What an earlier daemon of this boot has left hot, and how long ago. It is told once.
pub fn take_left_hot(folder: &StateFolder, now: Time) -> Option<(Duration, Vec<String>)> {
    let text = folder.read(FILE, BYTES_MAX)?;
    folder.remove(FILE);
    let kept: Kept = serde_json::from_str(&text).ok()?;
    let is_ours = kept.boot.is_some() && kept.boot == boot() && kept.network == network();
    let ago = now.since_origin().checked_sub(kept.at)?;
    is_ours.then_some((ago, kept.resources))
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use schrittmacher_config::Core;
    use schrittmacher_testkit::config::core;

    const SECOND: Duration = Duration::from_secs(1);

    fn folder(place: &tempfile::TempDir) -> StateFolder {
        StateFolder::open(&Core { state_directory: place.path().to_owned(), ..core() }).unwrap()
    }

    #[test]
    fn what_was_left_hot_is_told_once_with_its_age() {
        let place = tempfile::tempdir().unwrap();
        let folder = folder(&place);
        let now = Time::new(100 * SECOND);
        keep(&folder, vec!["smsc".into()], now).unwrap();
        assert_eq!(take_left_hot(&folder, now + 3 * SECOND), Some((3 * SECOND, vec!["smsc".into()])));
        assert_eq!(take_left_hot(&folder, now + 3 * SECOND), None);
    }

    #[test]
    fn another_boot_and_a_damaged_file_count_for_nothing() {
        let place = tempfile::tempdir().unwrap();
        let folder = folder(&place);
        let now = Time::new(100 * SECOND);
        for (from, to) in [(boot().unwrap().as_str(), "another boot"), ("{", ""), ("100", "101")] {
            keep(&folder, vec!["smsc".into()], now).unwrap();
            let text = folder.read(FILE, BYTES_MAX).unwrap();
            assert!(text.contains(from), "{text}");
            folder.write(FILE, text.replacen(from, to, 1).as_bytes()).unwrap();
            assert_eq!(take_left_hot(&folder, now), None, "{to}");
        }
    }
}
