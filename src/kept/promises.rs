//! The longest promises of `policy = consistent` that may not be over: a start waits for them, whatever the file says by then.

use std::collections::BTreeMap;
use std::time::Duration;

use log::{error, warn};

use super::StateFolder;

const FILE: &str = "promises.json";

/// Of ten thousand resources with long names.
const BYTES_MAX: u64 = 16 << 20;

/// That of each resource, by its name.
pub type KeptPromises = BTreeMap<String, Duration>;

/// It is on the disk when this is over.
pub(super) fn keep(folder: &StateFolder, promises: &KeptPromises) -> std::io::Result<()> {
    let promises: BTreeMap<&String, u64> =
        promises.iter().map(|(name, promise)| (name, ms(*promise))).collect();
    folder.write(FILE, &serde_json::to_vec(&promises)?)
}

/// Those of an earlier daemon; none if the file is damaged.
pub fn promises(folder: &StateFolder) -> KeptPromises {
    let Some(text) = folder.read(FILE, BYTES_MAX) else {
        if folder.path(FILE).symlink_metadata().is_ok() {
            warn!(
                "{FILE} is not a file of this user, or too long: an earlier `promise` that was longer is not waited for"
            );
        }
        return KeptPromises::new();
    };
    let read: Result<BTreeMap<String, u64>, _> = serde_json::from_str(&text);
    match read {
        Ok(read) => read.into_iter().map(|(name, ms)| (name, Duration::from_millis(ms))).collect(),
        Err(error) => {
            warn!("{FILE} is damaged ({error}): an earlier `promise` that was longer is not waited for");
            KeptPromises::new()
        }
    }
}

/// Adds those that this daemon may give, before it gives any. What is kept now.
pub fn keep_promises(
    folder: Option<&StateFolder>,
    earlier: &KeptPromises,
    wanted: &KeptPromises,
) -> KeptPromises {
    let all = longest(earlier, wanted);
    if all == *earlier {
        return all;
    }
    match folder.map(|folder| keep(folder, &all)) {
        Some(Ok(())) => all,
        Some(Err(error)) => {
            error!("`state-directory` cannot be written ({error}): this side promises nothing to its peer");
            earlier.clone()
        }
        None => {
            error!("`state-directory` cannot be used: this side promises nothing to its peer");
            earlier.clone()
        }
    }
}

/// The longer one of each resource.
pub fn longest(some: &KeptPromises, others: &KeptPromises) -> KeptPromises {
    let mut all = some.clone();
    for (name, promise) in others {
        let longest = all.entry(name.clone()).or_default();
        *longest = (*longest).max(*promise);
    }
    all
}

/// The shorter one of each resource that both have.
pub fn shortest(some: &KeptPromises, others: &KeptPromises) -> KeptPromises {
    let both = some.iter().filter_map(|(name, promise)| Some((name, promise, others.get(name)?)));
    both.map(|(name, one, other)| (name.clone(), *one.min(other))).collect()
}

/// Never less than it is.
fn ms(promise: Duration) -> u64 {
    u64::try_from(promise.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use schrittmacher_config::Core;
    use schrittmacher_testkit::config::core;

    use super::*;

    fn of(name: &str, ms: u64) -> KeptPromises {
        [(name.to_owned(), Duration::from_millis(ms))].into()
    }

    #[test]
    fn the_longest_promise_is_kept_until_a_shorter_one_is_written_on_purpose() {
        let place = tempfile::tempdir().unwrap();
        let folder =
            StateFolder::open(&Core { state_directory: place.path().join("state"), ..core() }).unwrap();
        assert_eq!(promises(&folder), KeptPromises::new());
        assert_eq!(keep_promises(Some(&folder), &KeptPromises::new(), &of("r", 8000)), of("r", 8000));
        assert_eq!(promises(&folder), of("r", 8000));
        assert_eq!(keep_promises(Some(&folder), &of("r", 8000), &of("r", 1000)), of("r", 8000));
        keep(&folder, &of("r", 1000)).unwrap();
        assert_eq!(promises(&folder), of("r", 1000));
    }

    #[test]
    fn what_cannot_be_written_is_not_kept() {
        assert_eq!(keep_promises(None, &of("r", 1000), &of("r", 8000)), of("r", 1000));
        assert_eq!(ms(Duration::from_nanos(1_000_001)), 2);
    }
}
