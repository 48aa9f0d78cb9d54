//! Where the control socket of a daemon is. The daemon and `schrittmacherctl` both ask here.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Core;
use super::core_group;
use super::diagnostic::Findings;
use super::document::Document;
use super::fields::Fields;
use super::keys;
use super::load;
use schrittmacher_wire::{RUN_DIRECTORY, SocketKind, socket_name, socket_name_end};

/// The longest path that the system takes for a socket, in bytes.
pub const SOCKET_PATH_MAX: usize = 107;

/// The control socket of one daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlSocket {
    /// `run-directory/LOCAL-ADDRESS:PORT.netNUMBER.sock`.
    pub path: PathBuf,
    /// `control-group`.
    pub group: Option<String>,
}

impl ControlSocket {
    /// The socket of a daemon with this configuration, in this process's network namespace.
    pub fn from_config(core: &Core) -> ControlSocket {
        let path = path(&core.run_directory, core.local_address, core.port);
        ControlSocket { path, group: core.control_group.clone() }
    }

    /// The socket of the daemon that was started with the file at `path`. The file may be broken now: its daemon has to be
    /// reachable all the same. `None` if the file has no address and port.
    pub fn from_file(file: &Path) -> Option<PathBuf> {
        let document = load::document(file)?;
        identity(&document)
    }

    /// The sockets in a directory that belong to this network namespace, or in the default one.
    ///
    /// # Errors
    ///
    /// The directory can't be read.
    pub fn list(directory: Option<&Path>) -> io::Result<Vec<PathBuf>> {
        let end = socket_name_end(network(), SocketKind::Control);
        let directory = directory.unwrap_or(Path::new(RUN_DIRECTORY));
        let mut found = Vec::new();
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.ends_with(&end) && !name.starts_with('.') {
                found.push(path);
            }
        }
        found.sort();
        Ok(found)
    }
}

fn identity(document: &Document) -> Option<PathBuf> {
    let mut ignored = Findings::default();
    let mut fields = Fields { group: document.core()?, findings: &mut ignored };
    let (address, port) = (fields.end_address(&keys::LOCAL_ADDRESS), fields.port(&keys::PORT));
    Some(path(&core_group::run_directory(&mut fields), address?, port?))
}

/// A `run-directory` with a socket that no program could use. The daemon goes on without it.
pub(super) fn check_length(fields: &mut Fields<'_>, core: &Core) {
    let length = ControlSocket::from_config(core).path.as_os_str().len();
    if length > SOCKET_PATH_MAX
        && let Some(entry) = fields.entry(&keys::RUN_DIRECTORY)
    {
        let excess = length - SOCKET_PATH_MAX;
        let what = format!("is {excess} bytes too long for a socket in it: there will be no control socket");
        fields.warn(&keys::RUN_DIRECTORY, entry, &what, "a shorter path, like /run/schrittmacher");
    }
}

fn path(directory: &Path, address: IpAddr, port: u16) -> PathBuf {
    directory.join(socket_name(SocketAddr::new(address, port), network(), SocketKind::Control))
}

/// The number of this process's network namespace; `None` on systems that have none.
pub fn network() -> Option<u64> {
    fs::metadata("/proc/self/ns/net").map(|file| file.ino()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load_text;

    const TEXT: &str = "group = core\nlocal-address = 127.0.0.2\nremote-address = 127.0.0.3\nport = 7700\n\
        security = legacy\nrun-directory = /tmp/x\ngroup = resource\nname = a\n";

    #[test]
    fn daemons_of_one_port_have_sockets_of_their_own() {
        let path_of = |text: &str| {
            let config = load_text("x.conf".as_ref(), text).unwrap().config;
            ControlSocket::from_config(&config.core).path.display().to_string()
        };
        let one = path_of(TEXT);
        assert!(one.starts_with("/tmp/x/127.0.0.2:7700.net") && one.ends_with(".sock"), "{one}");
        let other = TEXT.replace("127.0.0.2", "127.0.0.9");
        assert_ne!(path_of(&other), one);
        let other = TEXT.replace("7700", "7702");
        assert_ne!(path_of(&other), one);
        // The longest name that the default directory can get.
        let daemon = "[1111:2222:3333:4444:5555:6666:7777:8888]:65534".parse().unwrap();
        for kind in [SocketKind::Control, SocketKind::App] {
            let longest = Path::new(RUN_DIRECTORY).join(socket_name(daemon, Some(u32::MAX.into()), kind));
            assert!(longest.as_os_str().len() <= SOCKET_PATH_MAX, "{}", longest.display());
        }
    }

    #[test]
    fn a_broken_file_still_names_the_socket() {
        let file = tempfile::NamedTempFile::with_suffix(".conf").unwrap();
        fs::write(file.path(), TEXT).unwrap();
        let whole = ControlSocket::from_file(file.path()).unwrap();
        let broken = TEXT.replace("name = a", "nonsense").replace("security = legacy", "security = strict");
        fs::write(file.path(), broken).unwrap();
        assert_eq!(ControlSocket::from_file(file.path()), Some(whole));
        fs::write(file.path(), TEXT.replace("port = 7700", "port = x")).unwrap();
        assert_eq!(ControlSocket::from_file(file.path()), None);
    }

    #[test]
    fn sockets_of_other_networks_are_not_listed() {
        let folder = tempfile::tempdir().unwrap();
        let daemon = "127.0.0.2:7700".parse().unwrap();
        let [own, of_apps] =
            [SocketKind::Control, SocketKind::App].map(|kind| socket_name(daemon, network(), kind));
        for name in [own.as_str(), &of_apps, "127.0.0.2:7700.net1.sock", "other", &format!(".{own}")] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(ControlSocket::list(Some(folder.path())).unwrap(), [folder.path().join(own)]);
    }
}
