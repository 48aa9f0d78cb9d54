//! Random faults and a random network, ten minutes a seed.

use std::time::Duration;

use schrittmacher_protocol::{Event, OnIsolation, Policy};
use schrittmacher_simulator::Chance;

use crate::fence;
use crate::host::Setup;
use crate::on_every_core;
use crate::world::{RULES, Seen, Weather, Without, World};

const END: Duration = Duration::from_secs(600);
const SECOND: Duration = Duration::from_secs(1);
/// Seeds that break a promise and are named.
const NAMED: usize = 5;
/// Seeds in which a missing rule has to show.
const MOST_FOR_TEETH: u64 = 300;

/// The policies, under the same faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    Consistent,
    Available,
    Manual,
    /// The operator takes the role by force.
    ManualByForce,
    /// With a `fence-action` on both hosts.
    ConsistentFenced,
    AvailableFenced,
    ManualFenced,
}

const CHOICES: [(Choice, &str, &str); 7] = [
    (Choice::Consistent, "consistent", "`consistent`"),
    (Choice::Available, "available", "`available`"),
    (Choice::Manual, "manual", "`manual`"),
    (Choice::ManualByForce, "by-force", "`manual`, each takeover by force"),
    (Choice::ConsistentFenced, "consistent-fence", "`consistent`, fence"),
    (Choice::AvailableFenced, "available-fence", "`available`, fence"),
    (Choice::ManualFenced, "manual-fence", "`manual`, fence"),
];

impl Choice {
    pub fn from_word(text: &str) -> Option<Choice> {
        CHOICES.iter().find(|(_, word, _)| *word == text).map(|(choice, _, _)| *choice)
    }

    fn is_fenced(self) -> bool {
        matches!(self, Choice::ConsistentFenced | Choice::AvailableFenced | Choice::ManualFenced)
    }

    /// For how long a promise was broken.
    fn broken(self, seen: &Seen) -> Duration {
        match self {
            Choice::Consistent | Choice::ConsistentFenced => seen.two,
            Choice::AvailableFenced | Choice::ManualFenced => seen.two_fenced,
            Choice::Available | Choice::Manual | Choice::ManualByForce => Duration::ZERO,
        }
    }
}

pub fn seeds(count: u64) -> bool {
    println!(
        "{count} seeds of ten minutes\n\n| policy | two serve, of the time | in the worst seed | … though the fence was confirmed | none serves | an \
         application became hot | fences; confirmed takeovers |\n|---|---|---|---|---|---|---|"
    );
    CHOICES.map(|(choice, word, name)| of_choice(count, choice, word, name)).iter().all(|kept| *kept)
}

fn of_choice(count: u64, choice: Choice, word: &str, name: &str) -> bool {
    let mut runs = on_every_core(usize::try_from(count).unwrap_or(usize::MAX), |seed| {
        let seed = u64::try_from(seed).unwrap_or(u64::MAX);
        (seed, run(seed, choice, None, false))
    });
    runs.sort_by_key(|(seed, _)| *seed);
    let time = |part: fn(&Seen) -> Duration| runs.iter().map(|(_, seen)| part(seen)).sum::<Duration>();
    let often = |part: fn(&Seen) -> u64| {
        runs.iter().map(|(_, seen)| part(seen)).sum::<u64>() as f64 / runs.len() as f64
    };
    let all = END.as_secs_f64() * runs.len() as f64;
    println!(
        "| {name} | {:.3} % | {:.1} s | {} | {:.2} % | {:.1} times a seed | {} |",
        100.0 * time(|seen| seen.two).as_secs_f64() / all,
        runs.iter().map(|(_, seen)| seen.two).max().unwrap_or_default().as_secs_f64(),
        if choice.is_fenced() {
            format!("{:.1} s", time(|seen| seen.two_fenced).as_secs_f64())
        } else {
            "–".to_owned()
        },
        100.0 * time(|seen| seen.none).as_secs_f64() / all,
        often(|seen| seen.starts),
        if choice.is_fenced() {
            format!("{:.1}; {:.1} a seed", often(|seen| seen.fences), often(|seen| seen.fenced))
        } else {
            "–".to_owned()
        },
    );
    let mut kept = true;
    let mut tell = |seed: u64, what: String| {
        println!("BROKEN: `--seed {seed} {word}`: {what}");
        kept = false;
    };
    for (seed, unsettled) in runs.iter().filter_map(|(seed, seen)| Some((seed, seen.unsettled?))).take(NAMED)
    {
        tell(*seed, unsettled.to_string());
    }
    for (seed, seen) in runs.iter().filter(|(_, seen)| seen.wrong_orders > 0).take(NAMED) {
        tell(*seed, format!("{} wrong orders to take over", seen.wrong_orders));
    }
    for (seed, seen) in runs.iter().filter(|(_, seen)| !choice.broken(seen).is_zero()).take(NAMED) {
        tell(*seed, format!("two serve for {:?}, first from {:?} on", choice.broken(seen), seen.first_two));
    }
    // The same faults do break it; and a fence that is never confirmed would show nothing.
    kept && match choice {
        Choice::Available => runs.iter().any(|(_, seen)| !seen.two.is_zero()),
        Choice::Consistent | Choice::Manual | Choice::ManualByForce => true,
        Choice::ConsistentFenced | Choice::AvailableFenced | Choice::ManualFenced => {
            runs.iter().any(|(_, seen)| seen.fenced > 0)
        }
    }
}

/// What comes of a part of the rule that is taken out has to be found.
pub fn bites() -> bool {
    println!("\n| without | the first seed with two that serve |\n|---|---|");
    let of_fences = [
        (Without::Fence, Choice::AvailableFenced),
        (Without::TrueFence, Choice::AvailableFenced),
        (Without::TrueFence, Choice::ManualFenced),
    ];
    let all: Vec<_> = RULES.into_iter().map(|rule| (rule, Choice::Consistent)).chain(of_fences).collect();
    let found = on_every_core(all.len(), |at| {
        let (rule, choice) = all[at];
        let is_broken = |seed: &u64| !choice.broken(&run(*seed, choice, Some(rule), false)).is_zero();
        (rule, choice, (0..MOST_FOR_TEETH).find(is_broken))
    });
    for (rule, choice, seed) in &found {
        println!(
            "| {rule:?}, {choice:?} | {} |",
            seed.map_or("NOT FOUND".to_owned(), |seed| seed.to_string())
        );
    }
    found.iter().all(|(_, _, seed)| seed.is_some())
}

pub fn tell(seed: u64, choice: Choice) -> bool {
    let seen = run(seed, choice, None, true);
    println!("{seen:?}");
    choice.broken(&seen).is_zero() && seen.unsettled.is_none()
}

fn setup(chance: &mut Chance, choice: Choice) -> Setup {
    let heartbeat = chance.one_of(&[SECOND / 10, SECOND / 5, SECOND, 2 * SECOND]);
    let promise = (3 * heartbeat).max(SECOND) + chance.one_of(&[Duration::ZERO, SECOND]);
    let mut rate = || i64::from(chance.below(1001)) - 500;
    let rates = [rate(), rate(), rate()];
    let policy = match choice {
        Choice::Consistent | Choice::ConsistentFenced => Policy::Consistent { promise },
        Choice::Available | Choice::AvailableFenced => Policy::Available,
        Choice::Manual | Choice::ManualByForce | Choice::ManualFenced => Policy::Manual,
    };
    Setup {
        heartbeat,
        policy,
        starts: chance.duration(SECOND),
        // Within the time that is kept for it.
        stops: chance.duration(promise / 4 - Duration::from_millis(20)),
        rates,
        run: policy.promise().is_some(),
        on_isolation: OnIsolation::Keep,
        ping_timeout: heartbeat,
        fence: choice.is_fenced().then_some(fence::RULE),
    }
}

fn run(seed: u64, choice: Choice, without: Option<Without>, told: bool) -> Seen {
    let mut chance = Chance::new(seed);
    let mut setup = setup(&mut chance, choice);
    if without.is_some_and(|without| RULES.contains(&without)) {
        // The worst that the rule allows.
        (setup.starts, setup.stops) = (Duration::ZERO, setup.promise() / 4);
        setup.run = without != Some(Without::TimeToStop);
        if without == Some(Without::StartWait) {
            // An unheard peer is waited for ten seconds anyway.
            setup.policy = Policy::Consistent { promise: 15 * SECOND };
        }
    }
    let mut world = World::new(setup);
    world.without = without;
    // Its own, so that the faults are those of the other choices.
    world.devices = choice.is_fenced().then(|| Chance::new(seed));
    world.latency = chance.duration(SECOND / 50);
    if told {
        println!("{:?}", world.setup);
    }
    (0..2).for_each(|side| world.start_daemon(side));
    world.run_until(20 * SECOND);
    let mut mends: Vec<(Duration, Mend)> = Vec::new();
    while world.now < END {
        let next = world.now + chance.duration(chance_of_pause(&world));
        mends.sort_by_key(|(at, _)| *at);
        while mends.first().is_some_and(|(at, _)| *at <= next) {
            let (at, mend) = mends.remove(0);
            let at = at.max(world.now);
            step(&mut world, at, told);
            if told {
                println!("{:?} {mend:?}", world.now);
            }
            mend.apply(&mut world);
        }
        step(&mut world, next, told);
        let over = next + chance.duration(chance.clone().one_of(&[SECOND, 5 * SECOND, 30 * SECOND]));
        strike(&mut world, &mut chance, over, &mut mends, choice == Choice::ManualByForce, told);
    }
    world.run_until(END);
    if told {
        let mut calm = world.clone();
        calm.mend();
        let end = calm.now + 240 * SECOND;
        step(&mut calm, end, true);
    }
    let unsettled = world.clone().unsettled();
    Seen { unsettled, ..world.seen }
}

fn chance_of_pause(world: &World) -> Duration {
    // Faults come in groups, with some rest in between.
    if world.now.as_secs() % 60 < 40 { 4 * SECOND } else { 20 * SECOND }
}

fn step(world: &mut World, to: Duration, told: bool) {
    if !told {
        return world.run_until(to);
    }
    let look =
        |world: &World| world.hosts.each_ref().map(|host| (host.state(), host.app.serves(), host.paused));
    while world.now < to {
        let before = look(world);
        world.run_until((world.now + SECOND / 100).min(to));
        if look(world) != before {
            println!("{:?} {:?}", world.now, look(world));
            for host in &world.hosts {
                println!("    {:?}", host.machine.as_ref().map(|machine| machine.majority));
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Mend {
    Link(usize),
    Witness,
    Start(usize),
    Resume(usize),
    App(usize),
    Calm,
}

impl Mend {
    fn apply(self, world: &mut World) {
        match self {
            Mend::Link(link) => world.links[link] = true,
            Mend::Witness => world.witness_is_up = true,
            Mend::Start(side) => world.start_daemon(side),
            Mend::Resume(side) => world.resume(side),
            Mend::App(side) => world.start_app(side),
            Mend::Calm => world.weather = None,
        }
    }
}

fn strike(
    world: &mut World,
    chance: &mut Chance,
    over: Duration,
    mends: &mut Vec<(Duration, Mend)>,
    is_forced: bool,
    told: bool,
) {
    let side = chance.index(2);
    let kind = chance.below(10);
    if told {
        println!("{:?} fault {kind} at {side} until {over:?}", world.now);
    }
    match kind {
        0..=2 => {
            for link in (0..3).filter(|_| chance.permille(500)) {
                world.links[link] = false;
                mends.push((over, Mend::Link(link)));
            }
        }
        3 => {
            world.witness_is_up = false;
            mends.push((over, Mend::Witness));
        }
        4 => {
            world.crash(side);
            mends.push((over, Mend::Start(side)));
        }
        5 => {
            world.pause(side);
            mends.push((over, Mend::Resume(side)));
        }
        6 => {
            world.end_app(side);
            mends.push((over, Mend::App(side)));
        }
        7 => {
            let event = if world.hosts[side].is_hot() {
                Event::Failover { force: false }
            } else {
                Event::Takeover { force: is_forced }
            };
            world.give(side, event);
        }
        8 => {
            world.shut_down(side);
            mends.push((over, Mend::Start(side)));
        }
        _ => {
            let lost = chance.below(400);
            let longest_delay = chance.one_of(&[SECOND / 10, SECOND, 5 * SECOND]);
            world.weather =
                Some(Weather { chance: Chance::new(u64::from(chance.draw())), lost, longest_delay });
            mends.push((over, Mend::Calm));
        }
    }
}
