//! Which daemon is meant: where its control socket and its page are.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use super::CtlError;
use super::options::DaemonArgs;
use schrittmacher_config::{ControlSocket, LoadError, Page};
use schrittmacher_text::exit_code;

/// Where a daemon can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The control socket.
    Socket(PathBuf),
    /// The page.
    Page(SocketAddr),
}

/// Where to ask, in the order in which to try.
pub(super) fn places(daemon: &DaemonArgs) -> Result<Vec<Place>, CtlError> {
    if let Some(path) = &daemon.socket {
        return Ok(vec![Place::Socket(path.clone())]);
    }
    if let Some(address) = &daemon.address {
        let found = address.to_socket_addrs().map_err(|error| {
            CtlError::new(exit_code::USAGE, &format_args!("{address} is no HOST:PORT: {error}"))
        })?;
        return Ok(found.map(Place::Page).collect());
    }
    match (&daemon.config, schrittmacher_config::find()) {
        (Some(path), _) => of_file(path),
        (None, Ok(path)) => of_file(&path).or_else(|error| only_socket().unwrap_or(Err(error))),
        (None, Err(error)) => only_socket().ok_or_else(|| {
            let why = format!("{error}; name it with --config, or the daemon with --socket");
            CtlError::new(exit_code::NOINPUT, &why)
        })?,
    }
}

/// A file that is wrong now still belongs to a daemon that was started with it.
fn of_file(path: &Path) -> Result<Vec<Place>, CtlError> {
    match schrittmacher_config::load(path) {
        Ok(loaded) => {
            let core = &loaded.config.core;
            let socket = Place::Socket(ControlSocket::from_config(core).path);
            Ok([socket].into_iter().chain(pages(core).into_iter().map(Place::Page)).collect())
        }
        Err(error) => match ControlSocket::from_file(path) {
            Some(socket) => Ok(vec![Place::Socket(socket)]),
            None => {
                let why = schrittmacher_config::failure(&error);
                Err(CtlError::new(LoadError::exit_code(&error), &why.trim_end()))
            }
        },
    }
}

/// The one living socket in the default directory. `None` if there is none; an error if there are several.
fn only_socket() -> Option<Result<Vec<Place>, CtlError>> {
    let refuses = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    let mut found = ControlSocket::list(None).unwrap_or_default();
    found.retain(|path| !UnixStream::connect(path).is_err_and(refuses));
    match &found[..] {
        [] => None,
        [one] => Some(Ok(vec![Place::Socket(one.clone())])),
        several => {
            let names: Vec<_> = several.iter().map(|path| format!("\n  {}", path.display())).collect();
            let why = format!("several daemons run here; name one with --socket:{}", names.concat());
            Some(Err(CtlError::new(exit_code::USAGE, &why)))
        }
    }
}

fn pages(core: &schrittmacher_config::Core) -> Vec<SocketAddr> {
    let Some(page) = Page::from_config(core) else { return Vec::new() };
    let local = |address: IpAddr| match address {
        IpAddr::V4(any) if any.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(any) if any.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        IpAddr::V4(_) | IpAddr::V6(_) => address,
    };
    page.addresses.into_iter().map(|address| SocketAddr::new(local(address), page.port)).collect()
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Socket(path) => write!(f, "{}", path.display()),
            Place::Page(address) => write!(f, "{address}"),
        }
    }
}

impl Place {
    /// Why nothing could be asked here, with what that means.
    pub fn unreachable(&self, error: &io::Error) -> CtlError {
        let (code, why) = match (self, error.kind()) {
            (Place::Socket(_), io::ErrorKind::NotFound) => {
                (exit_code::UNAVAILABLE, format!("no daemon runs: there is no control socket {self}"))
            }
            (Place::Socket(_), io::ErrorKind::ConnectionRefused) => (
                exit_code::UNAVAILABLE,
                format!("no daemon runs: the control socket {self} was left behind by one that has ended"),
            ),
            (Place::Socket(_), io::ErrorKind::PermissionDenied) => (
                exit_code::NOPERM,
                format!("{self}: {error}; root, the daemon's user and its `control-group` may use it"),
            ),
            (Place::Page(_), io::ErrorKind::ConnectionRefused) => {
                (exit_code::UNAVAILABLE, format!("no daemon runs: nothing answers at {self}"))
            }
            _ => (exit_code::UNAVAILABLE, format!("the daemon does not answer at {self}: {error}")),
        };
        CtlError::new(code, &why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIR: &str = "local-address = 10.2.1.86\nremote-address = 10.2.1.87\nport = 7700\n";

    fn args() -> DaemonArgs {
        DaemonArgs { config: None, address: None, socket: None, token_file: None }
    }

    /// Where a daemon with these lines is asked.
    fn asked(lines: &str) -> Result<Vec<String>, CtlError> {
        let file = tempfile::NamedTempFile::with_suffix(".conf").unwrap_or_else(|error| panic!("{error}"));
        let text = format!("group = core\n{lines}\ngroup = resource\nname = x\n");
        std::fs::write(file.path(), text).unwrap_or_else(|error| panic!("{error}"));
        let found = places(&DaemonArgs { config: Some(file.path().to_owned()), ..args() })?;
        Ok(found.iter().map(Place::to_string).collect())
    }

    #[test]
    fn the_control_socket_comes_first_then_the_page() {
        let found = asked(&format!("{PAIR}http-port = 7701")).unwrap();
        assert!(found[0].starts_with("/run/schrittmacher/10.2.1.86:7700."), "{found:?}");
        assert_eq!(found[1..], ["127.0.0.1:7701", "[::1]:7701"]);
        let found = asked(&format!("{PAIR}http-port = 7701\nhttp-address = 10.2.1.86")).unwrap();
        assert_eq!(found[1..], ["10.2.1.86:7701"]);
        assert_eq!(asked(PAIR).unwrap().len(), 1, "no page is no hindrance");
        let found = asked(&format!("{PAIR}run-directory = /tmp/x")).unwrap();
        assert!(found[0].starts_with("/tmp/x/10.2.1.86:7700."), "{found:?}");
    }

    #[test]
    fn a_broken_file_does_not_hide_the_daemon() {
        let found = asked(&format!("{PAIR}heartbeat\nhttp-port = 7701")).unwrap();
        assert!(matches!(&found[..], [socket] if socket.contains("10.2.1.86:7700")), "{found:?}");
    }

    #[test]
    fn an_address_needs_a_port() {
        let ask = |address: &str| places(&DaemonArgs { address: Some(address.into()), ..args() });
        assert_eq!(ask("127.0.0.1:7700").unwrap(), [Place::Page(SocketAddr::from(([127, 0, 0, 1], 7700)))]);
        assert_eq!(ask("[::1]:7700").unwrap().len(), 1);
        assert_eq!(ask("127.0.0.1").unwrap_err().exit_code, exit_code::USAGE);
    }
}
