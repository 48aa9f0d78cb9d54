//! Real connections, and a clock that the test moves.

use std::fs::{self, Permissions};
use std::io::IoSlice;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use mio::Poll;
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, send, sendmsg,
    socket,
};
use schrittmacher_testkit::config::{core, resource};
use schrittmacher_testkit::is_root_for;
use tempfile::TempDir;

use super::*;

const NOW: Time = Time::ZERO;

/// The socket of a daemon with one resource.
pub(crate) struct Door {
    pub(crate) socket: AppSocket,
    path: PathBuf,
    _poll: Poll,
    _folder: TempDir,
}

impl Door {
    pub(crate) fn new(resource: &Resource) -> Door {
        let (poll, folder) = (Poll::new().unwrap(), tempfile::tempdir().unwrap());
        // Other users pass.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let core = Core { run_directory: folder.path().join("run"), ..core() };
        let registry = poll.registry().try_clone().unwrap();
        let addresses = ["127.0.0.1:7701", "[::1]:7701"].map(|address| address.parse().unwrap());
        let socket = AppSocket::open(&core, std::slice::from_ref(resource), &addresses, registry).unwrap();
        let path = socket.path().to_owned();
        Door { socket, path, _poll: poll, _folder: folder }
    }

    /// What comes next; nothing if nothing waits.
    fn next(&mut self, now: Time) -> Option<Result<(String, Credentials), Impostor>> {
        self.socket.note_all();
        let mut buffer = [0; 100];
        match self.socket.receive(&mut buffer, now)? {
            Next::Message(message, sender) => {
                Some(Ok((String::from_utf8_lossy(message).trim().to_owned(), sender)))
            }
            Next::Impostor(impostor) => Some(Err(impostor)),
        }
    }

    /// Waits for what comes next.
    fn wait(&mut self) -> Result<(String, Credentials), Impostor> {
        let began = std::time::Instant::now();
        loop {
            if let Some(next) = self.next(NOW) {
                return next;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "nothing comes");
            std::thread::yield_now();
        }
    }

    /// Waits for a message.
    pub(crate) fn hear(&mut self) -> (String, Credentials) {
        self.wait().unwrap()
    }

    fn connect(&self) -> OwnedFd {
        connected(&UnixAddr::new(&self.path).unwrap()).unwrap()
    }

    /// A bash of this user whose connection `3` leads here.
    pub(crate) fn bash(&self, user: u32, script: &str) -> Child {
        let address = UnixAddr::new(&self.path).unwrap();
        let mut command = Command::new("bash");
        command.args(["-c", script]).stdin(Stdio::null()).uid(user);
        // SAFETY: system calls alone; nothing is allocated between fork and exec.
        unsafe {
            command.pre_exec(move || {
                let connection = connected(&address)?;
                // Without close-on-exec.
                if libc::dup2(connection.as_raw_fd(), 3) < 0 {
                    return Err(io::Error::last_os_error());
                }
                std::mem::forget(connection);
                Ok(())
            });
        }
        command.spawn().unwrap()
    }
}

fn connected(address: &UnixAddr) -> nix::Result<OwnedFd> {
    let connection = socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None)?;
    connect(connection.as_raw_fd(), address)?;
    Ok(connection)
}

fn say(connection: &OwnedFd, text: &str) -> nix::Result<usize> {
    send(connection.as_raw_fd(), text.as_bytes(), MsgFlags::MSG_NOSIGNAL)
}

#[test]
fn the_kernel_names_process_and_user() {
    let mut door = Door::new(&resource("r"));
    let connection = door.connect();
    say(&connection, "one").unwrap();
    let (text, sender) = door.hear();
    assert_eq!(text, "one");
    assert_eq!((sender.pid, sender.user), (std::process::id(), nix::unistd::geteuid().as_raw()));
    assert!(sender.pidfd().is_ok() || sender.pidfd().unwrap_err().raw_os_error() == Some(libc::ENOPROTOOPT));
    if is_root_for("the_kernel_names_process_and_user") {
        let mut nobody = door.bash(65534, "echo two >&3; exec sleep 100");
        let (text, sender) = door.hear();
        assert_eq!((text.as_str(), sender.pid, sender.user), ("two", nobody.id(), 65534));
        nobody.kill().unwrap();
        nobody.wait().unwrap();
    }
}

/// A process that was root when it connected and has given that up does not speak as root.
#[test]
fn who_is_no_longer_root_does_not_speak_as_root() {
    if !is_root_for("who_is_no_longer_root_does_not_speak_as_root") {
        return;
    }
    let mut door = Door::new(&resource("r"));
    let script = "exec setpriv --reuid=65534 --clear-groups bash -c 'echo dropped >&3; exec sleep 100'";
    let mut child = door.bash(0, script);
    let (text, sender) = door.hear();
    assert_eq!((text.as_str(), sender.pid, sender.user), ("dropped", child.id(), 65534));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_message_by_the_connection_of_another_process_is_refused() {
    let mut door = Door::new(&resource("r"));
    let connection = door.connect();
    let child =
        Command::new("sh").args(["-c", "echo forged >&0"]).stdin(connection.try_clone().unwrap()).spawn();
    let mut child = child.unwrap();
    let impostor = door.wait().expect_err("it was believed");
    assert_eq!((impostor.sender, impostor.owner), (child.id(), std::process::id()));
    child.wait().unwrap();
    assert!(say(&connection, "one").is_err(), "the connection is closed");
}

/// They would fill the daemon's table.
#[test]
fn a_connection_that_brings_descriptors_is_closed_and_they_are_not_taken() {
    let mut door = Door::new(&resource("r"));
    let connection = door.connect();
    say(&connection, "one").unwrap();
    door.hear();
    let open = || fs::read_dir("/proc/self/fd").unwrap().count();
    let before = open();
    let sent = [connection.as_raw_fd(); 50];
    let message = [IoSlice::new(b"two")];
    let rights = [ControlMessage::ScmRights(&sent)];
    sendmsg::<()>(connection.as_raw_fd(), &message, &rights, MsgFlags::empty(), None).unwrap();
    assert!(door.next(NOW).is_none());
    // Tests beside this one open some, too.
    assert!(open() < before + 40, "{before} were open, and now {}", open());
    assert!(say(&connection, "three").is_err());
}

#[test]
fn a_flood_waits_for_the_next_second_and_nobody_else_does() {
    let mut door = Door::new(&resource("r"));
    let (flood, other) = (door.connect(), door.connect());
    let more = PER_SECOND + 10;
    for number in 0..more {
        send(flood.as_raw_fd(), number.to_string().as_bytes(), MsgFlags::MSG_DONTWAIT).unwrap();
    }
    say(&other, "other").unwrap();
    let now = NOW + SECOND;
    let heard: Vec<String> = std::iter::from_fn(|| door.next(now)).map(|next| next.unwrap().0).collect();
    assert_eq!(heard.len(), usize::try_from(PER_SECOND).unwrap() + 1);
    assert!(heard[..4].contains(&"other".to_owned()), "connections take turns");
    assert_eq!(door.socket.next_deadline(), Some(now + SECOND));
    assert!(door.next(now + SECOND / 2).is_none());
    let later = now + SECOND;
    assert_eq!(std::iter::from_fn(|| door.next(later)).count(), 10);
    assert_eq!(door.socket.next_deadline(), None);
}

#[test]
fn one_connection_too_many_is_heard_once_and_closed() {
    let mut door = Door::new(&resource("r"));
    // Two for the resource, and sixteen.
    let connections: Vec<OwnedFd> = (0..18).map(|_| door.connect()).collect();
    assert!(door.next(NOW).is_none());
    let guest = door.connect();
    say(&guest, "guest").unwrap();
    assert_eq!(door.hear().0, "guest");
    assert!(door.next(NOW).is_none());
    assert_eq!(recv(guest.as_raw_fd(), &mut [0; 10], MsgFlags::empty()), Ok(0), "it is closed");
    say(&connections[17], "resident").unwrap();
    assert_eq!(door.hear().0, "resident");
    drop(connections);
    assert!(door.next(NOW).is_none());
    let next = door.connect();
    say(&next, "next").unwrap();
    assert_eq!(door.hear().0, "next");
    assert!(say(&next, "stays").is_ok());
}

#[test]
fn every_address_is_a_name_of_the_socket_and_all_of_them_go_with_it() {
    let door = Door::new(&resource("r"));
    let names = door.socket.file.names().to_vec();
    assert!(names.len() == 2 && names[1].to_string_lossy().contains("/[::1]:7701.net"), "{names:?}");
    for name in &names {
        assert_eq!(fs::metadata(name).unwrap().permissions().mode() & 0o777, 0o666);
        connected(&UnixAddr::new(name).unwrap()).unwrap();
    }
    let folder = names[0].parent().unwrap().to_owned();
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
    drop(door.socket);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}
