//! `docs/migration.md`, step by step, from two legacy daemons to two of ours and back.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::harness::{AT_ONCE, LEGACY_HEARTBEAT, Mixed, RESOURCE, Setup, Side, Watch, beside_both};

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

/// A switch by the operator, from the side that is hot.
fn switch(mixed: &mut Mixed, watch: &Watch, order: impl FnOnce(&mut Mixed), to: Side) {
    watch.planned(true);
    order(mixed);
    mixed.wait_settled(to, NEGOTIATION);
    watch.planned(false);
    mixed.stays(to);
}

fn failover_of_ours(side: Side) -> impl FnOnce(&mut Mixed) {
    move |mixed| drop(mixed[side].page(&format!("?failover={RESOURCE}")))
}

fn failover_of_legacy(side: Side) -> impl FnOnce(&mut Mixed) {
    move |mixed| mixed.tell_legacy_at(side, "failover")
}

/// The legacy daemon of a standby host ends, one of ours takes its place.
fn replace(mixed: &mut Mixed, side: Side) {
    mixed.terminate_legacy(side);
    mixed.start_daemon(side);
    mixed.settles(side.other(), NEGOTIATION);
}

/// And back.
fn put_back(mixed: &mut Mixed, side: Side) {
    mixed[side].daemon().signal(Signal::SIGQUIT);
    assert_eq!(mixed[side].daemon().wait_code(AT_ONCE), 0);
    mixed.start_legacy_with(side, None, "");
    mixed.settles(side.other(), NEGOTIATION);
}

#[test]
fn a_pair_is_migrated_host_by_host_and_back() {
    beside_both(&Setup { timeout: 6.0, ..Setup::default() }, |mut mixed| {
        let mixed = &mut mixed;
        legacy_pair(mixed);
        let watch = Watch::begin(mixed);

        replace(mixed, Side::B);
        switch(mixed, &watch, failover_of_legacy(Side::A), Side::B);
        replace(mixed, Side::A);
        switch(mixed, &watch, failover_of_ours(Side::B), Side::A);

        put_back(mixed, Side::B);
        switch(mixed, &watch, failover_of_ours(Side::A), Side::B);
        put_back(mixed, Side::A);
        switch(mixed, &watch, failover_of_legacy(Side::B), Side::A);

        let wrong = watch.end();
        assert!(wrong.is_empty(), "{wrong:#?}");
    });
}
