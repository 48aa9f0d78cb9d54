//! Whether the peer has ever been heard (edge-13). Its address and port are part of the memory, so that a typing error of
//! tomorrow is a peer that was never heard.

use schrittmacher_config::Core;

use super::StateFolder;

const FILE: &str = "known-peer";

/// More than any address and port.
const BYTES_MAX: u64 = 100;

/// Whether this peer was heard before, by this daemon or one before it.
pub fn is_known(folder: &StateFolder, core: &Core) -> bool {
    folder.read(FILE, BYTES_MAX).is_some_and(|text| text == line(core))
}

pub(super) fn remember(folder: &StateFolder, core: &Core) -> std::io::Result<()> {
    folder.write(FILE, line(core).as_bytes())
}

fn line(core: &Core) -> String {
    format!("{} {}\n", core.remote_address, core.port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use schrittmacher_testkit::config::core;

    #[test]
    fn another_address_is_another_peer() {
        let folder = tempfile::tempdir().unwrap();
        let core = Core { state_directory: folder.path().to_owned(), ..core() };
        let folder = StateFolder::open(&core).unwrap();
        assert!(!is_known(&folder, &core));
        remember(&folder, &core).unwrap();
        assert!(is_known(&folder, &core));
        assert!(!is_known(&folder, &Core { remote_address: [127, 0, 0, 4].into(), ..core }));
    }
}
