use super::*;

const CALM: Scene<'static> = Scene {
    now: Time::ZERO,
    sides: Sides {
        here: StateName::Standby,
        here_since: Time::ZERO,
        other: Other::Hot,
        other_since: Time::ZERO,
    },
    is_granted: false,
    is_frozen: false,
    needs_word: false,
    cause: "",
    reason_here: "",
    reason_there: "",
    priorities: (5, 10),
    epochs: (0, None),
};

/// A resource whose sides change, and the log of it.
struct Told(Narrator);

impl Told {
    /// Of a resource that begins with these sides.
    fn of(here: StateName, other: Other) -> Told {
        let before = Sides { here: StateName::Unknown, other: Other::Silent, ..CALM.sides };
        let mut told = Told(Narrator::new(before));
        told.go(0, here, other, CALM);
        told
    }

    fn go(&mut self, ms: u64, here: StateName, other: Other, scene: Scene<'_>) -> Vec<String> {
        let now = Time::ZERO + Duration::from_millis(ms);
        let before = self.0.told;
        let here_since = if here == before.here { before.here_since } else { now };
        let other_since = if other == before.other { before.other_since } else { now };
        let sides = Sides { here, here_since, other, other_since };
        let (is_told, before) = (self.0.is_told(sides), format!("{:?}", self.0));
        let lines = self.0.go_on(&Scene { now, sides, ..scene });
        if is_told {
            assert_eq!((&lines[..], format!("{:?}", self.0)), (&[][..], before));
        }
        lines.into_iter().map(|(level, _, text)| format!("{level} {text}")).collect()
    }
}

/// Thousands of events in a second change nothing, and are not looked at.
#[test]
fn what_was_told_is_not_told_again_wherever_it_came_from() {
    let others = [Other::Silent, Other::Hot, Other::Standby, Other::Failed, Other::Between];
    let all = || StateName::ALL.into_iter().flat_map(|here| others.map(|other| (here, other)));
    let mut skipped = 0;
    for ((here, other), (then, there)) in all().flat_map(|first| all().map(move |second| (first, second))) {
        for (is_granted, is_frozen) in [(false, false), (true, false), (false, true)] {
            let scene = Scene { is_granted, is_frozen, ..CALM };
            let mut told = Told::of(here, other);
            told.go(100, then, there, scene);
            // It is checked in each step.
            told.go(200, then, there, Scene { is_granted: false, ..scene });
            told.go(9000, then, there, CALM);
            skipped += usize::from(told.0.is_told(told.0.told));
        }
    }
    assert!(skipped > 1000, "{skipped}");
}

/// Its stop command is quicker than our start command.
#[test]
fn the_reason_of_a_peer_that_is_fit_again_is_told_once() {
    let mut told = Told::of(StateName::Standby, Other::Hot);
    let failed = Scene { reason_there: "no licence", ..CALM };
    told.go(100, StateName::ToHot, Other::Failed, failed);
    told.go(200, StateName::ToHot, Other::Standby, CALM);
    let lines = told.go(300, StateName::Hot, Other::Standby, CALM);
    assert_eq!(lines[0], "INFO hot here, 200 ms later (the other side failed: no licence)");
    told.go(400, StateName::Standby, Other::Hot, CALM);
    assert_eq!(told.go(500, StateName::Hot, Other::Standby, CALM)[0], "INFO hot here");
}

#[test]
fn a_failure_is_told_on_both_sides_with_reason_and_duration() {
    let mut here = Told::of(StateName::Hot, Other::Standby);
    let failed = Scene { cause: "application says LFAI", reason_here: "ended by signal 9", ..CALM };
    assert_eq!(
        here.go(180_000, StateName::Failed, Other::Standby, failed),
        ["ERROR failed here: ended by signal 9 (was hot for 3 min)"]
    );
    assert_eq!(
        here.go(180_012, StateName::Failed, Other::Hot, failed),
        ["INFO hot on the other side, 12 ms later", "WARN not protected: this side cannot take over"]
    );
    assert_eq!(
        here.go(200_000, StateName::Standby, Other::Hot, CALM),
        ["INFO protected: one side is hot, the other is standby"]
    );

    let mut there = Told::of(StateName::Standby, Other::Hot);
    let gone = Scene { reason_there: "ended by signal 9", ..CALM };
    assert_eq!(there.go(1000, StateName::ToHot, Other::Failed, gone), [""; 0]);
    assert_eq!(
        there.go(1025, StateName::Hot, Other::Failed, gone),
        [
            "INFO hot here, 25 ms later (the other side failed: ended by signal 9)",
            "WARN not protected: the peer has failed"
        ]
    );
}

/// The failure is told with its reason, and after it the consequence alone.
#[test]
fn that_a_standby_has_failed_is_told_once() {
    let mut told = Told::of(StateName::Standby, Other::Hot);
    let failed = Scene { cause: "application is silent", ..CALM };
    assert_eq!(
        told.go(1000, StateName::Failed, Other::Hot, failed),
        ["ERROR failed here: application is silent", "WARN not protected: this side cannot take over"]
    );
    assert_eq!(told.go(2000, StateName::Failed, Other::Hot, failed), [""; 0]);
}

#[test]
fn both_hot_is_told_with_who_gave_way_and_why_and_is_counted() {
    let mut told = Told::of(StateName::Standby, Other::Hot);
    told.go(1000, StateName::ToHot, Other::Silent, CALM);
    told.go(1100, StateName::Hot, Other::Silent, CALM);
    assert_eq!(
        told.go(9100, StateName::Hot, Other::Hot, Scene { epochs: (8, Some(7)), ..CALM })[0],
        "ERROR BOTH SIDES ARE HOT (epoch 8 here, 7 there): the peer says that it is, too"
    );
    assert_eq!(told.go(9200, StateName::Hot, Other::Hot, CALM), [""; 0], "told once");
    let over = Scene { cause: "peer says TREQ", ..CALM };
    assert_eq!(
        told.go(9400, StateName::Standby, Other::Hot, over)[0],
        "ERROR BOTH SIDES WERE HOT for up to 8.3 s: this side gave way (priority 5 against 10; peer says TREQ); \
         what it accepted meanwhile may be lost"
    );
    assert_eq!(told.0.both_hot(), 1);
}

/// No other line would come: this side does not become hot, which would tell the rest.
#[test]
fn a_frozen_side_says_that_it_does_not_take_over() {
    let frozen = Scene { is_frozen: true, ..CALM };
    let mut told = Told::of(StateName::Standby, Other::Hot);
    let lines = told.go(10, StateName::Standby, Other::Silent, frozen);
    assert!(lines[0].ends_with("this one is frozen: it takes over by an order or a thaw only"), "{lines:?}");
    assert_eq!(told.go(60_000, StateName::Standby, Other::Silent, frozen), [""; 0], "it may be hot");
    assert!(!told.0.is_nobody_hot());
}

/// No switch will end it, so both sides say it at once, and each says it once.
#[test]
fn both_sides_of_a_frozen_pair_say_at_once_that_no_side_is_hot() {
    let frozen = Scene { is_frozen: true, reason_here: "ended by signal 9", ..CALM };
    let rest = "; frozen: no side takes over by itself. `thaw` lets them, `takeover` orders it";
    let mut here = Told::of(StateName::Hot, Other::Standby);
    let lines = here.go(1000, StateName::Failed, Other::Standby, frozen);
    assert_eq!(lines[1], format!("ERROR NO SIDE IS HOT: failed here, standby there{rest}"), "{lines:?}");
    let mut there = Told::of(StateName::Standby, Other::Hot);
    let lines = there.go(1001, StateName::Standby, Other::Failed, frozen);
    assert_eq!(lines, [format!("ERROR NO SIDE IS HOT: standby here, failed there{rest}")]);
    // The application is ready again. That is no end of it.
    for told in [&mut here, &mut there] {
        let lines = told.go(90_000, StateName::Standby, Other::Standby, frozen);
        assert!(!lines.iter().any(|line| line.contains("NO SIDE")), "{lines:?}");
        assert!(told.0.is_nobody_hot());
        told.go(95_000, StateName::ToHot, Other::Standby, CALM);
        assert!(!told.0.is_nobody_hot(), "thawed");
    }
}

#[test]
fn that_no_side_is_hot_is_told_when_a_switch_would_be_over() {
    let mut told = Told::of(StateName::Hot, Other::Failed);
    let lines = told.go(1000, StateName::Failed, Other::Failed, CALM);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(told.go(5900, StateName::Failed, Other::Failed, CALM), [""; 0]);
    let lines = told.go(6000, StateName::Failed, Other::Failed, CALM);
    assert_eq!(lines, ["ERROR NO SIDE IS HOT: failed here, failed there"]);
    assert_eq!(told.go(7000, StateName::Failed, Other::Failed, CALM), [""; 0], "told once");
    told.go(9000, StateName::ToHot, Other::Failed, CALM);
    let lines = told.go(9500, StateName::Hot, Other::Failed, CALM);
    assert_eq!(lines[0], "INFO hot here, 8.5 s later");
    assert_eq!(told.0.nobody_hot(), 1);
}

/// It is told, as nobody may serve. But who hears nothing does not know.
#[test]
fn a_side_that_needs_a_word_to_take_over_says_that_a_silent_one_may_serve() {
    let mut told = Told::of(StateName::Standby, Other::Hot);
    let bound = Scene { needs_word: true, ..CALM };
    told.go(10, StateName::Standby, Other::Silent, bound);
    let lines = told.go(6000, StateName::Standby, Other::Silent, bound);
    assert_eq!(lines, ["ERROR NO SIDE IS HOT: standby here, the other side is silent, and may serve"]);
}

/// A daemon that starts has not seen any service end.
#[test]
fn a_pair_that_has_never_served_is_no_outage() {
    let mut told = Told::of(StateName::Standby, Other::Standby);
    assert_eq!(told.go(60_000, StateName::Standby, Other::Standby, CALM), [""; 0]);
    // But nothing will start the service of a frozen one.
    let frozen = Scene { is_frozen: true, ..CALM };
    let lines = told.go(61_000, StateName::Standby, Other::Standby, frozen);
    assert!(lines[0].starts_with("ERROR NO SIDE IS HOT"), "{lines:?}");
}

#[test]
fn a_request_that_ends_a_conflict_at_once_is_told_too() {
    let mut told = Told::of(StateName::Hot, Other::Standby);
    told.go(1000, StateName::Hot, Other::Silent, CALM);
    let over = Scene { cause: "peer says TREQ", ..CALM };
    let lines = told.go(5000, StateName::Standby, Other::Between, over);
    assert!(
        lines[0].starts_with("ERROR BOTH SIDES WERE HOT for up to 4.0 s: this side gave way"),
        "{lines:?}"
    );
}

#[test]
fn a_late_message_of_a_side_that_has_yielded_is_no_conflict() {
    let mut told = Told::of(StateName::Standby, Other::Hot);
    let granted = Scene { is_granted: true, ..CALM };
    let lines = told.go(10, StateName::Hot, Other::Hot, granted);
    assert!(!lines.iter().any(|line| line.contains("BOTH")), "{lines:?}");
    assert_eq!(told.0.both_hot(), 0);
}
