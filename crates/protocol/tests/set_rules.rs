//! The rules of a set, one by one (`guide`). In a pair they hide each other: what one of them lets pass, the machines of the members
//! mostly stop.

use std::time::Duration;

use schrittmacher_protocol::{Ending, Event, Machine, Member, Said, Settings, StateName, Time, guide};
use schrittmacher_testkit::lone::{Lone, ours};
use schrittmacher_testkit::settings;
use schrittmacher_wire::AppCode;

/// Long after everything else.
const NOW: Time = Time::new(Duration::from_secs(1000));

type Change = fn(&mut Machine);

/// A member that is in this state here, and of which the peer has said this.
fn member(state: StateName, said: Said) -> Machine {
    let mut lone = if state == StateName::Standby {
        Lone::standby(settings(0), ours())
    } else {
        Lone::hot(settings(0), ours())
    };
    if state == StateName::Failed {
        lone.app(AppCode::Lfai);
    } else if state == StateName::Releasing {
        lone.give(Event::Failover { force: false });
    }
    assert_eq!(lone.state(), state);
    let mut machine = lone.resource.machine().clone();
    machine.peer.said = said;
    machine
}

/// Whether they hand over, beside a peer of this priority.
fn hand_over(machines: &[Machine], their_priority: i32) -> bool {
    let settings = settings(0);
    let members: Vec<Member<'_>> =
        machines.iter().map(|machine| Member { machine, settings: &settings, their_priority }).collect();
    guide(&members, NOW).hands_over
}

#[test]
fn the_side_that_lacks_a_member_hands_over_to_one_that_is_ready() {
    let set = [member(StateName::Failed, Said::Hot), member(StateName::Hot, Said::Standby)];
    assert!(hand_over(&set, 0));
    let changes: [(&str, Change); 5] = [
        ("the other side is not ready", |one| one.peer.said = Said::Other),
        ("an operator has frozen it", |one| one.frozen = true),
        ("the other daemon ends", |one| one.peer.leaving = true),
        ("this daemon ends", |one| one.ending = Ending::Asked),
        ("the other side is not heard", |one| one.peer.alive = false),
    ];
    for (why, change) in changes {
        let mut set = set.clone();
        change(&mut set[1]);
        assert!(!hand_over(&set, 0), "{why}");
    }
}

#[test]
fn nothing_is_handed_to_a_side_that_lacks_a_member() {
    let set = [member(StateName::Hot, Said::Fail), member(StateName::Standby, Said::Hot)];
    assert!(!hand_over(&set, 10), "whatever its priority");
    let changes: [Change; 2] = [|one| one.peer.cut_off = true, |one| one.peer.held = true];
    for change in changes {
        let mut set = [member(StateName::Hot, Said::Standby), member(StateName::Standby, Said::Hot)];
        assert!(hand_over(&set, 10), "it lacks none");
        change(&mut set[0]);
        assert!(!hand_over(&set, 10));
    }
}

#[test]
fn a_split_without_a_reason_ends_by_priority_when_it_is_no_conflict() {
    let set = [member(StateName::Hot, Said::Standby), member(StateName::Standby, Said::Hot)];
    assert!(hand_over(&set, 10) && !hand_over(&set, -10));
    let conflict = [member(StateName::Hot, Said::Hot), member(StateName::Standby, Said::Hot)];
    assert!(!hand_over(&conflict, 10), "the machines of the member decide that");
}

#[test]
fn what_this_side_lacks() {
    let lacks = |state, held, cut_off| {
        let machine = Machine { cut_off, ..member(state, Said::Standby) };
        let settings = Settings { held, ..settings(0) };
        Member { machine: &machine, settings: &settings, their_priority: 0 }.lacks_here()
    };
    assert!(lacks(StateName::Failed, false, false));
    assert!(lacks(StateName::Hot, false, true) && !lacks(StateName::Hot, false, false), "without clients");
    assert!(lacks(StateName::Standby, true, false) && !lacks(StateName::Standby, false, false), "held");
    assert!(!lacks(StateName::Hot, true, false), "a held side goes on");
    assert!(!lacks(StateName::Releasing, true, false), "and has the role as long as it releases");
}
