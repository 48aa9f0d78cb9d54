//! `schrittmacher-run`: commands that know nothing of schrittmacher, on two hosts.

use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use schrittmacher_harness::{AT_ONCE, PORT, Pair, Process, RESOURCE, Setup, Side, Tail, program, wait_for};

/// Says when it begins and ends.
const SERVICE: &str = "trap 'say ended; exit 0' TERM; say begun; while :; do sleep 0.01; done";

/// A pair whose application on both sides is a shell command, which can `say` something in a file of both.
struct Commands {
    // First, so that they end before the daemons do, and these don't switch any more.
    wrappers: [Option<Process>; 2],
    said: Tail,
    pair: Pair,
    /// The command that runs on `a` after the start.
    hot_process: Pid,
}

impl Commands {
    /// `a` is hot, `b` standby.
    fn start(options: &str, command: &str) -> Commands {
        let mut pair = Pair::new(Setup {
            start: None,
            stop: None,
            priority: [100, 0],
            app_timeout: 5.0,
            ..Setup::default()
        });
        pair.start_daemon(Side::A);
        pair.start_daemon(Side::B);
        let said = Tail::new(pair.folder().join("said"));
        let mut commands = Commands { wrappers: [None, None], said, pair, hot_process: Pid::this() };
        commands.wrap(Side::B, options, command);
        commands.wrap(Side::A, options, command);
        commands.wait_switched(Side::A);
        commands.pair[Side::B].log.wait_state("Standby", Duration::from_secs(3));
        let said = commands.said.lines();
        let begun = said.iter().rev().find_map(|line| line.strip_prefix("a begun ")).unwrap();
        commands.hot_process = Pid::from_raw(begun.parse().unwrap());
        commands.said.skip();
        commands
    }

    fn wrap(&mut self, side: Side, options: &str, command: &str) {
        let say = format!("say() {{ echo {} $1 $$ >>{}; }}", side.name(), self.said.path().display());
        self.wrap_command(side, options, &["/bin/sh", "-c", &format!("{say}; {command}")]);
    }

    fn wrap_command(&mut self, side: Side, options: &str, command: &[&str]) {
        let address = self.pair[side].address.to_string();
        let mut run = Command::new(program("schrittmacher-run"));
        run.args(["--resource", RESOURCE, "--daemon", &address, "--port", &(PORT + 1).to_string()]);
        run.args(
            options.replace("{folder}", &self.pair.folder().display().to_string()).split_terminator('|'),
        );
        run.arg("--").args(command);
        run.stdin(Stdio::null()).stdout(Stdio::null());
        self.wrappers[index(side)] = Some(Process::spawn(run, None));
    }

    fn wrapper(&self, side: Side) -> &Process {
        self.wrappers[index(side)].as_ref().unwrap()
    }

    /// Whether the daemon is hot, and `begun` is the last word of this side.
    fn is_hot(&self, side: Side) -> bool {
        let last =
            self.said.text().lines().rev().find(|line| line.starts_with(side.name())).map(str::to_owned);
        self.pair[side].log.state() == "Hot" && last.is_some_and(|line| line.contains("begun"))
    }

    fn wait_switched(&self, to: Side) {
        wait_for(&format!("{} to be hot", to.name()), Duration::from_secs(3), || {
            self.is_hot(to).then_some(())
        });
    }

    fn wait_said(&self, text: &str) {
        self.said.wait(text, Duration::from_secs(3));
    }

    /// The words in their order, with their speakers.
    fn words(&self) -> Vec<String> {
        self.said.lines().iter().map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
    }
}

fn index(side: Side) -> usize {
    usize::from(side == Side::B)
}

fn is_gone(process: Pid) -> bool {
    kill(process, None).is_err()
}

/// run-2: the other host is not kept waiting for `going-hot-timeout`.
#[test]
fn run_2_the_other_host_serves_at_once_if_the_command_cannot_be_executed() {
    let pair = Pair::new(Setup { start: None, stop: None, priority: [100, 0], ..Setup::default() });
    let said = Tail::new(pair.folder().join("said"));
    let mut commands = Commands { wrappers: [None, None], said, pair, hot_process: Pid::this() };
    for side in [Side::A, Side::B] {
        commands.pair.start_daemon(side);
        let program = if side == Side::A { "/does/not/exist" } else { "sleep" };
        // By the application socket: it says where that is.
        let file = commands.pair[side].files.config();
        commands.wrap_command(side, &format!("--config|{}", file.display()), &[program, "600"]);
    }
    commands.pair[Side::A].log.wait("transiting_to_hot -> failed: application could not become hot", AT_ONCE);
    commands.pair[Side::B].log.wait_state("Hot", Duration::from_secs(2));
    let told = commands.pair[Side::B].log.wait("the other side failed: ", AT_ONCE);
    assert!(told.contains("cannot execute /does/not/exist"), "{told}");
}

#[test]
fn a_command_that_ends_is_replaced_by_that_of_the_other_host() {
    let mut commands = Commands::start("--recover-after|1", SERVICE);
    kill(commands.hot_process, Signal::SIGKILL).unwrap();
    commands.wait_switched(Side::B);
    let log = &commands.pair[Side::A].log;
    log.wait("application says LFAI", AT_ONCE);
    assert!(commands.pair[Side::A].page("").contains("the command was ended by signal 9"));
    assert_eq!(commands.words(), ["b begun"]);
    // Ready to be tried again, and tried when an operator wants it.
    log.wait("application says LSBY", Duration::from_secs(1));
    commands.said.skip();
    commands.pair[Side::B].page(&format!("?failover={RESOURCE}"));
    commands.wait_switched(Side::A);
    commands.wait_said("b ended");
    // The killed one could not say that it ended, so that its `begun` still seems to be the last word.
    commands.wait_said("a begun");
    assert_eq!(commands.words().len(), 2, "one stopped, one started: {:?}", commands.words());
}

#[test]
fn a_command_that_fails_its_check_is_replaced() {
    // The check of `a` fails when there is a file.
    let options = "--check|test ! -e {folder}/ill|--check-interval|1|--recover-after|0";
    let commands = Commands::start(options, SERVICE);
    let ill = commands.pair.folder().join("ill");
    std::fs::write(&ill, "").unwrap();
    commands.wait_said("a ended");
    commands.pair[Side::A].log.wait("application says LFAI", AT_ONCE);
    std::fs::remove_file(ill).unwrap();
    commands.wait_switched(Side::B);
}

#[test]
fn a_command_that_ignores_sigterm_is_killed_with_its_children() {
    // Children inherit ignored signals.
    let stubborn = "trap '' TERM; sleep 60 & say begun; while :; do sleep 0.01; done";
    let commands = Commands::start("--stop-timeout|1", stubborn);
    let group = commands.hot_process;
    killpg(group, None).unwrap();
    commands.pair[Side::A].page(&format!("?failover={RESOURCE}"));
    commands.wait_switched(Side::B);
    wait_for("the end of the whole group", Duration::from_secs(2), || {
        killpg(group, None).is_err().then_some(())
    });
    commands.pair[Side::A].log.wait_state("Standby", AT_ONCE);
}

#[test]
fn told_to_end_it_stops_the_command_before_the_other_host_begins() {
    // Longer than the other side would need to take over.
    let slow = SERVICE.replace("trap 'say", "trap 'sleep 1; say");
    let commands = Commands::start("", &slow);
    commands.wrapper(Side::A).signal(Signal::SIGTERM);
    commands.wait_switched(Side::B);
    assert_eq!(commands.words(), ["a ended", "b begun"]);
    assert_eq!(commands.wrapper(Side::A).wait_code(AT_ONCE), 0);
}

/// run-5: in a hand-over the daemon waits for the report that the command has ended.
#[test]
fn run_5_a_command_that_takes_its_time_to_stop_never_runs_on_both_hosts() {
    let slow = SERVICE.replace("trap 'say", "trap 'sleep 2; say");
    let commands = Commands::start("", &slow);
    commands.pair[Side::A].page(&format!("?failover={RESOURCE}"));
    commands.wait_switched(Side::B);
    assert_eq!(commands.words(), ["a ended", "b begun"]);
}

#[test]
fn killed_itself_it_takes_the_command_with_it() {
    let commands = Commands::start("", SERVICE);
    let running = commands.hot_process;
    commands.wrapper(Side::A).signal(Signal::SIGKILL);
    commands.wait_switched(Side::B);
    wait_for("the end of the command", AT_ONCE, || is_gone(running).then_some(()));
}
