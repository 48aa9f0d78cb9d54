//! A pair with legacy daemons, played by the double: mostly one, on host b.

use std::ops::{Deref, DerefMut};
use std::process::Command;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::{Pair, Process, RESOURCE, Setup, Side, Tail, holds_for, program, wait_for};

/// The families that differ as a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// 1.15.0 to 2.0.0.
    Modern,
    /// Up to 1.14.1.
    Classic,
}

/// Period of a legacy daemon, which cannot be shortened.
pub const LEGACY_HEARTBEAT: Duration = Duration::from_secs(2);
/// The longest time after which a legacy daemon takes a silent peer for dead.
pub const LEGACY_TIMEOUT: Duration = Duration::from_secs(10);

/// A legacy daemon that runs, and the application that it plays too, if it does.
#[derive(Debug)]
struct Double {
    process: Process,
    output: Tail,
    plays_app: bool,
}

/// Our daemon on host a, a legacy one on host b; while nothing else is started there.
#[derive(Debug)]
pub struct Mixed {
    /// Where one runs. First, so that they end before the pair's addresses are free for another test.
    doubles: [Option<Double>; 2],
    pair: Pair,
    /// Of the legacy daemons.
    pub generation: Generation,
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
        Mixed::of(Pair::new(setup), generation)
    }

    /// Of a pair in which nothing runs yet.
    pub fn of(pair: Pair, generation: Generation) -> Mixed {
        Mixed { pair, generation, doubles: [None, None] }
    }

    /// Starts the legacy daemon. It plays an application of its own generation that starts in the state `app`;
    /// without that, the host's real application is the one.
    pub fn start_legacy(&mut self, app: Option<&str>) {
        self.start_legacy_with(Side::B, app, "");
    }

    /// The same on any side, with further options for the double.
    pub fn start_legacy_with(&mut self, side: Side, app: Option<&str>, options: &str) {
        self.doubles[side.index()] = None;
        let host = &self.pair[side];
        let mut output = Tail::new(self.pair.folder().join(format!("{}.double", side.name())));
        let file = std::fs::File::options().create(true).append(true).open(output.path()).unwrap();
        output.skip();
        let mut command = Command::new(program("schrittmacher-legacy-double"));
        let addresses = [host.address, self.pair[side.other()].address].map(|address| address.to_string());
        command.args(["--local", &addresses[0], "--remote", &addresses[1], "--resource", RESOURCE]);
        if let Some(app) = app {
            command.args(["--app", app]);
        }
        if self.generation == Generation::Classic {
            command.args(["--generation", "1.8.2"]);
            if app.is_none() {
                // It sends no signals by itself.
                let pid_file = host.files.pid_file();
                for (option, signal) in [("--start-action", 10), ("--stop-action", 12)] {
                    command.args([option, &format!("kill -{signal} `cat {}`", pid_file.display())]);
                }
            }
        }
        command.args(options.split_whitespace());
        command.stdin(std::process::Stdio::piped()).stderr(file.try_clone().unwrap()).stdout(file);
        let process = host.spawn(command);
        output.wait("STATE ", Duration::from_millis(500));
        self.doubles[side.index()] = Some(Double { process, output, plays_app: app.is_some() });
    }

    /// Starts a real application, which outlives a legacy daemon. At the door that this generation hears.
    pub fn start_legacy_app(&mut self, side: Side, options: &str) {
        let port = if self.generation == Generation::Classic { "--port 7700" } else { "" };
        self.pair[side].start_app(&format!("{port} {options}"));
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

    /// Orders the legacy daemon on host b, or the application that it plays.
    pub fn tell_legacy(&mut self, line: &str) {
        self.tell_legacy_at(Side::B, line);
    }

    /// The same on any side.
    pub fn tell_legacy_at(&mut self, side: Side, line: &str) {
        self.doubles[side.index()].as_mut().unwrap().process.tell(line);
    }

    /// Ends the legacy daemon on host b as a crash would, and the application that it plays.
    pub fn kill_legacy(&mut self) {
        self.doubles[Side::B.index()].take().unwrap().process.kill();
    }

    /// Ends a legacy daemon as its init script does.
    pub fn terminate_legacy(&mut self, side: Side) {
        let process = self.doubles[side.index()].take().unwrap().process;
        process.signal(Signal::SIGTERM);
        process.wait_exit(LEGACY_HEARTBEAT);
    }

    /// The state of the daemon of a side, in the double's words if it is a legacy one.
    pub fn state(&self, side: Side) -> String {
        let said = self.last_said(side, "STATE ");
        said.unwrap_or_else(|| self.pair[side].log.state())
    }

    fn last_said(&self, side: Side, what: &str) -> Option<String> {
        let lines = self.doubles[side.index()].as_ref()?.output.lines();
        lines.iter().rev().find_map(|line| line.strip_prefix(what)).map(str::to_owned)
    }

    /// Whether the application of a side serves.
    pub fn serves(&self, side: Side) -> bool {
        if self.doubles[side.index()].as_ref().is_some_and(|double| double.plays_app) {
            return self.last_said(side, "APP ").is_some_and(|said| said == "hot");
        }
        self.pair[side].has_app() && self.pair[side].app().state().as_deref() == Some("hot")
    }

    /// Whether both serve. Looked at twice, for they can't be looked at together.
    pub fn both_serve(&self) -> bool {
        [Side::A, Side::B, Side::A, Side::B].into_iter().all(|side| self.serves(side))
    }

    /// Waits until `hot` is hot and its application too; never do both serve meanwhile.
    pub fn wait_hot(&self, hot: Side, expected: Duration) {
        wait_for(&format!("{} to be hot\n{}", hot.name(), self.said()), expected, || {
            self.only_one_serves().unwrap();
            (self.serves(hot) && self.state(hot) == "Hot").then_some(())
        });
    }

    /// Waits until `hot` is hot and the other one standby; never do both serve meanwhile.
    pub fn wait_settled(&self, hot: Side, expected: Duration) {
        self.wait_hot(hot, expected);
        wait_for(&format!("{} to be standby\n{}", hot.other().name(), self.said()), LEGACY_HEARTBEAT, || {
            self.is_settled(hot).then_some(())
        });
    }

    /// Whether `hot` is hot and its application too, and the other ones are standby; never do both serve.
    pub fn is_settled(&self, hot: Side) -> bool {
        self.only_one_serves().unwrap();
        let is =
            |side: Side, serves: bool, state: &str| self.serves(side) == serves && self.state(side) == state;
        is(hot, true, "Hot") && is(hot.other(), false, "Standby")
    }

    /// The same, and it stays so for two legacy heartbeats.
    pub fn settles(&self, hot: Side, expected: Duration) {
        self.wait_settled(hot, expected);
        self.stays(hot);
    }

    /// For two legacy heartbeats no state changes, and exactly `hot` serves.
    pub fn stays(&self, hot: Side) {
        let states = || [Side::A, Side::B].map(|side| self.state(side));
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

    /// The words of the legacy side or sides, for people.
    fn said(&self) -> String {
        self.doubles.iter().flatten().map(|double| double.output.text()).collect()
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
