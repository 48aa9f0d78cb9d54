//! Limits: answers, requests, timeouts (P6, S3, S5, S10).

use std::time::Duration;

use proptest::prelude::*;
use schrittmacher_protocol::{
    Action, AppFailure, Command, Event, FORCED_RANDOM, Machine, Notice, OUR_RANDOM, PeerReport, Settings,
    StateName, Time,
};
use schrittmacher_testkit::lone::{Lone, classic, modern, ours, sent};
use schrittmacher_testkit::settings;
use schrittmacher_wire::{AppCode, PeerCode};

const SECOND: Duration = Duration::from_secs(1);

/// How many actions send this code.
fn count(actions: &[Action], code: PeerCode) -> usize {
    sent(actions).iter().filter(|sent| **sent == code).count()
}

#[test]
fn a_flood_of_requests_gets_ten_answers_a_second() {
    for (peer, heartbeat) in [(classic(), 2000), (classic(), 10), (modern(), 10), (ours(), 2000)] {
        let settings = Settings { heartbeat: Duration::from_millis(heartbeat), ..settings(0) };
        let mut node = Lone::hot(settings, peer);
        node.pass(2 * SECOND);
        let mut answers = 0;
        for _ in 0..900 {
            node.now = node.now + Duration::from_millis(1);
            // Less than our priority: every one is refused.
            node.peer.priority = -1;
            answers += count(&node.hears(PeerCode::Treq), PeerCode::Trej);
        }
        assert_eq!(answers, 10, "{heartbeat} ms, {peer:?}");
    }
}

#[test]
fn a_hot_node_asks_once_a_heartbeat_whatever_it_hears() {
    let mut node = Lone::hot(settings(0), modern());
    let mut requests = 0;
    for _ in 0..1000 {
        node.now = node.now + Duration::from_micros(1500);
        // The answer of 2.0.0 to our HOTT while it is hot.
        requests += count(&node.hears(PeerCode::Trej), PeerCode::Treq);
        requests += count(&node.hears(PeerCode::Hott), PeerCode::Treq);
    }
    assert_eq!(requests, 1, "one TREQ a heartbeat (S10)");
}

#[test]
fn a_takeover_is_asked_for_three_times_and_then_the_operator_is_told() {
    for (peer, code) in [(modern(), PeerCode::Hott), (ours(), PeerCode::Hott), (classic(), PeerCode::Hott)] {
        let mut node = Lone::standby(settings(0), peer);
        let first = node.give(Event::Takeover { force: false });
        assert!(matches!(first[..], [Action::Send { code: PeerCode::Treq, random: FORCED_RANDOM, .. }]));
        // The button again, and the application's wish: the order is under way already.
        assert_eq!(sent(&node.give(Event::Takeover { force: false })), []);
        assert_eq!(sent(&node.app(AppCode::Lrto)), []);
        let later: Vec<_> =
            node.run(10 * SECOND, &[code], &[]).into_iter().map(|(_, action)| action).collect();
        assert_eq!(count(&later, PeerCode::Treq), 2, "three in all (S3)");
        let told = later.iter().filter(|a| **a == Action::Notice(Notice::TakeoverUnanswered)).count();
        assert_eq!(told, 1);
        assert_eq!(node.state(), StateName::Standby);
        // A new order is a new one.
        assert_eq!(count(&node.give(Event::Takeover { force: false }), PeerCode::Treq), 1);
    }
}

/// Found by `make sim`, seed 1156: two hot nodes waited for the answer to a question that had not left.
#[test]
fn a_question_that_the_limit_leaves_out_is_not_open() {
    let mut node = Lone::hot(settings(0), ours());
    node.pass(2 * SECOND);
    for (is_full, questions) in [(true, 0), (false, 1)] {
        let mut machine = node.resource.machine().clone();
        machine.announcements.empty_at = node.now + if is_full { SECOND } else { Duration::ZERO };
        let report = PeerReport { code: Some(PeerCode::Hott), priority: -1, ..ours() };
        let actions = machine.handle(&settings(0), node.now, Event::Peer(report)).actions;
        assert_eq!((count(&actions, PeerCode::Treq), machine.asked.is_some()), (questions, !is_full));
    }
}

/// Several switches in one second met the limit, and nobody was hot until the next heartbeat.
#[test]
fn the_word_that_ends_a_hand_over_leaves_as_soon_as_there_is_room() {
    let rows = [(ours(), PeerCode::Fovr), (modern(), PeerCode::Fovr), (classic(), PeerCode::Fail)];
    for (peer, word) in rows {
        let mut node = Full::new(&Lone::hot(settings(0), peer));
        for event in [Event::Failover { force: false }, Event::App(Some(AppCode::Lsby)), Event::Released] {
            assert_eq!(node.give(event), [], "{word}: {event:?}");
        }
        assert_eq!(node.tick_in_time(), [word]);
    }
}

#[test]
fn an_order_for_a_takeover_leaves_as_soon_as_there_is_room() {
    for peer in [ours(), modern(), classic()] {
        let mut node = Full::new(&Lone::standby(settings(0), peer));
        assert_eq!(node.give(Event::Takeover { force: false }), []);
        assert_eq!(node.tick_in_time(), [PeerCode::Treq]);
    }
}

#[test]
fn a_word_that_is_owed_is_forgotten_with_the_state_that_it_belongs_to() {
    let mut node = Full::new(&Lone::hot(settings(0), ours()));
    assert_eq!(node.give(Event::App(Some(AppCode::Lfai))), []);
    assert_eq!(node.machine.owed, Some(PeerCode::Fail));
    assert_eq!(node.give(Event::App(Some(AppCode::Lsby))), []);
    assert_eq!((node.machine.state.name(), node.machine.owed), (StateName::Standby, None));
}

#[test]
fn a_side_that_serves_says_no_word_at_which_the_other_side_goes_hot() {
    for word in [PeerCode::Fovr, PeerCode::Tcnf, PeerCode::Fail, PeerCode::Treq] {
        let mut node = Full::new(&Lone::hot(settings(0), ours()));
        node.machine.owed = Some(word);
        node.now = node.machine.next_deadline(&settings(0));
        assert_eq!((node.give(Event::Tick), node.machine.owed), (vec![], None), "{word}");
    }
}

#[test]
fn the_last_word_of_a_daemon_is_never_left_out() {
    let mut node = Full::new(&Lone::standby(settings(0), ours()));
    assert_eq!(node.give(Event::Shutdown), [PeerCode::Stby]);
}

/// A node that has just said as much as it may beside its heartbeat.
struct Full {
    machine: Machine,
    now: Time,
}

impl Full {
    fn new(node: &Lone) -> Full {
        let mut machine = node.resource.machine().clone();
        machine.announcements.empty_at = node.now + SECOND;
        Full { machine, now: node.now }
    }

    fn give(&mut self, event: Event) -> Vec<PeerCode> {
        sent(&self.machine.handle(&settings(0), self.now, event).actions)
    }

    /// The next deadline comes before any heartbeat.
    fn tick_in_time(&mut self) -> Vec<PeerCode> {
        let began = self.now;
        self.now = self.machine.next_deadline(&settings(0));
        assert!(self.now.since(began) <= SECOND / 12 && self.now < self.machine.next_tick);
        self.give(Event::Tick)
    }
}

#[test]
fn an_application_that_never_obeys_ends_in_failed() {
    let mut node = Lone::standby(settings(0), modern());
    node.hears(PeerCode::Fail);
    assert_eq!(node.state(), StateName::ToHot);
    let began = node.now;
    for _ in 0..40 {
        // The order is given again with every LSBY (X2), and each time the command begins anew.
        let orders = node.app(AppCode::Lsby);
        if orders.contains(&Action::Command(Command::Start)) {
            node.give(Event::StartBegan);
        }
        node.run(SECOND, &[PeerCode::Fail], &[]);
        if node.state() == StateName::Failed {
            break;
        }
    }
    assert_eq!(node.state(), StateName::Failed);
    assert!(node.now.since(began) <= Duration::from_secs(22), "going-hot-timeout is 20 s (T4)");
}

#[test]
fn going_hot_timeout_counts_from_the_beginning_of_the_start_command() {
    let mut node = Lone::standby(settings(0), modern());
    node.hears(PeerCode::Fail);
    node.run(5 * SECOND, &[PeerCode::Fail], &[AppCode::L2ht]);
    node.give(Event::StartBegan);
    node.run(19 * SECOND, &[PeerCode::Fail], &[AppCode::L2ht]);
    assert_eq!(node.state(), StateName::ToHot, "5 + 19 s, but 19 since the command began (T4)");
    node.run(2 * SECOND, &[PeerCode::Fail], &[AppCode::L2ht]);
    assert_eq!(node.state(), StateName::Failed);
}

#[test]
fn a_hot_node_without_lhot_fails_over() {
    let mut node = Lone::hot(settings(0), modern());
    let done = node.run(19 * SECOND, &[PeerCode::Stby], &[AppCode::Lsby]);
    assert_eq!(node.state(), StateName::Hot);
    assert!(
        done.iter().any(|(_, action)| *action == Action::Command(Command::Start)),
        "it gets the order again (X2)"
    );
    let done = node.run(5 * SECOND, &[PeerCode::Stby], &[AppCode::Lsby]);
    let fails: Vec<_> = done.into_iter().map(|(_, action)| action).collect();
    assert!(count(&fails, PeerCode::Fail) > 0, "a silent refusal must not keep the service (S5)");
    assert_ne!(node.state(), StateName::Hot);
}

#[test]
fn a_late_lhot_is_told_again_to_stop_until_going_standby_timeout() {
    let mut node = Lone::plain(modern());
    node.app(AppCode::L2sb);
    assert_eq!(node.state(), StateName::ToStandby);
    let again = node.app(AppCode::Lhot);
    assert_eq!(
        again,
        [Action::Command(Command::Stop), Action::Command(Command::Deactivate { urgent: true })],
        "D12: no failure"
    );
    node.run(5 * SECOND, &[PeerCode::Hott], &[AppCode::Lhot]);
    assert_eq!(node.state(), StateName::ToStandby);
    node.run(2 * SECOND, &[PeerCode::Hott], &[AppCode::Lhot]);
    assert_eq!(node.state(), StateName::Failed);
}

/// The report was made before the order. The side claimed for it, and took the role beside a peer that served without its daemon.
#[test]
fn a_late_lhot_of_a_side_that_has_just_failed_is_no_claim() {
    let mut node = Lone::plain(modern());
    node.hears(PeerCode::Stby);
    assert_eq!(node.state(), StateName::ToHot);
    node.give(Event::AppFailed(AppFailure::CheckFailed));
    assert_eq!(node.state(), StateName::Failed);
    assert_eq!(node.app(AppCode::Lhot), [Action::Command(Command::Stop)]);
    assert_eq!(node.state(), StateName::Failed);
    // One that goes on saying so serves.
    node.run(node.resource.settings().heartbeat, &[PeerCode::Fail], &[]);
    node.app(AppCode::Lhot);
    assert_eq!(node.state(), StateName::Unknown);
}

#[test]
fn a_failed_node_answers_no_answer() {
    let mut node = Lone::plain(modern());
    node.hears(PeerCode::Stby);
    node.app(AppCode::Lfai);
    node.give(Event::AppFailed(AppFailure::Ended));
    for code in [PeerCode::Tcnf, PeerCode::Trej, PeerCode::Fail, PeerCode::Hott, PeerCode::ToHot] {
        assert_eq!(node.hears(code), [], "{code}: D13");
    }
    assert_eq!(sent(&node.hears(PeerCode::Treq)), [PeerCode::Tcnf, PeerCode::Fail], "W5");
}

#[test]
fn our_random_is_constant() {
    let mut node = Lone::plain(modern());
    node.hears(PeerCode::Unk);
    node.pass(3 * SECOND);
    for _ in 0..3 {
        let unk = node.app(AppCode::Lunk);
        let treq = node.hears(PeerCode::Unk);
        for action in unk.iter().chain(&treq) {
            assert!(matches!(action, Action::Send { random: OUR_RANDOM, .. }), "D14: {action:?}");
        }
        node.pass(3 * SECOND);
    }
}

#[test]
fn who_confirms_a_request_does_not_go_hot_by_a_question_that_crossed_it() {
    // A legacy Standby confirms every request: both would be on their way to hot.
    for mut peer in [classic(), modern()] {
        peer.priority = 1;
        let mut node = Lone::new(settings(0), peer);
        node.app(AppCode::Lsby);
        assert_eq!(sent(&node.hears(PeerCode::Stby)), [PeerCode::Treq]);
        assert_eq!(sent(&node.hears(PeerCode::Treq)), [PeerCode::Tcnf], "it has the higher priority");
        assert_eq!(sent(&node.hears(PeerCode::Tcnf)), []);
        assert_eq!(node.state(), StateName::Standby);
    }
}

/// An application, a peer and an operator that do as they like.
fn anything() -> impl Strategy<Value = Event> {
    let peer = prop::sample::select(PeerCode::ALL.to_vec());
    prop_oneof![
        8 => prop::sample::select(AppCode::ALL.to_vec()).prop_map(|code| Event::App(Some(code))),
        4 => (peer, 0..3_u32).prop_map(|(code, random)| Event::Peer(PeerReport {
            code: Some(code),
            random,
            ..modern()
        })),
        1 => Just(Event::AppFailed(AppFailure::Ended)),
        1 => any::<bool>().prop_map(|force| Event::Failover { force }),
        1 => Just(Event::Takeover { force: false }),
        1 => Just(Event::Released),
        1 => Just(Event::StartBegan),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// P6, door-6: whatever the outside says, and however fast, the messages of a second are bounded.
    #[test]
    fn any_application_and_peer_at_any_rate_provoke_a_bounded_number_of_messages(
        pattern in prop::collection::vec(anything(), 2..12),
        gap in prop::sample::select(vec![10_u64, 100, 1000, 20_000]),
        peer in prop::sample::select(vec![classic(), modern(), ours()]),
    ) {
        let mut node = Lone::standby(settings(0), peer);
        let (began, mut messages, mut at_ticks) = (node.now, 0, 0);
        for event in pattern.iter().cycle().take(10_000) {
            node.now = node.now + Duration::from_micros(gap);
            if node.resource.next_deadline() <= node.now {
                at_ticks += sent(&node.tick()).len();
            }
            let event = if let Event::Peer(PeerReport { code, random, .. }) = *event {
                Event::Peer(PeerReport { code, random, ..peer })
            } else {
                *event
            };
            messages += sent(&node.give(event)).len();
        }
        let seconds = usize::try_from(node.now.since(began).as_secs()).unwrap() + 1;
        // Twelve at once, and twelve in each second.
        prop_assert!(messages <= 12 + 12 * (seconds + 1), "{} messages in {} s", messages, seconds);
        prop_assert!(at_ticks <= 25 * (seconds + 1), "{} messages of ticks in {} s", at_ticks, seconds);
    }
}

/// A fuzzer met it: the question to a second hot node stayed open for 20 s.
#[test]
fn one_message_with_a_long_heartbeat_does_not_put_off_the_end_of_two_hot_nodes() {
    let asks = |node: &mut Lone| {
        let actions = node.hears(PeerCode::Hott);
        actions.iter().any(|action| matches!(action, Action::Send { code: PeerCode::Treq, .. }))
    };
    let mut node = Lone::hot(settings(10), PeerReport { period: Some(20 * SECOND), ..ours() });
    assert!(asks(&mut node));
    node.peer = ours();
    node.pass(SECOND);
    assert!(!asks(&mut node), "it is open for a heartbeat");
    node.pass(2 * SECOND);
    assert!(asks(&mut node));
}
