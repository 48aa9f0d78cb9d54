//! The flight record: what is kept, and that it can be played again.

use std::time::Duration;

use proptest::prelude::*;
use schrittmacher_protocol::{
    Answer, AppFailure, AppReport, Cause, Event, FORCED_RANDOM, FenceRule, Fenced, Generation, INPUTS,
    Machine, OUR_RANDOM, OnIsolation, Peer, PeerReport, Policy, Promise, REACTIONS, Resource, SEGMENTS,
    Segment, Settings, StateName, Time,
};
use schrittmacher_testkit::lone::{Lone, classic, ours};
use schrittmacher_testkit::settings;
use schrittmacher_wire::{AppCode, PeerCode};

const SECOND: Duration = Duration::from_secs(1);
const NIGHT: Duration = Duration::from_secs(8 * 3600);

/// Plays everything again and compares it with the resource that wrote it.
fn check(resource: &Resource) {
    let segments = resource.flight_record().segments();
    assert!(segments.len() <= SEGMENTS + 1);
    let mut end: Option<(&Segment, Machine)> = None;
    for segment in &segments {
        assert!(segment.len() <= INPUTS);
        let before = end.as_ref().filter(|(before, _)| segment.follows(before)).map(|(_, machine)| machine);
        assert!(segment.begins_right(before), "{before:#?}\n{segment:#?}");
        let mut replay = segment.replay();
        let inputs = replay.by_ref().map(|step| assert!(!step.differs(), "{step:#?}")).count();
        assert_eq!(inputs, segment.len());
        end = Some((segment, replay.machine().clone()));
    }
    let (_, machine) = end.expect("there is always one");
    assert_eq!(machine, *resource.machine());
}

/// The changes of state in a record, oldest first.
fn changes(segments: &[Segment]) -> Vec<(Cause, StateName)> {
    let steps = segments.iter().flat_map(|segment| segment.replay());
    let steps = steps.flat_map(|step| step.recorded.transitions.to_vec());
    steps.filter(|step| step.is_change()).map(|step| (step.cause, step.to)).collect()
}

#[test]
fn a_failover_is_still_there_in_the_morning_with_what_was_before() {
    let mut node = Lone::standby(settings(0), ours());
    node.run(NIGHT, &[PeerCode::Hott], &[AppCode::Lsby]);
    let hot_peer = node.now;
    node.hears(PeerCode::Fail);
    node.app(AppCode::Lhot);
    node.run(NIGHT, &[PeerCode::Fail], &[AppCode::Lhot]);
    let segments = node.resource.flight_record().segments();
    check(&node.resource);
    let failover =
        [(Cause::Peer(PeerCode::Fail), StateName::ToHot), (Cause::App(AppReport::Lhot), StateName::Hot)];
    assert_eq!(changes(&segments)[1..], failover, "after Unknown -> Standby of the start");
    let before = segments.iter().flat_map(|segment| segment.replay()).filter(|step| step.at < hot_peer);
    let seconds_before = before.filter(|step| step.at + 30 * SECOND > hot_peer).count();
    assert!(seconds_before >= INPUTS, "nothing was kept of the time before: {seconds_before}");
}

#[test]
fn a_settled_resource_keeps_two_segments_beside_its_start() {
    let mut node = Lone::standby(settings(0), ours());
    node.run(NIGHT, &[PeerCode::Hott], &[AppCode::Lsby]);
    let segments = node.resource.flight_record().segments();
    let settled: Vec<_> = segments.iter().filter(|segment| !segment.has_change()).collect();
    // That of the start has another one before it, if the first was full.
    assert!(settled.len() <= 3, "{}", settled.len());
    assert!(settled[settled.len() - 2].len() == INPUTS);
    check(&node.resource);
}

#[test]
fn of_many_failovers_the_newest_are_kept() {
    let mut node = Lone::standby(settings(0), ours());
    let mut last = Vec::new();
    for _ in 0..100 {
        node.hears(PeerCode::Fail);
        node.app(AppCode::Lhot);
        node.run(NIGHT / 100, &[PeerCode::Stby], &[AppCode::Lhot]);
        last = vec![node.now];
        node.give(Event::Failover { force: false });
        node.give(Event::Released);
        node.app(AppCode::Lsby);
        node.run(NIGHT / 100, &[PeerCode::Hott], &[AppCode::Lsby]);
    }
    check(&node.resource);
    let segments = node.resource.flight_record().segments();
    assert_eq!(segments.len(), SEGMENTS + 1);
    let orders = segments.iter().flat_map(|segment| segment.replay());
    let orders: Vec<_> =
        orders.filter(|step| matches!(step.recorded.event, Event::Failover { .. })).collect();
    assert!(orders.len() >= 2, "two failovers to and fro at least: {}", orders.len());
    assert_eq!(orders.last().map(|step| step.at), last.pop());
}

/// Something that another program, or another hand, did.
#[test]
fn what_was_changed_is_found() {
    let mut node = Lone::standby(settings(0), ours());
    node.hears(PeerCode::Fail);
    let segment = &node.resource.flight_record().segments()[0];
    let text = serde_json::to_string(segment).unwrap();
    assert_eq!(*segment, serde_json::from_str::<Segment>(&text).unwrap());
    let differs = |from: &str, to: &str| {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "no {from} in {text}");
        let segment: Segment = serde_json::from_str(&changed).unwrap();
        !segment.begins_right(None) || segment.replay().any(|step| step.differs())
    };
    assert!(differs(r#"{"Peer":{"code":"FAIL""#, r#"{"Peer":{"code":"HOTT""#), "an input");
    assert!(differs(r#""to":"ToHot""#, r#""to":"Failed""#), "a transition");
    assert!(differs(r#"{"Command":"Activate"},"#, ""), "an action");
    assert!(differs(r#""silent":false"#, r#""silent":true"#), "the machine at the start");
}

#[test]
fn an_input_without_its_reaction_is_refused() {
    let node = Lone::plain(ours());
    let mut value = serde_json::to_value(&node.resource.flight_record().segments()[0]).unwrap();
    value["inputs"][0][1] = 1.into();
    let error = serde_json::from_value::<Segment>(value.clone()).unwrap_err();
    assert!(error.to_string().contains("a reaction that is not there"), "{error}");
    value["inputs"][0] = serde_json::json!([u64::MAX, 0]);
    let error = serde_json::from_value::<Segment>(value).unwrap_err();
    assert!(error.to_string().contains("two years"), "{error}");
}

/// A machine as no daemon has it, but a file may.
#[test]
fn a_made_up_counter_does_not_overflow() {
    let mut machine = Machine::new(&settings(0), Time::ZERO);
    let generation = Generation::Ours { period: SECOND };
    machine.peer = Peer { contradictions: u8::MAX, generation, ..machine.peer };
    machine.handle(&settings(0), Time::ZERO, Event::Peer(classic()));
    assert_eq!(machine.peer.generation, Generation::Classic);
}

/// Whichever way an input goes through the machine.
#[test]
fn the_short_way_keeps_the_same_record() {
    for hot in [false, true] {
        let mut node = Lone::standby(settings(0), ours());
        let (peer, app) = if hot { (PeerCode::Stby, AppCode::Lhot) } else { (PeerCode::Hott, AppCode::Lsby) };
        if hot {
            node.hears(PeerCode::Fail);
            node.app(AppCode::Lhot);
            node.run(3 * SECOND, &[peer], &[app]);
        }
        let (mut long, mut short) = (node.resource.clone(), node.resource);
        let (mut now, mut times) = (node.now, 0);
        for _ in 0..100 {
            now = now + SECOND;
            let report = PeerReport { code: Some(peer), random: 0, ..node.peer };
            for event in [Event::Peer(report), Event::App(Some(app)), Event::Tick] {
                let actions = long.handle(now, event).actions;
                if let Some(word) = short.handle_settled(now, &event) {
                    assert_eq!(word.into_iter().collect::<Vec<_>>(), actions[..]);
                    times += 1;
                } else {
                    short.handle(now, event);
                }
            }
        }
        // A heartbeat is due each other second.
        assert!(times >= 250, "{times}");
        assert_eq!(short.machine(), long.machine());
        assert_eq!(short.flight_record().segments(), long.flight_record().segments());
        check(&short);
    }
}

#[derive(Clone, Debug)]
enum Input {
    Event(Event),
    Settings(Settings),
}

fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        8 => (0..3_000_000_000_u64).prop_map(Duration::from_nanos),
        2 => (0..100_u64).prop_map(Duration::from_secs),
        1 => any::<Duration>(),
    ]
}

fn report() -> impl Strategy<Value = PeerReport> {
    let code = prop::option::of(prop::sample::select(PeerCode::ALL));
    let random = prop_oneof![Just(0), Just(OUR_RANDOM), Just(FORCED_RANDOM), any::<u32>()];
    let host = prop::option::of(any::<std::net::IpAddr>());
    (code, -1..2_i32, random, host, any::<bool>(), prop::option::of(duration())).prop_map(
        |(code, priority, random, host, has_type, period)| PeerReport {
            note: None,
            epoch: period.map(|period| period.as_secs()),
            promise: period.map(|lasts| Promise { acknowledged: Some(Time::ZERO + lasts), lasts }),
            code,
            priority,
            random,
            host,
            has_type,
            period,
        },
    )
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => Just(Event::Tick),
        4 => report().prop_map(Event::Peer),
        4 => prop::option::of(prop::sample::select(AppCode::ALL)).prop_map(Event::App),
        1 => Just(Event::AppFailed(AppFailure::Ended)),
        1 => Just(Event::StartBegan),
        1 => duration().prop_map(|asked| Event::Witness(Answer::Granted(Time::ZERO + asked))),
        1 => Just(Event::Witness(Answer::Refused)),
        1 => Just(Event::Released),
        1 => any::<bool>().prop_map(|force| Event::Failover { force }),
        1 => Just(Event::Takeover { force: false }),
        1 => Just(Event::Shutdown),
        1 => Just(Event::Reloaded),
        1 => any::<bool>().prop_map(Event::Freeze),
        1 => any::<bool>().prop_map(Event::Isolated),
        1 => duration().prop_map(|since| Event::HostSilent(Time::ZERO + since)),
        1 => duration().prop_map(|asked| Event::Fenced(Time::ZERO + asked, Fenced::Off)),
    ]
}

fn any_settings() -> impl Strategy<Value = Settings> {
    ([(); 6].map(|()| duration()), -1..2_i32, any::<bool>(), any::<bool>()).prop_map(
        |(
            [heartbeat, timeout, app_timeout, going_hot_timeout, going_standby_timeout, startup_delay],
            priority,
            preempt,
            extensions,
        )| Settings {
            heartbeat,
            timeout,
            app_timeout,
            going_hot_timeout,
            going_standby_timeout,
            startup_delay,
            priority,
            preempt,
            extensions,
            // Any choice will do: a record repeats each of them.
            policy: if preempt { Policy::Consistent { promise: timeout } } else { Policy::Available },
            on_isolation: if extensions { OnIsolation::StepDown } else { OnIsolation::Keep },
            fence: preempt.then_some(FenceRule { delay: timeout, pause: timeout }),
            ..settings(0)
        },
    )
}

fn inputs(most: usize) -> impl Strategy<Value = Vec<(Duration, Input)>> {
    let input =
        prop_oneof![30 => event().prop_map(Input::Event), 1 => any_settings().prop_map(Input::Settings)];
    prop::collection::vec((duration(), input), 0..most)
}

fn lived(settings: Settings, inputs: Vec<(Duration, Input)>) -> Resource {
    let mut now = Time::ZERO;
    let mut resource = Resource::new(settings, now);
    for (after, input) in inputs {
        now = now + after;
        match input {
            Input::Event(event) => drop(resource.handle(now, event)),
            Input::Settings(settings) => resource.set_settings(now, settings),
        }
    }
    resource
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Every run can be played again, also from a file, and never takes more room than it may.
    #[test]
    fn whatever_happens_can_be_played_again(settings in any_settings(), inputs in inputs(200)) {
        let resource = lived(settings, inputs);
        check(&resource);
        for segment in resource.flight_record().segments() {
            let text = serde_json::to_string(&segment).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Segment>(&text).unwrap(), &segment);
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert!(value["reactions"].as_array().unwrap().len() <= REACTIONS);
        }
    }

    /// A file that somebody wrote: refused, or played without a panic.
    #[test]
    fn no_file_makes_it_panic(
        inputs in inputs(60),
        edits in prop::collection::vec((any::<prop::sample::Index>(), "[0-9]{1,20}|[a-zA-Z]{3}|null|-1|255"), 1..4),
    ) {
        let segments = lived(settings(0), inputs).flight_record().segments();
        let mut text = serde_json::to_string(&segments[segments.len() - 1]).unwrap();
        for (place, to) in edits {
            // Numbers and words are what can be replaced so that JSON remains.
            let words: Vec<_> = text.match_indices(|c: char| !c.is_alphanumeric()).map(|(at, _)| at).collect();
            let at = place.index(words.len() - 1);
            text.replace_range(words[at] + 1..words[at + 1], &to);
        }
        if let Ok(segment) = serde_json::from_str::<Segment>(&text) {
            let _ = segment.begins_right(None);
            let _ = segment.replay().filter(|step| step.differs()).count();
        }
    }
}
