//! The invariants, for any orders and any commands.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

#[derive(Clone, Copy, Debug)]
enum Input {
    CommandKind(CommandKind),
    Urgent,
    Barrier,
    /// The command of the lane ends, if one runs.
    End(Lane, bool),
    Wait(u64),
}

fn input() -> impl Strategy<Value = Input> {
    let lane = prop_oneof![Just(Lane::Interface), Just(Lane::Application)];
    prop_oneof![
        4 => prop::sample::select(&[Activate, Start, Stop, Deactivate][..]).prop_map(Input::CommandKind),
        1 => Just(Input::Urgent),
        1 => Just(Input::Barrier),
        4 => (lane, any::<bool>()).prop_map(|(lane, success)| Input::End(lane, success)),
        3 => (1..40_000_u64).prop_map(Input::Wait),
    ]
}

/// A queue and a world that obeys it, with the checks that hold at every step.
struct World {
    queue: CommandQueue,
    now: Time,
    running: [Option<(CommandKind, Time)>; 2],
    last_ordered: [Option<CommandKind>; 2],
    barrier: bool,
    orders: u32,
    /// The last change of mind about the interface, until the command for it was tried.
    interface_untried: Option<u32>,
    /// The oldest `start` that may wait.
    start: Option<u32>,
}

impl World {
    fn input(&mut self, input: Input) {
        match input {
            Input::CommandKind(order) => self.order(order, false),
            Input::Urgent => self.order(Deactivate, true),
            Input::Barrier => {
                self.queue.barrier();
                self.barrier = true;
            }
            Input::End(lane, success) => {
                self.end(lane, success);
            }
            Input::Wait(milliseconds) => self.wait(Duration::from_millis(milliseconds)),
        }
        self.carry_out();
    }

    fn end(&mut self, lane: Lane, success: bool) -> Option<CommandKind> {
        let order = self.over(lane)?;
        self.queue.ended(order, if success { Verdict::Success } else { Verdict::Broken }, self.now);
        Some(order)
    }

    fn over(&mut self, lane: Lane) -> Option<CommandKind> {
        let (order, _) = self.running[lane as usize].take()?;
        if Some(order) == self.last_ordered[Lane::Interface as usize] {
            self.interface_untried = None;
        }
        Some(order)
    }

    fn order(&mut self, order: CommandKind, urgent: bool) {
        self.queue.order(order, urgent, self.now);
        if order == Announce {
            return;
        }
        self.orders += 1;
        let last = self.last_ordered[order.lane() as usize].replace(order);
        match order.lane() {
            Lane::Interface if last != Some(order) => self.interface_untried = Some(self.orders),
            Lane::Application if last != Some(order) || self.start.is_none() => {
                self.start = Some(self.orders);
            }
            Lane::Interface | Lane::Application | Lane::Check => {}
        }
    }

    /// Lets time pass, stopping at every deadline as the event loop does.
    fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(deadline) = self.queue.next_deadline().filter(|deadline| *deadline <= end) {
            assert!(deadline > self.now, "the loop would spin: {:?}", self.queue);
            self.now = deadline;
            self.carry_out();
        }
        self.now = end;
    }

    fn carry_out(&mut self) {
        for turn in 0.. {
            assert!(turn < 10, "no end of steps: {:?}", self.queue);
            let Some(step) = self.queue.next(self.now, true) else { break };
            match step {
                QueueStep::Begin(order) => self.begin(order),
                QueueStep::Terminate { lane, late } => {
                    let (order, begun) = self.running[lane as usize].expect("something to terminate");
                    assert_eq!(
                        late,
                        self.now.since(begun) >= limit(order),
                        "late exactly from its timeout on"
                    );
                }
                QueueStep::Kill(lane) => assert!(self.running[lane as usize].is_some()),
                QueueStep::Abandon(lane) => {
                    let (order, begun) = self.running[lane as usize].expect("something to abandon");
                    self.over(lane);
                    assert!(self.now.since(begun) <= limit(order) + Duration::from_secs(4));
                }
                QueueStep::Released => {
                    assert!(std::mem::take(&mut self.barrier), "a barrier is reached once");
                }
            }
        }
    }

    fn begin(&mut self, order: CommandKind) {
        let lane = order.lane() as usize;
        assert_eq!(self.running[lane], None, "two commands of a lane at once");
        let ordered = if order == Announce { Activate } else { order };
        assert_eq!(self.last_ordered[lane], Some(ordered), "an order that was taken back");
        if order == Start {
            let start = self.start.take();
            let untried = self.interface_untried.filter(|_| self.running[Lane::Interface as usize].is_some());
            assert!(untried.is_none_or(|place| Some(place) > start), "start before the interface");
        }
        self.running[lane] = Some((order, self.now));
    }
}

fn limit(order: CommandKind) -> Duration {
    match order.lane() {
        Lane::Interface => limits().interface_timeout,
        Lane::Application => limits().action_timeout,
        Lane::Check => unreachable!("there are no checks"),
    }
}

fn world() -> World {
    World {
        queue: CommandQueue::new(limits()),
        now: Time::ZERO,
        running: [None; 2],
        last_ordered: [None; 2],
        barrier: false,
        orders: 0,
        interface_untried: None,
        start: None,
    }
}

proptest! {
    #[test]
    fn order_holds_and_every_barrier_is_reached(inputs in vec(input(), 0..60)) {
        let mut world = world();
        for input in inputs {
            world.input(input);
        }
        // Nothing ends by itself any more: every command is driven to its timeout and given up.
        world.wait(Duration::from_secs(200));
        prop_assert!(!world.barrier, "barrier not reached: {:?}", world.queue);
        prop_assert_eq!(world.queue.running(Lane::Application), None);
    }

    /// After any history, the last wish is the last to run, as soon as commands succeed again.
    #[test]
    fn last_wish_wins(inputs in vec(input(), 0..60), up in any::<bool>(), urgent in any::<bool>()) {
        let mut world = world();
        for input in inputs {
            world.input(input);
        }
        world.wait(Duration::from_secs(100));
        let (first, second) = if up { (Activate, Start) } else { (Stop, Deactivate) };
        world.order(first, urgent);
        world.order(second, urgent);
        world.carry_out();
        let mut last = [None; 2];
        for _ in 0..20 {
            for lane in [Lane::Interface, Lane::Application] {
                let ended = world.end(lane, true).filter(|order| *order != Announce);
                last[lane as usize] = ended.or(last[lane as usize]);
            }
            world.carry_out();
            // Long enough for any pause in 20 turns, and shorter than any timeout.
            world.wait(Duration::from_secs(3));
        }
        prop_assert_eq!(world.queue.next_deadline(), None);
        let application = if up { Start } else { Stop };
        prop_assert_eq!(last[Lane::Application as usize], Some(application));
        let interface = if up { Activate } else { Deactivate };
        // It need not run again if it has succeeded before.
        prop_assert!(last[Lane::Interface as usize].is_none_or(|order| order == interface));
    }
}
