//! A set of two members under every sequence of events of a bounded length: P13, and that no member is served twice.
//!
//! The exhaustive search has one resource, because two have as many states as the square of one (`docs/verification.md`).
//! This tries all sequences out of a settled set in virtual time. `LENGTH=3` tries longer ones (minutes).

use std::time::Duration;

use schrittmacher_protocol::{Ending, Event, Settings, StateName};
use schrittmacher_simulator::{Daemon, Durations, Link, Node, Report, World};
use schrittmacher_testkit::pair::{ADDRESSES, LATENCY};
use schrittmacher_testkit::program::Program;
use schrittmacher_testkit::settings;
use schrittmacher_testkit::story::Story;

const MEMBERS: usize = 2;
/// Between two events: while the first one has its effects, and after them.
const GAPS: [Duration; 2] = [Duration::from_millis(300), Duration::from_secs(15)];
/// Every timeout of the settings, one after the other.
const REST: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(100);

/// Side 0 is the one that is hot at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Happening {
    AppEnds(usize, usize),
    AppStarts(usize, usize),
    LinkCut,
    LinkHealed,
    FileBroken(usize),
    FileMended(usize),
    Failover,
    Takeover,
    DaemonKilled(usize),
    DaemonStarted(usize),
    /// SIGTERM.
    DaemonStopped(usize),
    /// Clients do not reach this side.
    CutOff(usize),
    Reconnected(usize),
    /// By an operator, on both sides.
    Frozen,
    Thawed,
}

fn happenings() -> Vec<Happening> {
    use Happening::{
        AppEnds, AppStarts, CutOff, DaemonKilled, DaemonStarted, DaemonStopped, Failover, FileBroken,
        FileMended, Frozen, LinkCut, LinkHealed, Reconnected, Takeover, Thawed,
    };
    let apps = (0..2).flat_map(|side| {
        (0..MEMBERS).flat_map(move |member| [AppEnds(side, member), AppStarts(side, member)])
    });
    let daemons = (0..2).flat_map(|side| {
        let file = [FileBroken(side), FileMended(side)];
        let daemon = [DaemonKilled(side), DaemonStarted(side), DaemonStopped(side)];
        file.into_iter().chain(daemon).chain([CutOff(side), Reconnected(side)])
    });
    apps.chain(daemons).chain([LinkCut, LinkHealed, Failover, Takeover, Frozen, Thawed]).collect()
}

struct Pair {
    world: World<Program, Story>,
    hot: usize,
    held: [bool; 2],
    cut_off: [bool; 2],
    /// Out of a settled pair, and no order since: who served then.
    frozen: Option<[[bool; MEMBERS]; 2]>,
    /// Both sides may serve, rightly or for a moment.
    was_apart: bool,
}

impl Pair {
    fn settled() -> Pair {
        let nodes = [0, 1].map(|side| {
            let [local, remote] = [ADDRESSES[side], ADDRESSES[1 - side]].map(Into::into);
            let settings = Settings { local, remote, hold_back: Duration::ZERO, ..settings(0) };
            let node =
                Node::new(Program::ours(settings), Report::Standby, Duration::ZERO, Durations::default());
            vec![node; MEMBERS]
        });
        let mut world = World::new(nodes, Link::new(LATENCY), 0, Story::default());
        world.make_set();
        (0..2).for_each(|side| world.start_daemon(side));
        world.run_until(Duration::from_secs(20));
        let hot = usize::from(world.hosts()[0].nodes[0].daemon().state() != StateName::Hot);
        let pair = Pair { world, hot, held: [false; 2], cut_off: [false; 2], frozen: None, was_apart: false };
        assert!(pair.is_settled());
        pair
    }

    /// The side as the world counts it.
    fn side(&self, side: usize) -> usize {
        if side == 0 { self.hot } else { 1 - self.hot }
    }

    fn strike(&mut self, happening: Happening) {
        match happening {
            Happening::AppEnds(side, member) => self.world.kill_app(self.side(side), member),
            Happening::AppStarts(side, member) => {
                let side = self.side(side);
                if !self.world.hosts()[side].nodes[member].app().is_fit() {
                    self.world.start_app(side, member, Report::Standby, Duration::ZERO);
                }
            }
            Happening::LinkCut | Happening::LinkHealed => {
                self.world.link.set_cut(happening == Happening::LinkCut);
                self.was_apart = true;
            }
            Happening::FileBroken(side) => self.hold(self.side(side), true),
            Happening::FileMended(side) => self.hold(self.side(side), false),
            Happening::Failover => self.order(self.hot, Event::Failover { force: false }),
            Happening::Takeover => self.order(1 - self.hot, Event::Takeover { force: false }),
            Happening::DaemonStopped(side) => {
                // The other side may be unable to take over, and be so no longer when this daemon has ended.
                self.was_apart |= !self.works();
                self.order(self.side(side), Event::Shutdown);
            }
            Happening::CutOff(side) => self.cut_off(self.side(side), true),
            Happening::Reconnected(side) => self.cut_off(self.side(side), false),
            Happening::Frozen => {
                let serving = [0, 1].map(|side| std::array::from_fn(|member| self.serves(side, member)));
                self.frozen = self.is_settled().then_some(serving);
                (0..2).for_each(|side| self.give_all(side, Event::Freeze(true)));
            }
            Happening::Thawed => self.thaw(),
            // A killed daemon leaves its applications as they are.
            Happening::DaemonKilled(side) => {
                self.world.kill_daemon(self.side(side));
                self.was_apart = true;
            }
            Happening::DaemonStarted(side) => self.world.start_daemon(self.side(side)),
        }
    }

    fn hold(&mut self, side: usize, held: bool) {
        self.held[side] = held;
        for member in 0..MEMBERS {
            self.world.change(side, member, |now, node| {
                let Program::Ours(ours) = node.daemon_mut() else { return };
                let settings = Settings { held, ..ours.resource().settings().clone() };
                ours.set_settings(now, settings);
            });
        }
    }

    fn give_all(&mut self, side: usize, event: Event) {
        (0..MEMBERS).for_each(|member| self.world.give(side, member, event));
    }

    fn order(&mut self, side: usize, event: Event) {
        self.frozen = None;
        self.give_all(side, event);
    }

    fn cut_off(&mut self, side: usize, cut_off: bool) {
        self.cut_off[side] = cut_off;
        self.world.set_cut_off(side, cut_off);
    }

    fn thaw(&mut self) {
        self.frozen = None;
        (0..2).for_each(|side| self.give_all(side, Event::Freeze(false)));
    }

    fn works(&self) -> bool {
        let machine = |node: &Node<Program>| node.daemon().resource().map(|one| one.machine().frozen);
        let nodes = self.world.hosts().iter().flat_map(|host| &host.nodes);
        nodes.clone().all(|node| node.app().is_fit() && node.is_up() && machine(node) == Some(false))
            && !self.held.contains(&true)
            && !self.cut_off.contains(&true)
    }

    /// An operator mends the link and the daemons, and ends a freeze. A daemon that was told to end has ended before.
    fn mend(&mut self) -> Result<(), String> {
        self.world.link.set_cut(false);
        self.thaw();
        let ends = |node: &Node<Program>| {
            node.is_up() && node.daemon().resource().is_some_and(|one| one.machine().ending != Ending::No)
        };
        if self.world.hosts().iter().flat_map(|host| &host.nodes).any(ends) {
            self.run(REST)?;
        }
        (0..2).for_each(|side| self.world.start_daemon(side));
        Ok(())
    }

    fn run(&mut self, time: Duration) -> Result<(), String> {
        let end = self.world.now() + time;
        while self.world.now() < end {
            self.world.run_until((self.world.now() + LOOK).min(end));
            let twice = (0..MEMBERS).find(|member| (0..2).all(|side| self.serves(side, *member)));
            if let Some(member) = twice.filter(|_| !self.was_apart) {
                return Err(format!("member {member} is served twice"));
            }
            let is_new = |side: usize, member: usize| {
                self.frozen.is_some_and(|served| !served[side][member] && self.serves(side, member))
            };
            if (0..2).any(|side| (0..MEMBERS).any(|member| is_new(side, member))) {
                return Err("P12: a frozen set has moved".to_owned());
            }
        }
        Ok(())
    }

    fn serves(&self, side: usize, member: usize) -> bool {
        self.world.hosts()[side].nodes[member].app().is_serving()
    }

    fn may_serve(&self, side: usize, member: usize) -> bool {
        self.world.hosts()[side].nodes[member].app().is_fit() && !self.held[side]
    }

    /// P13.
    fn is_settled(&self) -> bool {
        let all = |side: usize, so: fn(&Pair, usize, usize) -> bool| {
            (0..MEMBERS).all(|member| so(self, side, member))
        };
        let any = |side: usize, so: fn(&Pair, usize, usize) -> bool| {
            (0..MEMBERS).any(|member| so(self, side, member))
        };
        let hot = |pair: &Pair, side: usize, member: usize| {
            let node = &pair.world.hosts()[side].nodes[member];
            pair.serves(side, member)
                && node.daemon().state() == StateName::Hot
                && node.commands().interface_is_up()
        };
        let out = |pair: &Pair, side: usize, member: usize| {
            !pair.serves(side, member) && !pair.world.hosts()[side].nodes[member].commands().interface_is_up()
        };
        let can = |pair: &Pair, side: usize, member: usize| {
            !pair.cut_off[side] && (pair.may_serve(side, member) || pair.serves(side, member))
        };
        let whole = [0, 1].map(|side| all(side, can));
        (0..2).any(|side| {
            let other_rests = all(1 - side, out);
            if whole.contains(&true) {
                whole[side] && all(side, hot) && other_rests
            } else {
                let nothing_can = !any(0, Pair::may_serve) && !any(1, Pair::may_serve);
                other_rests && (any(side, hot) || nothing_can)
            }
        })
    }
}

fn try_sequence(sequence: &[(Happening, Duration)]) -> Result<(), String> {
    let mut pair = Pair::settled();
    let mut run = || {
        for (happening, gap) in sequence {
            pair.strike(*happening);
            pair.run(*gap)?;
        }
        pair.mend()?;
        pair.run(REST)?;
        if pair.is_settled() { Ok(()) } else { Err("P13: not settled".to_owned()) }
    };
    run().map_err(|what| format!("{what}: {sequence:?}\n{}", pair.world.watch))
}

#[test]
fn a_set_settles_after_every_sequence_of_events_and_no_member_is_served_twice() {
    let length = std::env::var("LENGTH").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    let steps: Vec<(Happening, Duration)> =
        happenings().into_iter().flat_map(|happening| GAPS.map(|gap| (happening, gap))).collect();
    let mut sequences: Vec<Vec<(Happening, Duration)>> = vec![Vec::new()];
    for at in 0..length {
        // The last gap is the rest.
        let steps = if at + 1 == length { steps.iter().copied().step_by(2).collect() } else { steps.clone() };
        sequences = sequences
            .iter()
            .flat_map(|before| steps.iter().map(move |step| [before.as_slice(), &[*step]].concat()))
            .collect();
    }
    let broken: Vec<String> = sequences.iter().filter_map(|sequence| try_sequence(sequence).err()).collect();
    let names: Vec<&str> = broken.iter().filter_map(|text| text.lines().next()).take(30).collect();
    assert!(broken.is_empty(), "{} of {}: {names:#?}\n{}", broken.len(), sequences.len(), broken[0]);
    println!("{} sequences", sequences.len());
}
