//! `docs/migration.md`, step by step: from two legacy daemons to two of ours, and back. The service is hot on
//! exactly one side throughout, apart from the planned switches; the applications run through.

use std::time::Duration;

use nix::sys::signal::Signal;

use schrittmacher_harness::{AT_ONCE, LEGACY_HEARTBEAT, Mixed, RESOURCE, Setup, Side, Watch, beside_both};

const NEGOTIATION: Duration = LEGACY_HEARTBEAT.saturating_mul(2);

/// Two legacy daemons, hot on a. Their applications run through to the end.
fn legacy_pair(mixed: &mut Mixed) {
    mixed.start_legacy_app(Side::A, "--start-as hot");
    mixed.start_legacy_with(Side::A, None, "");
    mixed.wait_hot(Side::A, NEGOTIATION);
    mixed.start_legacy_app(Side::B, "--start-as standby");
    mixed.start_legacy_with(Side::B, None, "");
    mixed.settles(Side::A, NEGOTIATION);
}

/// Steps 3 and 5: a takeover ordered at the daemon that is to be hot.
fn switch(mixed: &mut Mixed, watch: &Watch, order: impl FnOnce(&mut Mixed), to: Side) {
    watch.planned(true);
    order(mixed);
    mixed.wait_settled(to, NEGOTIATION);
    watch.planned(false);
    mixed.stays(to);
}

fn takeover_by_ours(side: Side) -> impl FnOnce(&mut Mixed) {
    move |mixed| assert!(mixed[side].page(&format!("?takeover={RESOURCE}")).starts_with("HTTP/1.1 200"))
}

fn takeover_by_legacy(side: Side) -> impl FnOnce(&mut Mixed) {
    move |mixed| mixed.tell_legacy_at(side, "takeover")
}

/// Steps 2 and 4: on a standby host the legacy daemon ends and one of ours takes its place.
fn replace(mixed: &mut Mixed, side: Side) {
    mixed.terminate_legacy(side);
    mixed.start_daemon(side);
    mixed[side].log.wait("peer is heard", NEGOTIATION);
    mixed.settles(side.other(), NEGOTIATION);
}

/// The way back, on a standby host.
fn put_back(mixed: &mut Mixed, side: Side) {
    mixed[side].daemon().signal(Signal::SIGTERM);
    assert_eq!(mixed[side].daemon().wait_code(AT_ONCE), 0);
    mixed.start_legacy_with(side, None, "");
    mixed.settles(side.other(), NEGOTIATION);
}

/// Beside both generations of the old daemon.
#[test]
fn a_pair_is_migrated_host_by_host_and_back() {
    beside_both(&Setup { timeout: 6.0, ..Setup::default() }, |mut mixed| {
        let mixed = &mut mixed;
        legacy_pair(mixed);
        let watch = Watch::begin(mixed);

        replace(mixed, Side::B);
        switch(mixed, &watch, takeover_by_ours(Side::B), Side::B);
        replace(mixed, Side::A);
        switch(mixed, &watch, takeover_by_ours(Side::A), Side::A);

        put_back(mixed, Side::B);
        switch(mixed, &watch, takeover_by_legacy(Side::B), Side::B);
        put_back(mixed, Side::A);

        let wrong = watch.end();
        assert!(wrong.is_empty(), "{wrong:#?}");
    });
}
