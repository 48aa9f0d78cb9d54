//! A Unix socket as a file: nobody else can connect before its mode is right, and only a stale one is replaced.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, chown};
use schrittmacher_config::SOCKET_PATH_MAX;
use socket2::{Domain, SockAddr, Socket, Type};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 128;

/// A socket that listens. Its names go away with it.
#[derive(Debug)]
pub struct SocketFile {
    socket: OwnedFd,
    names: Vec<PathBuf>,
    /// Device and inode: another daemon's socket may have a name later.
    file: (u64, u64),
}

/// Why there is no such socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The system refuses it.
    #[error("{}: {error}", path.display())]
    System {
        /// The socket, or its directory.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// Beyond [`SOCKET_PATH_MAX`].
    #[error("{}: the path is longer than {SOCKET_PATH_MAX} bytes; set a shorter `run-directory`", .0.display())]
    TooLong(PathBuf),
    /// A living program has it.
    #[error("{}: another program answers there, and keeps it", .0.display())]
    Served(PathBuf),
    /// Something that we did not make.
    #[error("{}: this is no socket; remove it", .0.display())]
    Foreign(PathBuf),
}

/// The processes that may connect.
#[derive(Clone, Copy, Debug)]
pub enum Access {
    /// Those of our own user, and of this group.
    Own(Option<Gid>),
    /// All of this host.
    All,
}

impl SocketFile {
    /// Makes a socket of this type that listens, does not block, and has all these names in one directory.
    ///
    /// Call it when the UDP port is ours. No other daemon with this address and port can live then, so a file of one is stale.
    pub fn open(names: &[PathBuf], kind: Type, access: Access) -> Result<SocketFile, SocketError> {
        if let Some(long) = names.iter().find(|name| name.as_os_str().len() > SOCKET_PATH_MAX) {
            return Err(SocketError::TooLong(long.clone()));
        }
        let first = names.first().map_or(Path::new("/"), PathBuf::as_path);
        let directory = first.parent().unwrap_or(Path::new("/"));
        make_directory(directory).map_err(|error| system(directory, error))?;
        for name in names {
            match fs::symlink_metadata(name) {
                Ok(found) if !found.file_type().is_socket() => {
                    return Err(SocketError::Foreign(name.clone()));
                }
                Ok(_) if is_served(name, kind) => return Err(SocketError::Served(name.clone())),
                Ok(_) | Err(_) => {}
            }
        }
        // In a folder that no other user may enter, until owner and mode are right. A rename then replaces a stale
        // socket in one step.
        let folder = directory.join(format!(".new-{}", std::process::id()));
        let made = make_inside(&folder, kind, access).and_then(|socket| {
            let made = folder.join("socket");
            let mut socket = SocketFile { socket, file: identity(&made)?, names: Vec::new() };
            for name in names {
                let link = folder.join("link");
                fs::hard_link(&made, &link)?;
                fs::rename(&link, name)?;
                socket.names.push(name.clone());
            }
            Ok(socket)
        });
        clear(&folder);
        made.map_err(|error| system(first, error))
    }

    /// The socket.
    pub fn socket(&self) -> &OwnedFd {
        &self.socket
    }

    /// Its names, in the order in which they were given.
    pub fn names(&self) -> &[PathBuf] {
        &self.names
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        for name in &self.names {
            if identity(name).is_ok_and(|file| file == self.file) {
                // If that is refused a stale socket stays, which the next start replaces.
                let _: io::Result<()> = fs::remove_file(name);
            }
        }
    }
}

fn make_inside(folder: &Path, kind: Type, access: Access) -> io::Result<OwnedFd> {
    clear(folder);
    DirBuilder::new().mode(0o700).create(folder)?;
    let made = folder.join("socket");
    let socket = Socket::new(Domain::UNIX, kind, None)?;
    socket.bind(&SockAddr::unix(&made)?)?;
    socket.set_nonblocking(true)?;
    socket.listen(BACKLOG)?;
    let mode = match access {
        Access::Own(None) => 0o600,
        Access::Own(Some(group)) => {
            chown(&made, None, Some(group))?;
            0o660
        }
        Access::All => 0o666,
    };
    fs::set_permissions(&made, Permissions::from_mode(mode))?;
    Ok(socket.into())
}

/// Removes the rest of a daemon that was killed in between.
fn clear(folder: &Path) {
    for name in ["link", "socket"] {
        let _: io::Result<()> = fs::remove_file(folder.join(name));
    }
    let _: io::Result<()> = fs::remove_dir(folder);
}

/// Others may look for their socket in it, whatever our umask is.
fn make_directory(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o755).create(directory)?;
    fs::set_permissions(directory, Permissions::from_mode(0o755))
}

/// Whether a program accepts connections there. A full queue is a living program, too.
fn is_served(path: &Path, kind: Type) -> bool {
    let connect = || {
        let socket = Socket::new(Domain::UNIX, kind, None)?;
        socket.set_nonblocking(true)?;
        socket.connect(&SockAddr::unix(path)?)
    };
    match connect() {
        Ok(()) => true,
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
}

fn system(path: &Path, error: io::Error) -> SocketError {
    SocketError::System { path: path.to_owned(), error }
}
