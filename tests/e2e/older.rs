//! A real daemon of an earlier version of ours as the peer: `make check-older`, which builds it and names it in `OLDER_DAEMON`.

use std::time::Duration;

use nix::sys::signal::Signal;
use schrittmacher_harness::{AT_ONCE, Pair, Setup, Side};

/// Host B runs the older program. What it does not know in the file it warns about.
fn beside_older(setup: Setup) -> Pair {
    let older = std::env::var("OLDER_DAEMON").expect("OLDER_DAEMON names the older program");
    let mut pair = Pair::new(setup);
    // The program that the harness would start is `$0`.
    pair[Side::B].starter = vec!["sh", "-c", "exec \"$OLDER_DAEMON\" \"$@\""];
    pair[Side::B].environment = vec![("OLDER_DAEMON", older.into())];
    pair
}

fn switches_to_and_fro(pair: &mut Pair) {
    pair.start(Side::A);
    pair[Side::A].page("?failover=service");
    pair.settles(Side::B, Duration::ZERO);
    pair[Side::A].page("?takeover=service");
    pair.settles(Side::A, Duration::ZERO);
    pair[Side::A].tell_app("fail");
    pair.settles(Side::B, AT_ONCE);
}

#[test]
#[ignore = "needs an older daemon: make check-older"]
fn an_older_daemon_is_a_peer() {
    let mut pair = beside_older(Setup::default());
    switches_to_and_fro(&mut pair);
    pair[Side::B].kill();
    let timeout = pair.timeout();
    pair[Side::A].tell_app("standby");
    pair.wait_hot(Side::A, timeout);
}

#[test]
#[ignore = "needs an older daemon: make check-older"]
fn an_older_daemon_that_ends_hands_over() {
    let mut pair = beside_older(Setup::default());
    pair.start(Side::B);
    pair[Side::B].daemon().signal(Signal::SIGTERM);
    pair.wait_hot(Side::A, AT_ONCE);
}

/// Signed messages are read by a daemon that knows no signatures, and its own are believed.
#[test]
#[ignore = "needs an older daemon: make check-older"]
fn a_signing_daemon_goes_on_beside_an_older_one() {
    let core = "auth-key-file = {folder}/peer.key\nauth-mode = receive-only";
    let mut pair = beside_older(Setup { core, ..Setup::default() });
    crate::authentication::write_keys(&pair, &["00000001"]);
    switches_to_and_fro(&mut pair);
}
