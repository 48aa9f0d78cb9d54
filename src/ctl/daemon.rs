//! Asks a daemon at its page.

use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::Failure;
use super::options::Daemon;
use crate::admin::{RECORD_TYPE, Settings};
use crate::config::{self, LoadError};
use crate::logging::Escaped;
use crate::{exit_code, options};

/// For a connection, and for each piece of the answer. The page itself gives up after five seconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is shown of an answer that we did not expect, in bytes.
const SHOWN: u64 = 200;

/// The flight record of these resources, of all if none is named, as the daemon sends it.
pub(super) fn record(daemon: &Daemon, resources: &[String]) -> Result<Answer, Failure> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(resources.iter().map(|name| ("resource", name)));
    get(&addresses(daemon)?, &format!("/record?{}", query.finish()))
}

/// Where the page may be, in the order in which to try.
fn addresses(daemon: &Daemon) -> Result<Vec<SocketAddr>, Failure> {
    if let Some(address) = &daemon.address {
        let found = address.to_socket_addrs().map_err(|error| {
            Failure::new(exit_code::USAGE, &format_args!("{address} is no HOST:PORT: {error}"))
        })?;
        return Ok(found.collect());
    }
    let path = daemon.config.clone().map_or_else(options::find_config, Ok).map_err(|early| {
        Failure::new(
            early.exit_code(),
            &"no configuration file: name it with --config, or the daemon with --address",
        )
    })?;
    of_config(&path)
}

fn of_config(path: &Path) -> Result<Vec<SocketAddr>, Failure> {
    let loaded = config::load(path)
        .map_err(|error| Failure::new(LoadError::exit_code(&error), &config::failure(&error).trim_end()))?;
    let Some(page) = Settings::from_config(&loaded.config.core) else {
        let why = format!("{} has no `http-port`, so the daemon has no page to ask", path.display());
        return Err(Failure::new(exit_code::CONFIG, &why));
    };
    let local = |address: IpAddr| match address {
        IpAddr::V4(any) if any.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(any) if any.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        IpAddr::V4(_) | IpAddr::V6(_) => address,
    };
    Ok(page.addresses.into_iter().map(|address| SocketAddr::new(local(address), page.port)).collect())
}

fn get(addresses: &[SocketAddr], target: &str) -> Result<Answer, Failure> {
    let system = |error| Failure::new(exit_code::OSERR, &format_args!("can't ask anybody: {error}"));
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().map_err(system)?;
    let mut why = "it has no address".to_owned();
    for address in addresses {
        match runtime.block_on(async { timeout(PATIENCE, ask(*address, target)).await }) {
            Ok(Ok(response)) => return answer(runtime, *address, response),
            Ok(Err(error)) => why = format!("{address}: {error}"),
            Err(_) => why = format!("{address}: no answer within {} s", PATIENCE.as_secs()),
        }
    }
    Err(Failure::new(exit_code::UNAVAILABLE, &format_args!("no daemon answers ({why}); does it run?")))
}

/// What went wrong between here and there.
type Trouble = Box<dyn std::error::Error>;

async fn ask(address: SocketAddr, target: &str) -> Result<Response<Incoming>, Trouble> {
    let stream = TcpStream::connect(address).await?;
    let (mut requests, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request =
        Request::get(target).header(header::HOST, address.to_string()).body(Empty::<Bytes>::new())?;
    Ok(requests.send_request(request).await?)
}

fn answer(runtime: Runtime, address: SocketAddr, response: Response<Incoming>) -> Result<Answer, Failure> {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_record = kind.is_some_and(|kind| kind == RECORD_TYPE);
    let mut answer = Answer { runtime, body: response.into_body(), rest: Bytes::new() };
    if status == StatusCode::OK && is_record {
        return Ok(answer);
    }
    let mut said = String::new();
    // As much as it says; the status stands beside it.
    let _: io::Result<usize> = answer.by_ref().take(SHOWN).read_to_string(&mut said);
    let said = said.lines().next().unwrap_or_default();
    let failure = |exit_code, why: &dyn std::fmt::Display| Err(Failure::new(exit_code, why));
    match status {
        StatusCode::OK => failure(
            exit_code::UNAVAILABLE,
            &format_args!("what answers at {address} is no schrittmacher that keeps a flight record"),
        ),
        StatusCode::NOT_FOUND => {
            failure(exit_code::NOINPUT, &format_args!("{address} answers: {}", Escaped(said)))
        }
        _ => failure(
            exit_code::UNAVAILABLE,
            &format_args!("{address} answers {}: {}", status.as_u16(), Escaped(said)),
        ),
    }
}

/// The body of an answer.
pub(super) struct Answer {
    runtime: Runtime,
    body: Incoming,
    rest: Bytes,
}

impl Read for Answer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            let frame = async { timeout(PATIENCE, self.body.frame()).await };
            match self.runtime.block_on(frame) {
                Ok(Some(Ok(frame))) => self.rest = frame.into_data().unwrap_or_default(),
                Ok(Some(Err(error))) => return Err(io::Error::other(error)),
                Ok(None) => return Ok(0),
                Err(_) => return Err(io::ErrorKind::TimedOut.into()),
            }
        }
        let length = buffer.len().min(self.rest.len());
        buffer[..length].copy_from_slice(&self.rest.split_to(length));
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a daemon with these lines is asked.
    fn asked(lines: &str) -> Result<Vec<String>, Failure> {
        let file = tempfile::NamedTempFile::with_suffix(".conf").unwrap_or_else(|error| panic!("{error}"));
        let text = format!("group = core\n{lines}\ngroup = resource\nname = x\n");
        std::fs::write(file.path(), text).unwrap_or_else(|error| panic!("{error}"));
        let found = addresses(&Daemon { config: Some(file.path().to_owned()), address: None })?;
        Ok(found.iter().map(SocketAddr::to_string).collect())
    }

    const PAIR: &str = "local-address = 10.2.1.86\nremote-address = 10.2.1.87\nport = 7700\n";

    #[test]
    fn the_page_is_where_the_configuration_says() {
        assert_eq!(asked(&format!("{PAIR}http-port = 7701")).unwrap(), ["127.0.0.1:7701", "[::1]:7701"]);
        let addresses = "http-address = 10.2.1.86";
        assert_eq!(asked(&format!("{PAIR}http-port = 7701\n{addresses}")).unwrap(), ["10.2.1.86:7701"]);
        let local = PAIR.replace("10.2.1", "127.0.0");
        assert_eq!(asked(&format!("{local}http-port = 7701")).unwrap(), ["127.0.0.86:7701"]);
    }

    #[test]
    fn a_daemon_without_a_page_cannot_be_asked() {
        let failure = asked(PAIR).unwrap_err();
        assert_eq!(failure.exit_code, exit_code::CONFIG);
        assert!(failure.why.contains("`http-port`"), "{}", failure.why);
    }

    #[test]
    fn an_address_needs_a_port() {
        let ask = |address: &str| addresses(&Daemon { config: None, address: Some(address.into()) });
        assert_eq!(ask("127.0.0.1:7700").unwrap(), [SocketAddr::from(([127, 0, 0, 1], 7700))]);
        assert_eq!(ask("[::1]:7700").unwrap().len(), 1);
        assert_eq!(ask("127.0.0.1").unwrap_err().exit_code, exit_code::USAGE);
    }
}
