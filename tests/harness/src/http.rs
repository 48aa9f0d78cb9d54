//! The page, as a browser without style would see it.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

/// A slow answer is an answer; none is a hang.
const PATIENCE: Duration = Duration::from_secs(10);

/// The answer to `GET path`: status line, headers and page as they come.
pub fn get(address: IpAddr, port: u16, path: &str) -> std::io::Result<String> {
    let to = SocketAddr::new(address, port);
    let mut stream = TcpStream::connect_timeout(&to, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
