//! One connection, and who speaks there.

use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::rc::{Rc, Weak};

/// A connection of one application.
#[derive(Debug)]
pub(super) struct Connection {
    socket: Rc<OwnedFd>,
    /// The process that has made the connection, and its effective user then.
    pid: u32,
    user: u32,
    /// It is in the list of those that may have something to read.
    pub(super) is_ready: bool,
    /// Messages in this second.
    pub(super) said: u32,
    /// It is closed as soon as nothing more is to be read.
    pub(super) is_guest: bool,
}

/// The sender of a message, by the word of the kernel.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Its process: the one that has made the connection and has sent the message.
    pub pid: u32,
    /// Its user.
    pub user: u32,
    connection: Rc<OwnedFd>,
}

/// An application that wants to be told something. Its connection may be closed by now.
#[derive(Clone, Debug)]
pub struct Listener(Weak<OwnedFd>);

impl Credentials {
    /// The one that has sent the message.
    pub fn listener(&self) -> Listener {
        Listener(Rc::downgrade(&self.connection))
    }
}

/// A message was sent by the connection of another process: it was inherited or handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Impostor {
    /// The process that has sent it.
    pub sender: u32,
    /// The process that has made the connection.
    pub owner: u32,
    /// The owner's user.
    pub user: u32,
}

impl fmt::Display for Impostor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "process {} reports by the connection of process {} (user {}); each process has to connect by itself",
            self.sender, self.owner, self.user
        )
    }
}

/// What was read.
#[derive(Debug)]
pub(super) enum Received {
    /// How many bytes of the buffer it fills.
    Message(usize, Credentials),
    Impostor(Impostor),
    /// For now.
    Nothing,
    /// Closed by the application, or broken.
    End,
}

impl Connection {
    pub(super) fn user(&self) -> u32 {
        self.user
    }
}

impl AsRawFd for Connection {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

#[cfg(target_os = "linux")]
pub(super) use linux::prepare;

#[cfg(target_os = "linux")]
mod linux {
    use std::io::IoSliceMut;
    use std::os::fd::FromRawFd;

    use nix::errno::Errno;
    use nix::sys::socket::{
        ControlMessageOwned, MsgFlags, SockFlag, UnixCredentials, accept4, getsockopt, recvmsg, send,
        setsockopt,
        sockopt::{PassCred, PeerCredentials, PeerPidfd},
    };

    use super::{AsRawFd, Connection, Credentials, Impostor, Listener, OwnedFd, Rc, Received, io};

    /// Has the kernel tell who sends. Connections inherit it, so that no message comes without.
    pub(in crate::app_socket) fn prepare(listener: &OwnedFd) -> io::Result<()> {
        Ok(setsockopt(listener, PassCred, &true)?)
    }

    impl Connection {
        /// The next one that waits.
        pub(in crate::app_socket) fn accept(listener: &OwnedFd) -> io::Result<Option<Connection>> {
            let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
            let socket = match accept4(listener.as_raw_fd(), flags) {
                // SAFETY: a descriptor that the system has just made for us, and nobody else knows.
                Ok(socket) => unsafe { OwnedFd::from_raw_fd(socket) },
                Err(Errno::EAGAIN) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            let owner = getsockopt(&socket, PeerCredentials)?;
            Ok(Some(Connection {
                socket: Rc::new(socket),
                pid: u32::try_from(owner.pid()).unwrap_or_default(),
                user: owner.uid(),
                is_ready: false,
                said: 0,
                is_guest: false,
            }))
        }

        /// The next message; what exceeds the buffer is cut off.
        pub(in crate::app_socket) fn receive(&self, buffer: &mut [u8]) -> Received {
            // Room for the credentials alone. The kernel drops descriptors that come along, and nix then reports an error.
            let mut room = nix::cmsg_space!(UnixCredentials);
            let mut parts = [IoSliceMut::new(buffer)];
            let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_CMSG_CLOEXEC;
            let message = match recvmsg::<()>(self.as_raw_fd(), &mut parts, Some(&mut room), flags) {
                Ok(message) if message.bytes > 0 => message,
                Err(Errno::EAGAIN | Errno::EINTR) => return Received::Nothing,
                Ok(_) | Err(_) => return Received::End,
            };
            let credentials = |part| {
                if let ControlMessageOwned::ScmCredentials(sender) = part { Some(sender) } else { None }
            };
            let sender = message.cmsgs().ok().and_then(|mut parts| parts.find_map(credentials));
            let Some(sender) = sender else { return Received::End };
            let pid = u32::try_from(sender.pid()).unwrap_or_default();
            if pid != self.pid {
                return Received::Impostor(Impostor { sender: pid, owner: self.pid, user: self.user });
            }
            // A program that was root when it connected is so no more if its real user is another one. So is one that has
            // become root since: it may not have meant to speak here.
            let user = if self.user == 0 { sender.uid() } else { self.user };
            Received::Message(message.bytes, Credentials { pid, user, connection: Rc::clone(&self.socket) })
        }
    }

    impl Listener {
        /// Tells it this, without waiting. False if it has too much to read, or is gone.
        pub fn tell(&self, message: &[u8]) -> bool {
            let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
            self.0.upgrade().is_some_and(|connection| send(connection.as_raw_fd(), message, flags).is_ok())
        }
    }

    impl Credentials {
        /// The process as a descriptor (Linux 6.5 and later). It cannot be that of another process that has the number now.
        ///
        /// # Errors
        ///
        /// The process has ended, or the kernel is older (`ENOPROTOOPT`).
        pub fn pidfd(&self) -> io::Result<OwnedFd> {
            Ok(getsockopt(&*self.connection, PeerPidfd)?)
        }
    }
}

/// Other systems do not say who has sent a message.
#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use super::{Connection, Credentials, Listener, OwnedFd, Received, io};

    pub(in crate::app_socket) fn prepare(_listener: &OwnedFd) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    impl Connection {
        pub(in crate::app_socket) fn accept(_listener: &OwnedFd) -> io::Result<Option<Connection>> {
            Err(io::ErrorKind::Unsupported.into())
        }

        #[expect(clippy::unused_self, reason = "the Linux version needs it")]
        pub(in crate::app_socket) fn receive(&self, _buffer: &mut [u8]) -> Received {
            Received::End
        }
    }

    impl Listener {
        pub fn tell(&self, _message: &[u8]) -> bool {
            let _ = &self.0;
            false
        }
    }

    impl Credentials {
        pub fn pidfd(&self) -> io::Result<OwnedFd> {
            let _ = &self.connection;
            Err(io::ErrorKind::Unsupported.into())
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) use elsewhere::prepare;
