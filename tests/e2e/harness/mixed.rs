//! A pair with a legacy daemon, as the double plays it, on host b.

use std::ops::{Deref, DerefMut};
use std::process::Command;
use std::thread;
use std::time::Duration;

use super::{Pair, Process, RESOURCE, Setup, Side, Tail, holds_for, program, wait_for};

/// The families that differ as a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// 1.15.0 to 2.0.0.
    Modern,
    /// Up to 1.14.1.
    Classic,
}

/// Period of a legacy daemon, which nobody can shorten.
pub const LEGACY_HEARTBEAT: Duration = Duration::from_secs(2);
/// After so long a legacy daemon takes a silent peer for dead, at the latest.
pub const LEGACY_TIMEOUT: Duration = Duration::from_secs(10);

/// A legacy daemon that runs, and the application that it plays too, if it does.
#[derive(Debug)]
struct Double {
    process: Process,
    output: Tail,
    plays_app: bool,
}

/// Our daemon on host a, a legacy one on host b.
#[derive(Debug)]
pub struct Mixed {
    pair: Pair,
    /// What runs on host b, unless that is one of ours.
    pub generation: Generation,
    double: Option<Double>,
}

/// Does the same beside both generations, both at once: these tests wait most of the time.
pub fn beside_both(setup: &Setup, what: impl Fn(Mixed) + Sync) {
    thread::scope(|scope| {
        for generation in [Generation::Modern, Generation::Classic] {
            let what = &what;
            scope.spawn(move || what(Mixed::new(setup.clone(), generation)));
        }
    });
}

impl Mixed {
    /// Nothing runs yet.
    pub fn new(setup: Setup, generation: Generation) -> Mixed {
        Mixed { pair: Pair::new(setup), generation, double: None }
    }

    /// Starts the legacy daemon. It plays an application of its own generation that starts in the state `app`;
    /// without that, the host's real application is the one.
    pub fn start_legacy(&mut self, app: Option<&str>) {
        self.start_legacy_with(app, "");
    }

    /// The same with further options for the double.
    pub fn start_legacy_with(&mut self, app: Option<&str>, options: &str) {
        self.double = None;
        let host = &self.pair[Side::B];
        let mut output = Tail::new(self.pair.folder().join("double"));
        let file = std::fs::File::options().create(true).append(true).open(output.path()).unwrap();
        output.skip();
        let mut command = Command::new(program("schrittmacher-legacy-double"));
        let addresses = [host.address, self.pair[Side::A].address].map(|address| address.to_string());
        command.args(["--local", &addresses[0], "--remote", &addresses[1], "--resource", RESOURCE]);
        if let Some(app) = app {
            command.args(["--app", app]);
        }
        if self.generation == Generation::Classic {
            command.args(["--generation", "1.8.2"]);
            if app.is_none() {
                // It signals nobody by itself.
                let pid_file = host.files.pid_file();
                for (option, signal) in [("--start-action", 10), ("--stop-action", 12)] {
                    command.args([option, &format!("kill -{signal} `cat {}`", pid_file.display())]);
                }
            }
        }
        command.args(options.split_whitespace());
        command.stdin(std::process::Stdio::piped()).stderr(file.try_clone().unwrap()).stdout(file);
        let process = Process::spawn(command, None);
        output.wait("STATE ", Duration::from_millis(500));
        self.double = Some(Double { process, output, plays_app: app.is_some() });
    }

    /// Starts a real application for the legacy daemon, which outlives it. At the door that both
    /// generations hear.
    pub fn start_legacy_app(&mut self, options: &str) {
        let port = if self.generation == Generation::Classic { "--port 7700" } else { "" };
        self.pair[Side::B].start_app(&format!("{port} {options}"));
    }

    /// Both start, `hot` first and hot, and find their roles.
    pub fn start(&mut self, hot: Side) {
        for side in [hot, hot.other()] {
            let role = if side == hot { "hot" } else { "standby" };
            if side == Side::A {
                self.pair[Side::A].start_app(&format!("--start-as {role}"));
                self.pair.start_daemon(Side::A);
            } else {
                self.start_legacy(Some(role));
            }
            self.wait_hot(hot, 3 * LEGACY_HEARTBEAT);
        }
        self.settles(hot, LEGACY_HEARTBEAT);
        self.pair.forget();
    }

    /// Orders the legacy daemon, or the application that it plays.
    pub fn tell_legacy(&mut self, line: &str) {
        self.double.as_mut().unwrap().process.tell(line);
    }

    /// Ends the legacy daemon as a crash would, and the application that it plays.
    pub fn kill_legacy(&mut self) {
        self.double.take().unwrap().process.kill();
    }

    /// The legacy daemon's state, in its words.
    pub fn legacy_state(&self) -> String {
        self.last_said("STATE ").unwrap_or_else(|| "dead".to_owned())
    }

    fn last_said(&self, what: &str) -> Option<String> {
        let lines = self.double.as_ref()?.output.lines();
        lines.iter().rev().find_map(|line| line.strip_prefix(what)).map(str::to_owned)
    }

    /// Whether the application of a side serves.
    pub fn serves(&self, side: Side) -> bool {
        if side == Side::B && self.double.as_ref().is_some_and(|double| double.plays_app) {
            return self.last_said("APP ").is_some_and(|said| said == "hot");
        }
        self.pair[side].has_app() && self.pair[side].app().state().as_deref() == Some("hot")
    }

    /// Whether both serve. Looked at twice, for they can't be looked at together.
    pub fn both_serve(&self) -> bool {
        [Side::A, Side::B, Side::A, Side::B].into_iter().all(|side| self.serves(side))
    }

    fn daemon_is(&self, side: Side, state: &str) -> bool {
        match side {
            Side::B if self.double.is_some() => self.legacy_state() == state,
            Side::A | Side::B => self.pair[side].log.state() == state,
        }
    }

    /// Waits until `hot` is hot and its application too; never do both serve meanwhile.
    pub fn wait_hot(&self, hot: Side, expected: Duration) {
        wait_for(&format!("{} to be hot\n{}", hot.name(), self.said()), expected, || {
            self.only_one_serves().unwrap();
            (self.serves(hot) && self.daemon_is(hot, "Hot")).then_some(())
        });
    }

    /// Waits until `hot` is hot and the other one standby; never do both serve meanwhile.
    pub fn wait_settled(&self, hot: Side, expected: Duration) {
        self.wait_hot(hot, expected);
        wait_for(&format!("{} to be standby\n{}", hot.other().name(), self.said()), LEGACY_HEARTBEAT, || {
            self.only_one_serves().unwrap();
            (self.daemon_is(hot.other(), "Standby") && !self.serves(hot.other())).then_some(())
        });
    }

    /// The same, and it stays so for two legacy heartbeats.
    pub fn settles(&self, hot: Side, expected: Duration) {
        self.wait_settled(hot, expected);
        self.stays(hot);
    }

    /// For two legacy heartbeats nobody changes state, and exactly `hot` serves.
    pub fn stays(&self, hot: Side) {
        let states = || (self.pair[Side::A].log.state(), self.pair[Side::B].log.state(), self.legacy_state());
        let before = states();
        holds_for(LEGACY_HEARTBEAT * 2, || {
            if !self.serves(hot) || self.serves(hot.other()) {
                return Err(format!("not only {} serves: {}", hot.name(), self.said()));
            }
            if states() == before { Ok(()) } else { Err(format!("{before:?} became {:?}", states())) }
        });
        self.pair.journal.check_repetition();
    }

    fn only_one_serves(&self) -> Result<(), String> {
        if self.both_serve() { Err(format!("both serve:\n{}", self.said())) } else { Ok(()) }
    }

    /// What the legacy side has said, for people.
    fn said(&self) -> String {
        self.double.as_ref().map(|double| double.output.text()).unwrap_or_default()
    }
}

impl Deref for Mixed {
    type Target = Pair;
    fn deref(&self) -> &Pair {
        &self.pair
    }
}

impl DerefMut for Mixed {
    fn deref_mut(&mut self) -> &mut Pair {
        &mut self.pair
    }
}

impl Drop for Mixed {
    fn drop(&mut self) {
        if thread::panicking() {
            println!("--- beside {:?}\n{}", self.generation, self.said());
        }
    }
}
