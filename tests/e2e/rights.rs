//! A daemon without the rights of root, with the capabilities that `docs/operations.md` lists for each feature.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use schrittmacher_harness::{AT_ONCE, Host, Lan, Pair, Setup, Side, is_root, skip, wait_for};

/// Starts the daemon of a host as nobody, with these capabilities and no others.
fn unprivileged(host: &mut Host, capabilities: &'static str) {
    let user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--no-new-privs"];
    let sets = ["--inh-caps", capabilities, "--ambient-caps", capabilities, "--bounding-set", capabilities];
    host.starter = [user.as_slice(), &sets].concat();
}

/// The folder of a pair for a daemon that is not its owner.
fn open_folder(pair: &Pair) {
    fs::set_permissions(pair.folder(), Permissions::from_mode(0o777)).unwrap();
}

#[test]
fn two_capabilities_are_enough_for_the_built_in_address() {
    const NAME: &str = "two_capabilities_are_enough_for_the_built_in_address";
    const SERVICE: &str = "10.1.0.100";
    let lan = match Lan::lay() {
        Ok(lan) => lan,
        Err(why) => return skip(NAME, why),
    };
    let setup = Setup {
        resource: "shared-address = 10.1.0.100/24\nshared-interface = eth0",
        activate: None,
        deactivate: None,
        ..Setup::default()
    };
    let mut pair = Pair::on(setup, &lan);
    open_folder(&pair);
    unprivileged(&mut pair[Side::A], "-all,+net_admin,+net_raw");
    pair.start_daemon(Side::B);
    pair[Side::B].start_app("--start-as standby");
    pair[Side::B].log.wait_state("Standby", AT_ONCE);
    pair[Side::A].start_app("");
    pair.start_daemon(Side::A);
    let has_address = || lan.host(Side::A).output("ip", "-o addr show dev eth0").contains(SERVICE);
    wait_for("the address", AT_ONCE, || has_address().then_some(()));
}

/// Who sent a datagram is seen in /proc, and the signal goes to another user's process.
#[test]
fn three_capabilities_are_enough_to_know_and_to_signal_an_application_of_another_user() {
    const NAME: &str = "three_capabilities_are_enough_to_know_and_to_signal_an_application_of_another_user";
    if !is_root() {
        return skip(NAME, "another user's process needs root");
    }
    let mut pair = Pair::new(Setup { start: None, stop: None, ..Setup::default() });
    open_folder(&pair);
    unprivileged(&mut pair[Side::A], "-all,+kill,+sys_ptrace,+dac_read_search");
    pair.start_daemon(Side::A);
    pair[Side::A].start_app("--start-as standby");
    pair[Side::A].wait_believed();
    // No peer: it goes hot after a while, and its application is told.
    pair.wait_hot(Side::A, Duration::from_secs(2));
}

/// The scheduling policy of a thread or process, from its `stat`.
fn policy(stat: &str) -> i32 {
    let fields = stat.rsplit(") ").next().unwrap();
    fields.split(' ').nth(38).unwrap().parse().unwrap()
}

/// The policies of the thread that sends the heartbeats, and of all others.
fn policies(daemon: u32) -> (i32, Vec<i32>) {
    let threads = fs::read_dir(format!("/proc/{daemon}/task")).unwrap();
    let stats = threads.map(|thread| fs::read_to_string(thread.unwrap().path().join("stat")).unwrap());
    let (own, others): (Vec<_>, Vec<_>) = stats.partition(|stat| stat.starts_with(&format!("{daemon} ")));
    (policy(&own[0]), others.iter().map(|stat| policy(stat)).collect())
}

/// A command writes its policy down.
const TELLING: Setup = Setup {
    start: Some("cat /proc/self/stat >{folder}/{host}.stat; {note}; kill -10 `cat {pid-file}`"),
    ..Setup::DEFAULT
};

#[test]
fn heartbeats_go_before_everything_else_and_commands_do_not() {
    const NAME: &str = "heartbeats_go_before_everything_else_and_commands_do_not";
    if !is_root() {
        return skip(NAME, "real-time priority needs root");
    }
    let mut pair = Pair::new(TELLING);
    pair.start(Side::A);
    if pair[Side::A].log.text().contains("the system refuses real-time priority") {
        return skip(NAME, "this system refuses real-time priority");
    }
    for side in [Side::A, Side::B] {
        pair[side].wait_believed();
    }
    pair[Side::A].app().process.kill();
    pair.wait_hot(Side::B, AT_ONCE);
    let (own, others) = policies(pair[Side::B].daemon().pid());
    assert_eq!((own, others.iter().max()), (libc::SCHED_FIFO, Some(&libc::SCHED_OTHER)));
    let command = fs::read_to_string(pair.folder().join("b.stat")).unwrap();
    assert_eq!(policy(&command), libc::SCHED_OTHER);
    let status = fs::read_to_string(format!("/proc/{}/status", pair[Side::B].daemon().pid())).unwrap();
    assert!(!status.contains("VmLck:\t       0 kB"), "{status}");
}

#[test]
fn without_real_time_priority_heartbeats_are_like_everything_else() {
    let mut pair = Pair::new(Setup { core: "realtime = off", ..Setup::DEFAULT });
    pair.start(Side::A);
    assert_eq!(policies(pair[Side::A].daemon().pid()).0, libc::SCHED_OTHER);
    assert!(!pair[Side::A].log.text().contains("realtime"));
}

#[test]
fn a_daemon_that_gets_no_real_time_priority_says_so_and_serves() {
    const NAME: &str = "a_daemon_that_gets_no_real_time_priority_says_so_and_serves";
    if !is_root() {
        return skip(NAME, "taking rights away needs root");
    }
    let mut pair = Pair::new(Setup { start: None, stop: None, ..Setup::DEFAULT });
    open_folder(&pair);
    unprivileged(&mut pair[Side::A], "-all");
    pair.start_daemon(Side::A);
    pair[Side::A].start_app("--start-as standby");
    pair[Side::A].log.wait("realtime = auto: the system refuses real-time priority", AT_ONCE);
    pair[Side::A].log.wait_state("Standby", AT_ONCE);
}
