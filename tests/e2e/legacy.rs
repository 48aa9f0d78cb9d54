//! Beside a legacy peer of either generation, on real sockets. `docs/legacy-matrix.md` has all scenarios in virtual
//! time, legacy pairs among themselves included (`crates/testkit/tests/matrix`).

use std::thread;
use std::time::Duration;

use schrittmacher_harness::{
    AT_ONCE, Generation, LEGACY_HEARTBEAT, LEGACY_TIMEOUT, Mixed, RESOURCE, Setup, Side, beside_both,
    holds_for, wait_for,
};

/// The time in which two nodes that ask each other agree who is hot.
const NEGOTIATION: Duration = LEGACY_HEARTBEAT.saturating_mul(2);

/// Everything starts at the same instant, the applications standby.
#[test]
fn a_cold_start_beside_a_legacy_daemon_makes_one_hot() {
    thread::scope(|scope| {
        for priority in [[0, 0], [10, 0], [0, 10]] {
            scope.spawn(move || {
                let setup = Setup { priority, core: "log-level = debug", ..Setup::default() };
                beside_both(&setup, |mut mixed| {
                    mixed[Side::A].start_app("--start-as standby");
                    mixed.start_daemon(Side::A);
                    mixed.start_legacy_with(Side::B, Some("standby"), &format!("--priority {}", priority[1]));
                    let hot = wait_for("one side to be hot", NEGOTIATION, || {
                        [Side::A, Side::B].into_iter().find(|side| mixed.serves(*side))
                    });
                    mixed.settles(hot, NEGOTIATION);
                    no_storm(&mixed);
                });
            });
        }
    });
}

/// D3: the number of our messages in a second and a half, at a start and while all is quiet.
fn no_storm(mixed: &Mixed) {
    let said = mixed[Side::A].log.text().lines().filter(|line| line.contains("to peer:")).count();
    assert!(said < 100, "{said} datagrams:\n{}", mixed[Side::A].log.text());
}

#[test]
fn who_joins_a_hot_peer_is_standby() {
    for hot in [Side::A, Side::B] {
        let hot = &hot;
        beside_both(&Setup::default(), |mut mixed| {
            if *hot == Side::A {
                mixed[Side::A].start_app("--start-as hot");
                mixed.start_daemon(Side::A);
                mixed.wait_hot(Side::A, LEGACY_HEARTBEAT);
                mixed.journal.wait(Side::A, "activate");
                mixed.forget();
                mixed.start_legacy(Some("unknown"));
            } else {
                mixed.start_legacy(Some("hot"));
                mixed.wait_hot(Side::B, NEGOTIATION);
                mixed[Side::A].start_app("--start-as unknown");
                mixed.start_daemon(Side::A);
            }
            mixed.settles(*hot, NEGOTIATION);
            if *hot == Side::A {
                mixed.journal.expect(Side::A, &[]);
            } else {
                assert!(!mixed.journal.has(Side::A, "activate"), "{}", mixed.journal.text());
            }
        });
    }
}

#[test]
fn a_dead_application_moves_the_service_in_both_directions() {
    beside_both(&Setup::default(), |mut mixed| {
        mixed.start(Side::A);
        mixed[Side::A].wait_believed();
        mixed[Side::A].app().process.kill();
        wait_for("the legacy side to be hot", NEGOTIATION, || mixed.serves(Side::B).then_some(()));
        mixed[Side::A].log.wait_state("failed", AT_ONCE);
        mixed.journal.expect_unordered(Side::A, &["stop", "deactivate"]);

        mixed[Side::A].start_app("--start-as standby");
        mixed.settles(Side::B, NEGOTIATION);
        mixed.forget();

        // Its daemon finds out by silence alone.
        mixed.tell_legacy("app kill");
        mixed.wait_hot(Side::A, LEGACY_TIMEOUT);
        mixed.journal.expect(Side::A, &["activate", "start"]);
    });
}

#[test]
fn a_dead_legacy_host_is_replaced_and_comes_back_as_standby() {
    beside_both(&Setup::default(), |mut mixed| {
        mixed.start(Side::B);
        mixed.kill_legacy();
        // T2: later than `timeout` says, since its heartbeat may be that late.
        mixed.wait_hot(Side::A, LEGACY_TIMEOUT);
        mixed.journal.expect(Side::A, &["activate", "start"]);
        mixed.forget();
        mixed.start_legacy(Some("unknown"));
        mixed.settles(Side::A, NEGOTIATION);
        mixed.journal.expect(Side::A, &[]);
    });
}

#[test]
fn a_legacy_peer_replaces_our_dead_host_which_comes_back_as_standby() {
    beside_both(&Setup::default(), |mut mixed| {
        mixed.start(Side::A);
        mixed[Side::A].kill();
        wait_for("the legacy side to be hot", LEGACY_TIMEOUT, || mixed.serves(Side::B).then_some(()));
        mixed[Side::A].start_app("--start-as unknown");
        mixed.start_daemon(Side::A);
        mixed.settles(Side::B, NEGOTIATION);
        // Its address may still have been up (D1).
        mixed.journal.wait(Side::A, "deactivate");
    });
}

/// D15, D17, for orders of either kind on either side.
#[test]
fn operators_move_the_service_on_either_side() {
    beside_both(&Setup { priority: [0, 10], ..Setup::default() }, |mut mixed| {
        mixed.start(Side::A);
        mixed[Side::A].page(&format!("?failover={RESOURCE}"));
        mixed.settles(Side::B, NEGOTIATION);
        mixed.journal.expect(Side::A, &["stop", "deactivate"]);

        mixed.tell_legacy("failover");
        if mixed.generation == Generation::Classic {
            // It gives the order to stop once the peer has answered, and its application beats once a second.
            wait_for("the service to move", NEGOTIATION, || (!mixed.serves(Side::B)).then_some(()));
        }
        mixed.settles(Side::A, NEGOTIATION);

        mixed.tell_legacy("takeover");
        mixed.settles(Side::B, NEGOTIATION);
        mixed[Side::A].page(&format!("?takeover={RESOURCE}"));
        mixed.settles(Side::A, NEGOTIATION);
    });
}

/// D2, S9.
#[test]
fn sigterm_hands_over_to_a_legacy_peer() {
    beside_both(&Setup::default(), |mut mixed| {
        mixed.start(Side::A);
        mixed[Side::A].daemon().signal(nix::sys::signal::Signal::SIGTERM);
        mixed.wait_hot(Side::B, NEGOTIATION);
        assert_eq!(mixed[Side::A].daemon().wait_code(LEGACY_HEARTBEAT), 0);
        mixed.journal.expect(Side::A, &["stop", "deactivate"]);
        holds_for(
            NEGOTIATION,
            || if mixed.serves(Side::B) { Ok(()) } else { Err("nobody serves".to_owned()) },
        );
    });
}

#[test]
fn a_daemon_that_restarts_beside_a_legacy_peer_finds_its_role_again() {
    beside_both(&Setup::default(), |mut mixed| {
        mixed.start(Side::A);
        mixed[Side::A].daemon().kill();
        mixed.start_daemon(Side::A);
        mixed.settles(Side::A, NEGOTIATION);
        assert_eq!(mixed.state(Side::B), "Standby");
        assert!(!mixed[Side::A].app().output.has("USR2"), "the application was told to go standby");

        // And in the middle of a takeover, with an application that takes its time.
        mixed[Side::A].page(&format!("?failover={RESOURCE}"));
        mixed.settles(Side::B, NEGOTIATION);
        mixed[Side::A].start_app("--start-as standby --switch-time 3000");
        mixed[Side::A].page(&format!("?takeover={RESOURCE}"));
        mixed[Side::A].app().wait_state("transiting-to-hot", NEGOTIATION);
        mixed[Side::A].daemon().kill();
        mixed.start_daemon(Side::A);
        mixed.settles(Side::A, NEGOTIATION + Duration::from_secs(3));
    });
}

/// W4, W5: the peer becomes one of ours and a legacy daemon again, and of the other generation and back,
/// while its application runs. No state changes.
#[test]
fn an_upgrade_in_place_and_back_switches_nothing() {
    for hot in [Side::A, Side::B] {
        let hot = &hot;
        beside_both(&Setup { timeout: 6.0, ..Setup::default() }, |mut mixed| {
            for side in [*hot, hot.other()] {
                let options = if side == *hot { "--start-as hot" } else { "--start-as standby" };
                if side == Side::A {
                    mixed[Side::A].start_app(options);
                    mixed.start_daemon(Side::A);
                } else {
                    mixed.start_legacy(None);
                    mixed.start_legacy_app(Side::B, options);
                }
                mixed.wait_hot(*hot, NEGOTIATION);
            }
            mixed.settles(*hot, NEGOTIATION);
            mixed.forget();

            mixed.kill_legacy();
            mixed.start_daemon(Side::B);
            mixed.settles(*hot, NEGOTIATION);
            mixed[Side::B].daemon().signal(nix::sys::signal::Signal::SIGQUIT);
            assert_eq!(mixed[Side::B].daemon().wait_code(AT_ONCE), 0);

            mixed.start_legacy(None);
            mixed.settles(*hot, NEGOTIATION);
            mixed.journal.expect(Side::A, &[]);
            assert_eq!(mixed[Side::A].log.transitions(), []);
        });
    }
}
