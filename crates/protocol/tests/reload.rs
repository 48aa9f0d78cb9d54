//! New settings for a resource that runs (C4).

use std::time::Duration;

use schrittmacher_protocol::{Settings, StateName};
use schrittmacher_testkit::lone::{Lone, ours};
use schrittmacher_testkit::settings;
use schrittmacher_wire::{AppCode, PeerCode};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_shorter_patience_finds_nobody_late_but_holds_from_now_on() {
    let patient = Settings { app_timeout: 60 * SECOND, timeout: 60 * SECOND, ..settings(0) };
    let mut node = Lone::hot(patient.clone(), ours());
    node.pass(40 * SECOND);
    assert_eq!(node.state(), StateName::Hot);
    node.resource
        .set_settings(node.now, Settings { app_timeout: 10 * SECOND, timeout: 6 * SECOND, ..patient });
    let lost = node.pass(5 * SECOND);
    assert!(
        lost.iter().all(|(_, action)| !matches!(action, schrittmacher_protocol::Action::Notice(_))),
        "{lost:?}"
    );
    assert_eq!(node.state(), StateName::Hot);
    node.run(20 * SECOND, &[PeerCode::Stby], &[]);
    assert_eq!(node.state(), StateName::Failed);
}

#[test]
fn a_shorter_heartbeat_beats_at_once_and_a_longer_one_is_no_lost_time() {
    let slow = Settings { heartbeat: 10 * SECOND, timeout: 30 * SECOND, ..settings(0) };
    let quick = Settings { heartbeat: SECOND / 100, timeout: SECOND / 10, ..settings(0) };
    let mut node = Lone::hot(slow.clone(), ours());
    node.resource.set_settings(node.now, quick.clone());
    assert!(node.resource.next_deadline() <= node.now + quick.heartbeat);
    node.run(SECOND, &[PeerCode::Stby], &[AppCode::Lhot]);

    // The beat is due; with the short timeout in force it would be taken for time that was lost (S11).
    node.now = node.resource.next_deadline() + SECOND / 20;
    node.resource.set_settings(node.now, slow);
    node.tick();
    assert_eq!(node.state(), StateName::Hot);
    node.run(60 * SECOND, &[PeerCode::Stby], &[AppCode::Lhot]);
    assert_eq!(node.state(), StateName::Hot);
}
