//! The control socket.

use std::io;
use std::os::unix::net::UnixListener;
use std::path::Path;

use nix::unistd::{Gid, Group};
use schrittmacher_config::ControlSocket;
use socket2::Type;

use crate::socket_file::{Access, SocketError, SocketFile};

/// The control socket of this daemon. Its file goes away with it.
#[derive(Debug)]
pub struct ControlDoor(SocketFile);

impl ControlDoor {
    /// Makes the socket. Without it the daemon goes on: that costs one warning, which names what is missing.
    ///
    /// Call it when the UDP port is ours ([`SocketFile::open`]).
    pub fn open(socket: &ControlSocket) -> Option<ControlDoor> {
        match open(socket) {
            Ok(file) => Some(ControlDoor(file)),
            Err(error) => {
                log::warn!(
                    "no control socket, so schrittmacherctl can't give orders or reload; and none for applications, which \
                     report by UDP: {error}"
                );
                None
            }
        }
    }

    /// For the thread that answers.
    pub(super) fn listener(&self) -> io::Result<UnixListener> {
        self.0.socket().try_clone().map(UnixListener::from)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        // It was opened with one name.
        &self.0.names()[0]
    }
}

fn open(socket: &ControlSocket) -> Result<SocketFile, SocketError> {
    let access = Access::Own(socket.group.as_deref().and_then(group));
    SocketFile::open(std::slice::from_ref(&socket.path), Type::STREAM, access)
}

/// `control-group`, as a number. A group that does not exist narrows the socket to the daemon's own user.
fn group(name: &str) -> Option<Gid> {
    if let Ok(number) = name.parse() {
        return Some(Gid::from_raw(number));
    }
    match Group::from_name(name) {
        Ok(Some(group)) => return Some(group.gid),
        Ok(None) => {
            log::warn!("control-group = {name}: there is no such group; only our own user may control");
        }
        Err(error) => log::warn!("control-group = {name}: {error}; only our own user may control"),
    }
    None
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::net::UnixStream;

    use schrittmacher_config::SOCKET_PATH_MAX;

    use super::*;

    fn socket(folder: &Path) -> ControlSocket {
        ControlSocket { path: folder.join("run/127.0.0.2:7700.sock"), group: None }
    }

    #[test]
    fn only_its_own_user_may_connect_and_it_goes_away() {
        let folder = tempfile::tempdir().unwrap();
        let socket = socket(folder.path());
        let door = ControlDoor::open(&socket).unwrap();
        assert_eq!(fs::metadata(&socket.path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(UnixStream::connect(&socket.path).is_ok());
        let entries = fs::read_dir(folder.path().join("run")).unwrap();
        assert_eq!(entries.count(), 1, "the folder it was made in is gone");
        drop(door);
        assert!(!socket.path.exists());
    }

    #[test]
    fn a_group_may_connect_if_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let own = nix::unistd::getegid();
        let with = |group: String| ControlSocket { group: Some(group), ..socket(folder.path()) };
        let door = ControlDoor::open(&with(own.to_string())).unwrap();
        let file = fs::metadata(door.path()).unwrap();
        assert_eq!((file.permissions().mode() & 0o777, file.gid()), (0o660, own.as_raw()));
        drop(door);
        let door = ControlDoor::open(&with("no-such-group".into())).unwrap();
        assert_eq!(fs::metadata(door.path()).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_is_stale_is_replaced_and_what_lives_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let socket = socket(folder.path());
        let first = ControlDoor::open(&socket).unwrap();
        assert!(ControlDoor::open(&socket).is_none(), "a living daemon has lost its socket");
        // A daemon that was killed leaves its file behind.
        let listener = std::os::fd::AsRawFd::as_raw_fd(first.0.socket());
        nix::sys::socket::shutdown(listener, nix::sys::socket::Shutdown::Both).unwrap();
        assert!(UnixStream::connect(&socket.path).is_err());
        let second = ControlDoor::open(&socket).unwrap();
        drop(first);
        assert!(socket.path.exists(), "the first one has removed the second one's file");
        assert!(UnixStream::connect(&socket.path).is_ok());
        drop(second);
    }

    /// As root alone a test can be another user.
    #[test]
    fn another_user_puts_no_socket_into_the_run_directory() {
        use std::os::unix::process::CommandExt;
        use std::process::Command;
        if !nix::unistd::geteuid().is_root() {
            return println!("SKIPPED: another_user_puts_no_socket_into_the_run_directory: not root");
        }
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let door = ControlDoor::open(&socket(folder.path())).unwrap();
        let may = |program: &str, path: &Path| {
            let mut command = Command::new(program);
            command.arg(path).uid(65534).gid(65534).output().unwrap().status.success()
        };
        assert!(may("ls", door.path()), "he sees it");
        for name in ["127.0.0.2:7701.sock", "evil"] {
            assert!(!may("touch", &folder.path().join("run").join(name)), "{name}");
        }
        assert!(!may("rm", door.path()) && !may("unlink", door.path()));
        assert!(UnixStream::connect(door.path()).is_ok());
    }

    #[test]
    fn what_is_no_socket_is_not_removed() {
        let folder = tempfile::tempdir().unwrap();
        let socket = socket(folder.path());
        fs::create_dir(folder.path().join("run")).unwrap();
        fs::write(&socket.path, "precious").unwrap();
        assert!(matches!(open(&socket), Err(SocketError::Foreign(_))));
        assert_eq!(fs::read_to_string(&socket.path).unwrap(), "precious");
    }

    #[test]
    fn a_path_that_is_too_long_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x".repeat(SOCKET_PATH_MAX));
        let error = open(&ControlSocket { path, group: None }).unwrap_err();
        assert!(error.to_string().contains("run-directory"), "{error}");
    }
}
