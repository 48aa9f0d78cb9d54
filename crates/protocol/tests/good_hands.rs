//! P9 and P10: an application that serves is not stopped for a side that does not, and orderly ends leave the service in
//! good hands.

use std::time::Duration;

use schrittmacher_protocol::{Action, Command, Event, Note, PeerReport, Settings, StateName};
use schrittmacher_testkit::lone::{Lone, classic, modern, ours, sent};
use schrittmacher_testkit::pair::Pair;
use schrittmacher_testkit::settings;
use schrittmacher_wire::{AppCode, PeerCode};

const SECOND: Duration = Duration::from_secs(1);

fn commands(actions: &[Action]) -> Vec<Command> {
    actions
        .iter()
        .filter_map(|action| if let Action::Command(command) = action { Some(*command) } else { None })
        .collect()
}

/// The peer says this, with a note.
fn notes(node: &mut Lone, code: PeerCode, note: Note) -> Vec<Action> {
    node.give(Event::Peer(PeerReport { code: Some(code), note: Some(note), ..node.peer }))
}

/// A daemon that was restarted beside a peer of ours that starts as well; its application is hot.
fn claiming(priority: i32) -> Lone {
    let mut node = Lone::plain(PeerReport { priority, ..ours() });
    node.hears(PeerCode::Unk);
    node.app(AppCode::Lhot);
    node
}

/// proto-1: whatever the priority, the serving side goes on, and gets no order to start (edge-25).
#[test]
fn a_claim_stands_above_a_peer_without_a_hot_application() {
    for priority in [-10, 0, 10] {
        let mut node = claiming(priority);
        let rejects = node.hears(PeerCode::Treq);
        assert_eq!((sent(&rejects), commands(&rejects)), (vec![PeerCode::Trej], vec![]));
        let stays = [node.hears(PeerCode::Trej), node.hears(PeerCode::ToHot)].concat();
        assert_eq!((commands(&stays), node.state()), (vec![], StateName::Unknown));
        let serves = node.hears(PeerCode::Stby);
        assert_eq!((node.state(), commands(&serves)), (StateName::Hot, vec![Command::Activate]));
    }
}

#[test]
fn two_claims_are_decided_by_the_tie_break() {
    let mut lower = claiming(10);
    let yields = lower.give(Event::Peer(PeerReport {
        code: Some(PeerCode::Treq),
        random: schrittmacher_protocol::OUR_RANDOM,
        note: Some(Note::Claim),
        ..lower.peer
    }));
    assert_eq!((sent(&yields), lower.state()), (vec![PeerCode::Tcnf], StateName::ToStandby));

    let mut higher = claiming(-10);
    notes(&mut higher, PeerCode::Trej, Note::Claim);
    assert_eq!(higher.state(), StateName::Unknown, "a rejection that the tie-break does not back");
}

/// A daemon that was restarted and has yielded before its application has reported.
fn unheard() -> Lone {
    let mut node = Lone::plain(PeerReport { priority: 10, ..ours() });
    let yields = node.hears(PeerCode::Treq);
    assert_eq!((commands(&yields), node.state()), (vec![], StateName::ToStandby));
    node
}

/// An earlier run may have left the address up, and every report but LHOT says that the application does not serve.
#[test]
fn the_first_report_takes_down_what_an_earlier_run_has_left() {
    for report in [AppCode::Lsby, AppCode::Lunk, AppCode::L2sb, AppCode::L2ht, AppCode::Lfai] {
        let mut node = unheard();
        let down = node.app(report);
        assert!(commands(&down).contains(&Command::Deactivate { urgent: true }), "{report}: {down:?}");
    }
}

/// Neither tells whether the application serves.
#[test]
fn an_unknown_code_and_an_order_of_the_application_are_no_first_report() {
    let mut node = unheard();
    assert_eq!(commands(&node.give(Event::App(None))), []);
    assert_eq!(
        node.app(AppCode::Lrto).iter().filter(|action| matches!(action, Action::Command(_))).count(),
        0
    );
    node.app(AppCode::Lhot);
    assert_eq!(node.state(), StateName::Unknown, "the first report is a claim still");

    // An order may stop it, and then has to, before the peer hears FOVR (P5).
    let mut node = unheard();
    let offers = node.app(AppCode::Lrfo);
    assert_eq!(commands(&offers), [Command::Stop, Command::Deactivate { urgent: true }]);
    let first_word = offers.iter().position(|action| matches!(action, Action::Send { .. }));
    assert!(first_word.is_some_and(|at| at >= 2), "{offers:?}");
}

/// edge-10: both daemons are restarted, and the peer asks before the application has reported.
#[test]
fn an_application_that_has_not_reported_yet_is_not_stopped() {
    let mut node = Lone::plain(PeerReport { priority: 10, ..ours() });
    let yields = node.hears(PeerCode::Treq);
    assert_eq!((sent(&yields), commands(&yields)), (vec![PeerCode::Tcnf], vec![]));
    let claims = node.app(AppCode::Lhot);
    assert!(
        matches!(claims[..], [Action::Send { code: PeerCode::Unk, note: Some(Note::Claim), .. }]),
        "{claims:?}"
    );
    node.hears(PeerCode::Stby);
    assert_eq!(node.state(), StateName::Hot);
}

/// edge-10: nothing has been reported yet, and nothing needs to be.
#[test]
fn a_daemon_claims_for_what_the_one_before_it_has_left_hot() {
    let left = |ago: Duration| {
        let mut node = Lone::plain(PeerReport { priority: 10, ..ours() });
        node.give(Event::LeftHot(ago));
        node
    };
    let mut node = left(SECOND / 5);
    let asks = node.hears(PeerCode::Unk);
    let claims = |action: &Action| matches!(action, Action::Send { note: Some(Note::Claim), .. });
    assert!(sent(&asks) == [PeerCode::Treq] && asks.iter().any(claims), "{asks:?}");
    assert_eq!(sent(&node.hears(PeerCode::Treq)), [PeerCode::Trej]);
    assert_eq!(commands(&node.hears(PeerCode::ToStandby)), [Command::Activate], "no order to start");
    assert_eq!(node.state(), StateName::Hot);

    // It has died meanwhile, or stopped.
    node.run(11 * SECOND, &[PeerCode::Stby], &[]);
    assert_eq!(node.state(), StateName::Failed);
    let mut node = left(SECOND / 5);
    node.app(AppCode::Lsby);
    assert_eq!(node.state(), StateName::Standby);

    // Its silence would have been noticed since.
    let mut node = left(settings(0).app_timeout);
    node.hears(PeerCode::Unk);
    assert_eq!(sent(&node.hears(PeerCode::Treq)), [PeerCode::Tcnf]);
}

#[test]
fn a_side_that_is_going_hot_yields_to_a_claim() {
    let mut node = Lone::plain(ours());
    node.run(11 * SECOND, &[], &[AppCode::Lunk]);
    assert_eq!(node.state(), StateName::ToHot);
    assert_eq!(sent(&notes(&mut node, PeerCode::Unk, Note::Claim)), [PeerCode::Stby]);
    assert_eq!(node.state(), StateName::Standby);
}

/// edge-9: the peer ends, too, before it has taken over.
#[test]
fn a_hand_over_to_a_peer_that_ends_comes_back_and_is_left_alone() {
    let mut node = Lone::hot(settings(0), ours());
    node.give(Event::Shutdown);
    node.release();
    assert_eq!(node.state(), StateName::Leaving);
    let back = notes(&mut node, PeerCode::Stby, Note::Leaving);
    assert_eq!(commands(&back), [Command::Activate, Command::Start]);
    let end = node.run(20 * SECOND, &[], &[AppCode::Lhot]);
    let actions: Vec<Action> = end.into_iter().map(|(_, action)| action).collect();
    assert_eq!(commands(&actions), [], "application and address stay as they are");
    assert_eq!(actions.last(), Some(&Action::Exit));
}

#[test]
fn a_peer_that_ends_is_not_handed_over_to() {
    let mut node = Lone::hot(settings(0), ours());
    node.run(10 * SECOND, &[PeerCode::Stby], &[AppCode::Lhot]);
    notes(&mut node, PeerCode::Stby, Note::Leaving);
    let end = node.give(Event::Shutdown);
    assert_eq!(commands(&end), []);
    assert_eq!(end.last(), Some(&Action::Exit));
}

/// run-5: an application that needs time to stop is waited for.
#[test]
fn a_hand_over_waits_for_an_application_on_its_way() {
    for peer in [ours(), modern(), classic()] {
        let mut node = Lone::hot(settings(0), peer);
        node.give(Event::Failover { force: false });
        node.app(AppCode::L2sb);
        assert_eq!(sent(&node.give(Event::Released)), []);
        let waits = node.run(3 * SECOND, &[], &[AppCode::L2sb]);
        assert!(waits.iter().all(|(_, action)| !matches!(action, Action::Send { code: PeerCode::Fovr, .. })));
        assert_eq!(node.state(), StateName::Releasing);
        node.app(AppCode::Lsby);
        assert_eq!(node.state(), StateName::Standby, "{peer:?}");
    }
    // Not for ever, and not at all for one that says nothing of it.
    let mut slow = Lone::hot(settings(0), ours());
    slow.give(Event::Failover { force: false });
    slow.app(AppCode::L2sb);
    slow.give(Event::Released);
    slow.run(settings(0).going_standby_timeout + SECOND, &[], &[AppCode::L2sb]);
    assert_eq!(slow.state(), StateName::Standby);
    let mut silent = Lone::hot(settings(0), ours());
    silent.give(Event::Failover { force: false });
    silent.give(Event::Released);
    silent.pass(Duration::from_millis(60));
    assert_eq!(silent.state(), StateName::Standby);
}

#[test]
fn a_legacy_peer_hears_no_note() {
    for peer in [modern(), classic()] {
        let mut node = Lone::plain(peer);
        node.hears(PeerCode::Unk);
        let mut said = node.app(AppCode::Lhot);
        said.extend(
            node.run(5 * SECOND, &[PeerCode::Stby], &[AppCode::Lhot]).into_iter().map(|(_, action)| action),
        );
        said.extend(node.give(Event::Shutdown));
        said.extend(node.release());
        said.extend(node.pass(5 * SECOND).into_iter().map(|(_, action)| action));
        assert!(said.iter().all(|action| !matches!(action, Action::Send { note: Some(_), .. })), "{said:?}");
    }
}

/// Found by fuzzing: host 0 takes over from a daemon that ends, and is not hot in time. The role comes back, the service goes on
/// without a daemon, and host 0 serves as soon as its application can and the other one is gone.
#[test]
fn a_side_that_was_not_hot_in_time_serves_when_nobody_else_does() {
    for hold_back in [Duration::ZERO, 5 * SECOND] {
        let settings = || Settings { hold_back, ..settings(0) };
        let mut pair = Pair::settled_with(settings(), settings());
        let hot = pair.hot_side();
        pair.change_app(1 - hot, |app, _| app.set_stubborn(true));
        pair.give(hot, Event::Shutdown);
        // It has `going-hot-timeout`; then the role comes back, and the daemon stays until it is hot and not opposed.
        pair.run(60 * SECOND);
        assert!(!pair.is_up(hot) && pair.serving()[hot], "the service is left alone\n{}", pair.log());
        pair.kill_app(hot);
        pair.run(60 * SECOND);
        assert!(!pair.is_hot(1 - hot), "its application does not obey yet\n{}", pair.log());
        pair.change_app(1 - hot, |app, _| app.set_stubborn(false));
        pair.run_until(60 * SECOND, |pair| pair.is_hot(1 - hot) && pair.serving()[1 - hot]);
    }
}
