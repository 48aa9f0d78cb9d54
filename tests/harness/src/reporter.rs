//! Applications that are nothing but datagrams, for resources whose commands write orders into a file.

use std::collections::HashMap;
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

/// How often they report.
const BEAT: Duration = Duration::from_millis(200);

/// Applications of one host with the client of 1.8. They send no pid and have no word for being on their way. They
/// report the old state until they have reached the new one.
#[derive(Clone, Debug)]
pub struct Reporter {
    /// The daemon's door.
    pub to: SocketAddr,
    /// Which resources.
    pub resources: Vec<String>,
    /// Where the commands write, a line each: the resource's name and the action first.
    pub orders: PathBuf,
    /// How long it takes to follow an order.
    pub switching: Duration,
}

impl Reporter {
    /// Reports until `end` is set.
    pub fn run<'scope>(self, scope: &'scope Scope<'scope, '_>, end: &'scope AtomicBool) {
        scope.spawn(move || {
            let socket = UdpSocket::bind((self.to.ip(), 0)).unwrap();
            let mut states: HashMap<String, (&str, Option<Instant>)> = HashMap::new();
            while !end.load(Ordering::Relaxed) {
                let ordered = self.ordered();
                for name in &self.resources {
                    let (state, since) = states.entry(name.clone()).or_insert(("LSBY", None));
                    match ordered.get(name) {
                        Some(wanted) if wanted == state => *since = None,
                        Some(wanted)
                            if since.get_or_insert_with(Instant::now).elapsed() >= self.switching =>
                        {
                            *state = wanted;
                        }
                        Some(_) | None => {}
                    }
                    // A daemon that is not there now is what some of the tests are about.
                    let _ = socket.send_to(report(state, name).as_bytes(), self.to);
                }
                thread::sleep(BEAT);
            }
        });
    }

    /// The last order to each.
    fn ordered(&self) -> HashMap<String, &'static str> {
        let text = fs::read_to_string(&self.orders).unwrap_or_default();
        let words = text.lines().filter_map(|line| line.split_once(' '));
        words
            .filter_map(|(name, rest)| match rest.split(' ').next() {
                Some("start") => Some((name.to_owned(), "LHOT")),
                Some("stop") => Some((name.to_owned(), "LSBY")),
                Some(_) | None => None,
            })
            .collect()
    }
}

/// In the layout of the client of 1.8.
pub fn report(status: &str, resource: &str) -> String {
    format!(
        "{{\n  \"random\": 0,\n  \"status\": \"{status}\",\n  \"resource\": \"{resource}\",\n  \"priority\": 0\n}}"
    )
}

/// Ends the reporters of a scope, also when the test fails: the scope waits for them.
#[derive(Debug)]
pub struct EndOnDrop<'a>(pub &'a AtomicBool);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
