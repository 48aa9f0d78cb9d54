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
