//! The peer's generation and its effects: words, periods, timeouts (W3 to W5, T2).

use std::time::Duration;

use schrittmacher_protocol::{Action, Event, Generation, PeerReport, Settings, StateName, Time};
use schrittmacher_testkit::lone::{Lone, classic, modern, ours, sent};
use schrittmacher_testkit::settings;
use schrittmacher_wire::{AppCode, PeerCode};

const SECOND: Duration = Duration::from_secs(1);

fn generation(node: &Lone) -> Generation {
    node.resource.machine().peer.generation
}

/// Whether the message among these actions tells the peer what we are.
fn extended(actions: &[Action]) -> bool {
    actions.iter().any(|action| matches!(action, Action::Send { extended: true, .. }))
}

#[test]
fn a_classic_peer_hears_words_it_knows() {
    let mut node = Lone::standby(settings(0), classic());
    let go = node.hears(PeerCode::Fail);
    assert_eq!((node.state(), sent(&go)), (StateName::ToHot, vec![PeerCode::Hott]), "HOTT for 2HOT");
    let beat = node.run(3 * SECOND, &[PeerCode::Fail], &[AppCode::L2ht]);
    assert!(beat.iter().all(|(_, action)| !matches!(action, Action::Send { code: PeerCode::ToHot, .. })));

    let mut node = Lone::plain(classic());
    node.hears(PeerCode::Unk);
    let give = node.app(AppCode::L2sb);
    assert_eq!((node.state(), sent(&give)), (StateName::ToStandby, vec![PeerCode::Stby]), "STBY for 2SBY");

    let mut node = Lone::hot(settings(0), classic());
    node.give(Event::Failover { force: false });
    assert_eq!(sent(&node.release()), [PeerCode::Fail], "FAIL for FOVR");
}

#[test]
fn who_gave_way_to_a_classic_peer_says_fail_while_its_application_may_switch() {
    let mut node = Lone::hot(settings(0), classic());
    node.give(Event::Failover { force: false });
    node.release();
    let began = node.now;
    let done = node.run(30 * SECOND, &[PeerCode::Hott], &[AppCode::Lsby]);
    for (at, action) in done {
        if let Action::Send { code, .. } = action {
            let early = at.since(began) < settings(0).going_hot_timeout;
            assert_eq!(
                code,
                if early { PeerCode::Fail } else { PeerCode::Stby },
                "D8: {:?}",
                at.since(began)
            );
        }
    }
    assert_eq!(node.state(), StateName::Standby);
}

#[test]
fn a_newer_peer_is_believed_at_once_and_an_older_one_after_three_messages() {
    let period = 2 * SECOND;
    let mut node = Lone::plain(classic());
    assert_eq!(generation(&node), Generation::Classic, "before the first packet");
    node.hears(PeerCode::Stby);
    assert_eq!(generation(&node), Generation::Classic);
    // 1.15 and 1.16.0 have no `type`; their words tell.
    node.hears(PeerCode::ToStandby);
    assert_eq!(generation(&node), Generation::Modern);
    node.peer = ours();
    node.hears(PeerCode::Stby);
    assert_eq!(generation(&node), Generation::Ours { period });
    node.peer = modern();
    node.hears(PeerCode::Stby);
    node.hears(PeerCode::Stby);
    assert_eq!(generation(&node), Generation::Ours { period }, "two messages are no verdict (W4)");
    node.peer = ours();
    node.hears(PeerCode::Stby);
    node.peer = modern();
    node.hears(PeerCode::Stby);
    node.hears(PeerCode::Stby);
    assert_eq!(generation(&node), Generation::Ours { period }, "they have to be in a row");
    node.hears(PeerCode::Stby);
    assert_eq!(generation(&node), Generation::Modern);
    node.peer = classic();
    for _ in 0..3 {
        node.hears(PeerCode::Stby);
    }
    assert_eq!(generation(&node), Generation::Classic);
}

#[test]
fn extensions_off_neither_sends_nor_believes() {
    let mut node = Lone::new(Settings { extensions: false, ..settings(0) }, ours());
    let actions = [node.hears(PeerCode::Unk), node.app(AppCode::Lunk), node.tick()].concat();
    assert_eq!(generation(&node), Generation::Modern);
    assert!(!extended(&actions));
}

#[test]
fn we_say_what_we_are_three_times_after_start_silence_and_reload() {
    let mut node = Lone::plain(modern());
    let alone = node.pass(9 * SECOND);
    let ours: Vec<Action> = alone.into_iter().map(|(_, action)| action).collect();
    assert!(ours.iter().all(|action| !matches!(action, Action::Send { extended: false, .. })), "while alone");
    let next_four = |node: &mut Lone| -> Vec<bool> {
        (0..4)
            .map(|_| {
                node.now = node.now + SECOND;
                extended(&node.hears(PeerCode::Unk))
            })
            .collect()
    };
    let mut node = Lone::plain(modern());
    node.app(AppCode::Lsby);
    node.hears(PeerCode::Hott);
    assert_eq!(next_four(&mut node), [true, true, true, false], "W4: start");
    node.give(Event::Reloaded);
    assert_eq!(next_four(&mut node), [true, true, true, false], "W4: reload");
    node.app(AppCode::Lfai);
    node.run(20 * SECOND, &[], &[AppCode::Lfai]);
    assert_eq!(next_four(&mut node), [true, true, true, false], "W4: silence");
}

#[test]
fn an_unknown_status_is_life_and_nothing_else() {
    let mut node = Lone::standby(settings(0), modern());
    for _ in 0..30 {
        node.now = node.now + SECOND;
        let unknown = PeerReport { code: None, ..node.peer };
        assert_eq!(node.give(Event::Peer(unknown)), []);
        assert_eq!(node.give(Event::App(None)), []);
        node.tick();
    }
    assert_eq!(node.state(), StateName::Standby, "W3, D32");
}

#[test]
fn a_message_leaves_every_two_seconds_towards_a_peer_that_is_not_ours() {
    let slow =
        Settings { heartbeat: 10 * SECOND, timeout: 30 * SECOND, app_timeout: 50 * SECOND, ..settings(0) };
    for (peer, period) in [(classic(), 2), (modern(), 2), (ours(), 10)] {
        let mut node = Lone::standby(slow.clone(), peer);
        let done = node.run(60 * SECOND, &[PeerCode::Hott], &[]);
        let times: Vec<Time> =
            done.iter().filter(|(_, a)| matches!(a, Action::Send { .. })).map(|(at, _)| *at).collect();
        let longest = times.windows(2).map(|pair| pair[1].since(pair[0])).max().unwrap();
        assert_eq!(longest, period * SECOND, "W5");
    }
}

#[test]
fn a_peer_that_turns_out_to_be_legacy_is_not_kept_waiting() {
    let slow =
        Settings { heartbeat: 20 * SECOND, timeout: 60 * SECOND, app_timeout: 100 * SECOND, ..settings(0) };
    let mut node = Lone::standby(slow, ours());
    node.run(60 * SECOND, &[PeerCode::Hott], &[AppCode::L2sb]);
    // It is replaced by 2.0.0 while our next heartbeat is far away.
    node.peer = modern();
    let began = node.now;
    let done = node.run(20 * SECOND, &[PeerCode::Hott], &[AppCode::L2sb]);
    let first = done.iter().find(|(_, action)| matches!(action, Action::Send { .. })).unwrap();
    assert!(
        first.0.since(began) <= 4 * SECOND,
        "three messages and two seconds, not {:?}",
        first.0.since(began)
    );
}

#[test]
fn patience_depends_on_the_peer() {
    let quick = Settings {
        heartbeat: Duration::from_millis(100),
        timeout: Duration::from_millis(300),
        ..settings(0)
    };
    let ours_at = |ms| PeerReport { period: Some(Duration::from_millis(ms)), ..ours() };
    let rows = [
        (quick.clone(), classic(), 10_000),
        (quick.clone(), modern(), 6_000),
        (quick.clone(), ours_at(100), 300),
        (quick, ours_at(1000), 3_000),
        (settings(0), ours_at(100), 6_000),
        (Settings { timeout: 30 * SECOND, ..settings(0) }, classic(), 30_000),
        (Settings { timeout: 30 * SECOND, ..settings(0) }, modern(), 30_000),
    ];
    for (settings, peer, patience) in rows {
        let mut node = Lone::new(settings, peer);
        node.app(AppCode::Lsby);
        node.hears(PeerCode::Hott);
        node.app(AppCode::Lsby);
        let began = node.now;
        let mut lost = None;
        while lost.is_none() {
            let done = node.run(SECOND, &[], &[AppCode::Lsby]);
            lost = done
                .iter()
                .find(|(_, action)| *action == Action::Notice(schrittmacher_protocol::Notice::PeerLost))
                .map(|(at, _)| at.since(began));
        }
        assert_eq!(lost, Some(Duration::from_millis(patience)), "T2: {peer:?}");
        assert_eq!(node.state(), StateName::ToHot);
    }
}

#[test]
fn a_peer_not_heard_yet_is_given_the_longest_time() {
    let quick = Settings { heartbeat: SECOND / 10, timeout: SECOND * 3 / 10, ..settings(0) };
    let mut node = Lone::plain(classic());
    node.resource = schrittmacher_protocol::Resource::new(quick, Time::ZERO);
    node.run(Duration::from_millis(9_900), &[], &[AppCode::Lsby]);
    assert_eq!(node.state(), StateName::Standby, "it may be a classic one that goes hot in silence (D9)");
    node.run(SECOND / 2, &[], &[AppCode::Lsby]);
    assert_eq!(node.state(), StateName::ToHot);
}

#[test]
fn startup_delay_holds_silence_back_and_nothing_else() {
    let delayed = Settings { startup_delay: 30 * SECOND, ..settings(0) };
    let mut node = Lone::new(delayed.clone(), modern());
    node.pass(29 * SECOND);
    assert_eq!(node.state(), StateName::Unknown, "neither silence counts (T4)");
    node.pass(2 * SECOND);
    assert_eq!(node.state(), StateName::Failed, "now the application's does");

    let mut node = Lone::new(delayed.clone(), modern());
    node.run(29 * SECOND, &[], &[AppCode::Lsby]);
    assert_eq!(node.state(), StateName::Standby, "the peer's silence makes nobody hot");
    node.run(2 * SECOND, &[], &[AppCode::Lsby]);
    assert_eq!(node.state(), StateName::ToHot);

    let mut node = Lone::new(delayed, modern());
    node.app(AppCode::Lsby);
    node.hears(PeerCode::Fail);
    assert_eq!(node.state(), StateName::ToHot, "what the peer says counts at once");
}

#[test]
fn a_grant_lasts_no_longer_than_the_heartbeat_that_the_peer_shows_now() {
    let mut node = Lone::standby(settings(0), ours());
    let own = node.peer;
    // A slower configuration, left a moment later, or somebody else who claims one.
    node.peer.period = Some(Duration::from_secs(20));
    node.hears(PeerCode::Fail);
    node.peer = PeerReport { priority: 1, ..own };
    node.app(AppCode::Lhot);
    assert_eq!(node.state(), StateName::Hot);
    node.run(3 * SECOND, &[PeerCode::Hott], &[AppCode::Lhot]);
    node.hears(PeerCode::Treq);
    node.release();
    assert_eq!(node.state(), StateName::Standby, "the higher priority wins (P1)");
}

/// proto-2: the clock of a classic peer can starve without a fault. It is asked, and answers at once.
#[test]
fn a_silent_classic_peer_is_asked_before_it_counts_as_dead() {
    let asked = |done: &[(Time, Action)]| {
        done.iter().filter(|(_, action)| matches!(action, Action::Send { code: PeerCode::Unk, .. })).count()
    };
    let mut node = Lone::standby(settings(0), classic());
    for _ in 0..5 {
        let silence = node.run(8 * SECOND, &[], &[AppCode::Lsby]);
        assert!(asked(&silence) >= 2, "asked {} times", asked(&silence));
        node.hears(PeerCode::Hott);
        assert_eq!(node.state(), StateName::Standby);
    }
    let dead = node.run(12 * SECOND, &[], &[AppCode::Lsby]);
    assert!(asked(&dead) >= 3, "asked {} times", asked(&dead));
    assert_eq!(node.state(), StateName::ToHot);

    let mut failed = Lone::standby(settings(0), classic());
    failed.app(AppCode::Lfai);
    assert_eq!(asked(&failed.run(9 * SECOND, &[], &[])), 0, "UNK would clear its note that we failed");
}
