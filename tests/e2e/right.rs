//! The end of the right to serve (`policy = consistent`) reaches an application whose daemon cannot tell it any more.

use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use schrittmacher_harness::{Pair, Process, RESOURCE, Setup, Side, Tail, program, wait_for};

use crate::witness::Etcd;

/// Says when it begins and ends. It takes its time to end.
const SERVICE: &str = "trap 'sleep 0.2; say ended; exit 0' TERM; say begun; while :; do sleep 0.01; done";

fn wrap(pair: &Pair, side: Side, said: &Tail) -> Process {
    let script = format!("say() {{ echo {} $1 >>{}; }}; {SERVICE}", side.name(), said.path().display());
    let mut run = Command::new(program("schrittmacher-run"));
    run.args(["--resource", RESOURCE, "--config"]).arg(pair[side].files.config());
    run.args(["--", "/bin/sh", "-c", &script]).stdin(Stdio::null()).stdout(Stdio::null());
    Process::spawn(run, None)
}

fn is_settled(pair: &Pair, hot: Side) -> bool {
    pair[hot].log.state() == "Hot" && pair[hot.other()].log.state() == "Standby"
}

/// An application that does not ask goes on: only `watchdog` or a fence ends that one.
#[test]
fn a_command_is_ended_before_the_other_host_starts_if_its_daemon_is_stopped() {
    const NAME: &str = "a_command_is_ended_before_the_other_host_starts_if_its_daemon_is_stopped";
    let Some(etcd) = Etcd::start(NAME) else { return };
    let mut pair = Pair::new(Setup { start: None, stop: None, ..etcd.setup() });
    let said = Tail::new(pair.folder().join("said"));
    let mut wrappers = Vec::new();
    for side in [Side::A, Side::B] {
        pair.start_daemon(side);
        wrappers.push(wrap(&pair, side, &said));
    }
    let limit = Duration::from_secs(40);
    let hot = wait_for("one side to be hot", limit, || {
        let words = said.lines();
        let side = if words.first()?.starts_with('a') { Side::A } else { Side::B };
        is_settled(&pair, side).then_some(side)
    });
    pair[hot].daemon().signal(Signal::SIGSTOP);
    let [here, there] = [hot, hot.other()].map(Side::name);
    said.wait(&format!("{there} begun"), limit);
    let words = said.lines();
    assert_eq!(words, [format!("{here} begun"), format!("{here} ended"), format!("{there} begun")]);
    pair[hot].daemon().signal(Signal::SIGCONT);
    wait_for("the other side to be standby", limit, || is_settled(&pair, hot.other()).then_some(()));
    assert_eq!(said.lines(), words, "nothing is started or ended any more");
    // Before the daemons, or these switch once more.
    drop(wrappers);
}
