//! Requests at a fixed rate, whether or not earlier ones are answered.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Requests under way at a time: fewer than the page's places.
const AT_ONCE: u32 = 48;
const PATIENCE: Duration = Duration::from_secs(6);

pub struct Request {
    pub what: &'static str,
    pub line: &'static str,
    /// Whole lines.
    pub header: &'static str,
}

impl Request {
    /// The whole answer.
    pub fn ask(&self, page: SocketAddr) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(page)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream
            .write_all(format!("{} HTTP/1.0\r\nHost: {page}\r\n{}\r\n", self.line, self.header).as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        if answer.starts_with(b"HTTP/1.") { Ok(answer) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

/// Gives the number of answers.
pub fn run(request: &Request, page: SocketAddr, rate: u32, span: Duration) -> u64 {
    let answers = AtomicU64::new(0);
    let began = Instant::now();
    thread::scope(|scope| {
        for place in 0..AT_ONCE {
            let answers = &answers;
            scope.spawn(move || {
                let step = Duration::from_secs(1) * AT_ONCE / rate;
                let mut due = began + step * place / AT_ONCE;
                while due < began + span {
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                    if began.elapsed() > span {
                        return;
                    }
                    answers.fetch_add(u64::from(request.ask(page).is_ok()), Ordering::Relaxed);
                    due += step;
                }
            });
        }
    });
    answers.into_inner()
}
