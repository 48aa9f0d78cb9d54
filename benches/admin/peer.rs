//! The peer and the applications, played: it answers what the daemon asks, and measures when its heartbeats come. The kernel notes
//! the times, so that a busy machine delays them no further.

use std::collections::HashMap;
use std::io::IoSliceMut;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, setsockopt, sockopt};
use serde_json::{Value, json};

use crate::daemon::{Daemon, PORT};
use crate::load::Request;

pub struct Peer {
    gaps: Arc<Mutex<Vec<Duration>>>,
    ends: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Peer {
    /// Returns when the daemon is hot with all its resources.
    pub fn start(daemon: &Daemon, count: usize, heartbeat: Duration) -> Peer {
        let socket = UdpSocket::bind((daemon.remote, PORT)).unwrap();
        socket.connect((daemon.local, PORT)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true).unwrap();
        setsockopt(&socket, sockopt::RcvBuf, &(8 << 20)).unwrap();
        let (gaps, ends) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let speaker = socket.try_clone().unwrap();
        let host = format!("ipv4:{}", daemon.remote);
        let period = u64::try_from(heartbeat.as_millis()).unwrap();
        let word = move |status: &str, resource: &str| {
            json!({ "status": status, "random": 0, "resource": resource, "reason": "", "host": host, "priority": 0,
                "type": "schrittmacher", "heartbeat-ms": period })
            .to_string()
        };
        let threads = vec![
            thread::spawn({
                let (word, ends) = (word.clone(), Arc::clone(&ends));
                move || speak(&speaker, &word, &ends, count, heartbeat)
            }),
            thread::spawn({
                let (gaps, ends) = (Arc::clone(&gaps), Arc::clone(&ends));
                move || listen(&socket, &word, &ends, &gaps, heartbeat)
            }),
        ];
        let peer = Peer { gaps, ends, threads };
        applications(daemon, count);
        peer
    }

    pub fn forget(&self) {
        self.gaps.lock().unwrap().clear();
    }

    /// How much longer than the heartbeat's period each pause was, since the last call.
    pub fn take(&self) -> Vec<Duration> {
        std::mem::take(&mut self.gaps.lock().unwrap())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

/// Reports hot for each until the daemon is.
fn applications(daemon: &Daemon, count: usize) {
    let socket = UdpSocket::bind((daemon.local, 0)).unwrap();
    while !is_hot(daemon, count) {
        for n in 0..count {
            let report = json!({ "status": "LHOT", "resource": format!("r{n}") }).to_string();
            let _ = socket.send_to(report.as_bytes(), (daemon.local, PORT + 1));
            if n % 50 == 49 {
                thread::sleep(Duration::from_millis(5));
            }
        }
        thread::sleep(Duration::from_millis(500));
    }
}

fn is_hot(daemon: &Daemon, count: usize) -> bool {
    let status = Request { what: "status", line: "GET /api/v1/status", header: "" };
    let Ok(answer) = status.ask(daemon.page()) else { return false };
    let body = answer.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
    let Ok(status) = serde_json::from_slice::<Value>(&answer[body..]) else { return false };
    status["resources"]
        .as_array()
        .is_some_and(|all| all.len() == count && all.iter().all(|one| one["state"] == "hot"))
}

/// It is standby for ever.
fn speak(
    socket: &UdpSocket,
    word: &dyn Fn(&str, &str) -> String,
    ends: &AtomicBool,
    count: usize,
    heartbeat: Duration,
) {
    let words: Vec<String> = (0..count).map(|n| word("STBY", &format!("r{n}"))).collect();
    // Spread over the period, as those of a real peer are after a while.
    let parts = (heartbeat.as_millis() as usize / 20).max(1);
    while !ends.load(Ordering::Relaxed) {
        for part in words.chunks(count.div_ceil(parts)) {
            part.iter().for_each(|word| drop(socket.send(word.as_bytes())));
            thread::sleep(heartbeat / u32::try_from(parts).unwrap());
        }
    }
}

fn listen(
    socket: &UdpSocket,
    word: &dyn Fn(&str, &str) -> String,
    ends: &AtomicBool,
    gaps: &Mutex<Vec<Duration>>,
    heartbeat: Duration,
) {
    let mut last: HashMap<String, Duration> = HashMap::new();
    let mut buffer = [0; 2048];
    let mut space = nix::cmsg_space!(nix::sys::time::TimeSpec);
    while !ends.load(Ordering::Relaxed) {
        let mut parts = [IoSliceMut::new(&mut buffer)];
        let Ok(message) =
            recvmsg::<SockaddrIn>(socket.as_raw_fd(), &mut parts, Some(&mut space), MsgFlags::empty())
        else {
            continue;
        };
        let came = message.cmsgs().unwrap().find_map(|about| {
            if let ControlMessageOwned::ScmTimestampns(time) = about {
                Some(Duration::from(time))
            } else {
                None
            }
        });
        let (came, length) = (came.unwrap(), message.bytes);
        let said: Value = serde_json::from_slice(&buffer[..length]).unwrap();
        let resource = said["resource"].as_str().unwrap();
        if said["status"] == "TREQ" {
            let _ = socket.send(word("TCNF", resource).as_bytes());
        }
        if let Some(before) = last.insert(resource.to_owned(), came) {
            gaps.lock().unwrap().push(came.saturating_sub(before).saturating_sub(heartbeat));
        }
    }
}
