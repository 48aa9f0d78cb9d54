//! The configuration that was in force last: a start with a broken file goes on with it (edge-11).

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use schrittmacher_config::{Core, Loaded, Peek, peek};
use serde::{Deserialize, Serialize};

use super::folder::{boot, network};
use super::{StateFolder, elsewhere};

const FILE: &str = "last-good.json";

/// The largest configuration, with everything that JSON adds.
const BYTES_MAX: u64 = 64 << 20;

/// The copy of a configuration, and when it counts.
#[derive(Debug, Serialize, Deserialize)]
struct Copy {
    boot: String,
    network: Option<u64>,
    path: PathBuf,
    since: SystemTime,
    configuration: String,
}

/// A configuration that was in force since this boot.
#[derive(Debug)]
pub struct LastGood {
    /// The configuration.
    pub loaded: Loaded,
    /// When it was put in force.
    pub since: SystemTime,
}

/// Keeps the configuration that is in force.
pub(super) fn keep(folder: &StateFolder, path: &Path, configuration: String) -> std::io::Result<()> {
    keep_for(&elsewhere::usual(), folder, path, configuration)
}

fn keep_for(usual: &Path, folder: &StateFolder, path: &Path, configuration: String) -> std::io::Result<()> {
    let Some(boot) = boot() else { return Ok(()) };
    let copy =
        Copy { boot, network: network(), path: absolute(path), since: SystemTime::now(), configuration };
    folder.write(FILE, &serde_json::to_vec(&copy)?)?;
    // Without it the copy is found as long as the file can be read.
    let _ = elsewhere::link(usual, folder, &copy.path);
    Ok(())
}

/// Why a broken file is not replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoCopy {
    /// No configuration of this file has been in force since this boot.
    Missing,
    /// The broken file asks for more security than the copy has, or may do so.
    Weaker,
}

/// The configuration that was in force last, if it came from the file at `path`, since this boot.
///
/// # Errors
///
/// There is none that may be used.
pub fn last_good(path: &Path) -> Result<LastGood, NoCopy> {
    last_good_of(path, &elsewhere::usual())
}

fn last_good_of(path: &Path, usual: &Path) -> Result<LastGood, NoCopy> {
    let peek = peek(path);
    let copies = [peek.state_directory.as_path(), usual].map(StateFolder::all);
    let copies = copies.iter().flatten().filter_map(|folder| folder.read(FILE, BYTES_MAX));
    let copies = copies.filter_map(|text| serde_json::from_str::<Copy>(&text).ok());
    let (boot, network, path) = (boot(), network(), absolute(path));
    let copy = copies
        .filter(|copy| Some(&copy.boot) == boot.as_ref() && copy.network == network && copy.path == path)
        .max_by_key(|copy| copy.since)
        .and_then(|copy| {
            let loaded = schrittmacher_config::restore(&copy.configuration)?;
            Some(LastGood { loaded, since: copy.since })
        });
    let asks = peek.asks_for_strict || peek.asks_for_auth;
    match copy {
        Some(copy) if !is_weaker(&copy.loaded.config.core, &peek) => Ok(copy),
        None if !asks => Err(NoCopy::Missing),
        Some(_) | None => Err(NoCopy::Weaker),
    }
}

/// Whether a copy may be weaker than the broken file. How strong an `auth-mode` that file means is not known.
fn is_weaker(copy: &Core, broken: &Peek) -> bool {
    (broken.asks_for_strict && !copy.is_strict()) || (broken.asks_for_auth && !copy.peer_has_to_sign())
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::fs::{self, File};
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;

    use super::*;

    const GOOD: &str = "group = core\nlocal-address = 127.0.0.2\nremote-address = 127.0.0.3\nport = 7700\n\
        security = legacy\nstate-directory = FOLDER\ngroup = resource\nname = r\n";

    struct Bench {
        folder: tempfile::TempDir,
        file: PathBuf,
        state: StateFolder,
        usual: PathBuf,
    }

    /// A file whose configuration is kept.
    fn bench() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.conf");
        let text = GOOD.replace("FOLDER", folder.path().join("state").to_str().unwrap());
        fs::write(&file, &text).unwrap();
        let loaded = schrittmacher_config::load(&file).unwrap();
        let state = StateFolder::open(&loaded.config.core).unwrap();
        let usual = folder.path().join("usual");
        keep_for(&usual, &state, &file, loaded.to_kept()).unwrap();
        Bench { folder, file, state, usual }
    }

    impl Bench {
        fn last_good(&self) -> Result<LastGood, NoCopy> {
            last_good_of(&self.file, &self.usual)
        }

        fn breaks(&self, line: &str) {
            self.breaks_line("security = legacy", line);
        }

        fn breaks_line(&self, from: &str, to: &str) {
            let text = fs::read_to_string(&self.file).unwrap();
            assert!(text.contains(from), "{text}");
            fs::write(&self.file, text.replace(from, to)).unwrap();
        }

        fn alter(&self, from: &str, to: &str) {
            let text = self.state.read(FILE, BYTES_MAX).unwrap();
            assert!(text.contains(from), "{text}");
            self.state.write(FILE, text.replacen(from, to, 1).as_bytes()).unwrap();
        }
    }

    #[test]
    fn a_broken_file_is_replaced_by_what_was_in_force() {
        let bench = bench();
        let good = schrittmacher_config::load(&bench.file).unwrap();
        bench.breaks("nonsense");
        assert_eq!(bench.last_good().unwrap().loaded.config, good.config);
    }

    /// Such a file does not name the state directory.
    #[test]
    fn a_file_that_says_nothing_is_replaced_too() {
        let bench = bench();
        let good = schrittmacher_config::load(&bench.file).unwrap().config;
        let is_replaced = || bench.last_good().unwrap().loaded.config == good;
        for text in [&b""[..], b"\xff\xfeg\0", b"\xe4", &vec![b'#'; 20 << 20]] {
            fs::write(&bench.file, text).unwrap();
            assert!(is_replaced(), "{} bytes", text.len());
        }
        fs::remove_file(&bench.file).unwrap();
        assert!(is_replaced(), "no file");
        fs::create_dir(&bench.file).unwrap();
        assert!(is_replaced(), "a directory");
    }

    #[test]
    fn another_boot_or_another_file_has_none() {
        let bench = bench();
        bench.breaks("nonsense");
        assert_eq!(
            last_good_of(&bench.folder.path().join("y.conf"), &bench.usual).unwrap_err(),
            NoCopy::Missing
        );
        bench.alter(&boot().unwrap(), "another boot");
        assert!(bench.last_good().is_err());
    }

    #[test]
    fn a_broken_file_that_asks_for_security_is_not_replaced() {
        let bench = bench();
        bench.breaks("security = strict");
        assert_eq!(bench.last_good().unwrap_err(), NoCopy::Weaker);
    }

    /// The keys are part of the copy: they may be what broke.
    #[test]
    fn a_broken_key_file_is_replaced_by_the_keys_that_were_in_force() {
        let bench = bench();
        let key = bench.folder.path().join("key");
        let text = format!("key00001 {}12\n", "5a".repeat(32));
        File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&key)
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        bench.breaks(&format!("auth-key-file = {}", key.display()));
        let good = schrittmacher_config::load(&bench.file).unwrap();
        keep_for(&bench.usual, &bench.state, &bench.file, good.to_kept()).unwrap();
        fs::remove_file(&key).unwrap();
        assert_eq!(bench.last_good().unwrap().loaded.config, good.config);
        // The copy is not strict.
        bench.breaks_line("auth-key-file = ", "security = strict\nauth-key-file = ");
        assert_eq!(bench.last_good().unwrap_err(), NoCopy::Weaker);
    }

    #[test]
    fn a_damaged_copy_is_none() {
        let bench = bench();
        bench.breaks("nonsense");
        bench.alter("{", "");
        assert!(bench.last_good().is_err());
    }
}
