//! The commands of both hosts, in the order in which they ran.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::{AT_ONCE, Side, Tail, wait_for};

/// A file to which every command of a pair appends a line: host, action, time.
#[derive(Debug)]
pub struct Journal {
    tail: Tail,
}

/// One command that ran.
#[derive(Clone, Debug)]
pub struct Entry {
    /// On which host.
    pub host: char,
    /// `start`, `stop`, `activate`, `deactivate`; `daemon` and `app` when the test started these.
    pub action: String,
    /// Since the epoch.
    pub at: Duration,
}

/// X2: an order is given once per second at most, however often the application contradicts.
const SPACING: Duration = Duration::from_secs(1);

impl Journal {
    /// In this folder.
    pub fn new(folder: &Path) -> Journal {
        Journal { tail: Tail::new(folder.join("journal")) }
    }

    /// Notes that a daemon of this host begins: it knows nothing of the orders before.
    pub fn daemon_starts(&self, host: char) {
        self.note(host, "daemon");
    }

    /// Notes that an application of this host begins: the orders before have not reached it.
    pub fn app_starts(&self, host: char) {
        self.note(host, "app");
    }

    fn note(&self, host: char, what: &str) {
        let mut file = File::options().create(true).append(true).open(self.tail.path()).unwrap();
        // In one write: commands write lines of their own meanwhile.
        file.write_all(format!("{host} {what} 0\n").as_bytes()).unwrap();
    }

    /// The commands since [`Journal::forget`].
    fn entries(&self) -> Vec<Entry> {
        self.tail.lines().iter().map(|line| Entry::parse(line)).collect()
    }

    /// The actions of one host since [`Journal::forget`], without announcements, which change nothing, and without the
    /// repetitions that X2 allows. On a busy machine
    /// an application may get two signals in the wrong order, and needs the last one again.
    fn of(&self, side: Side) -> Vec<String> {
        let of_host = self.entries().into_iter().filter(|entry| entry.host == side.name());
        let mut actions: Vec<_> = of_host
            .map(|entry| entry.action)
            .filter(|action| !matches!(action.as_str(), "daemon" | "app" | "announce"))
            .collect();
        actions.dedup_by(|next, before| next == before && matches!(next.as_str(), "start" | "stop"));
        actions
    }

    /// How often an action was done on one host since [`Journal::forget`].
    pub fn count(&self, side: Side, action: &str) -> usize {
        let is_it = |entry: &&Entry| entry.host == side.name() && entry.action == action;
        self.entries().iter().filter(is_it).count()
    }

    /// The actions of one host since [`Journal::forget`] are exactly these. Waits for those still under way.
    pub fn expect(&self, side: Side, expected: &[&str]) {
        wait_for(&format!("{expected:?} on {}:\n{}", side.name(), self.text()), AT_ONCE, || {
            (self.of(side).len() >= expected.len()).then_some(())
        });
        assert_eq!(self.of(side), expected, "on {}:\n{}", side.name(), self.text());
    }

    /// The same in any order.
    pub fn expect_unordered(&self, side: Side, expected: &[&str]) {
        for action in expected {
            self.wait(side, action);
        }
        assert_eq!(self.of(side).len(), expected.len(), "on {}:\n{}", side.name(), self.text());
    }

    /// Waits until an action has happened on one host since [`Journal::forget`].
    pub fn wait(&self, side: Side, action: &str) {
        wait_for(&format!("{action} on {}:\n{}", side.name(), self.text()), AT_ONCE, || {
            self.has(side, action).then_some(())
        });
    }

    /// Whether an action has happened on one host since [`Journal::forget`].
    pub fn has(&self, side: Side, action: &str) -> bool {
        self.of(side).iter().any(|happened| happened == action)
    }

    /// Forgets what has happened until now.
    pub fn forget(&mut self) {
        self.tail.skip();
    }

    /// One action on one host came before another on the other host; both have happened.
    pub fn expect_order(&self, first: (Side, &str), second: (Side, &str)) {
        let entries = self.entries();
        let position = |(side, action): (Side, &str)| {
            entries.iter().position(|entry| entry.host == side.name() && entry.action == action).unwrap()
        };
        assert!(
            position(first) < position(second),
            "{first:?} has to come before {second:?}:\n{}",
            self.text()
        );
    }

    /// Everything, for people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for Entry { host, action, at } in self.tail.text().lines().map(Entry::parse) {
            let _ = writeln!(text, "{:10}.{:03} {host} {action}", at.as_secs(), at.subsec_millis());
        }
        text
    }

    /// Checks that no command was repeated beyond X2: of one daemon, an interface command that succeeded never, an
    /// order at most once a second.
    pub fn check_repetition(&self) {
        let all: Vec<Entry> = self.tail.text().lines().map(Entry::parse).collect();
        for host in ['a', 'b'] {
            let mut last: [Option<&Entry>; 2] = [None, None];
            for entry in all.iter().filter(|entry| entry.host == host) {
                let lane = match entry.action.as_str() {
                    "daemon" => {
                        last = [None, None];
                        continue;
                    }
                    "app" => {
                        last[1] = None;
                        continue;
                    }
                    "announce" => continue,
                    "activate" | "deactivate" => 0,
                    _ => 1,
                };
                if let Some(before) = last[lane].filter(|before| before.action == entry.action) {
                    let spaced = lane == 1 && entry.at.saturating_sub(before.at) >= SPACING;
                    assert!(spaced, "{} was repeated on {host}:\n{}", entry.action, self.text());
                }
                last[lane] = Some(entry);
            }
        }
    }
}

impl Entry {
    fn parse(line: &str) -> Entry {
        let mut words = line.split(' ');
        let mut word = || words.next().unwrap_or_else(|| panic!("not a journal line: {line}"));
        let (host, action, nanos) = (word(), word(), word());
        Entry {
            host: host.chars().next().unwrap(),
            action: action.to_owned(),
            at: Duration::from_nanos(nanos.parse().unwrap()),
        }
    }
}
