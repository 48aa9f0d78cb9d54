//! An application under any daemon.

use std::time::Duration;

use schrittmacher_wire::AppCode;

/// The generations of client libraries that behave differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Era {
    /// 1.7 … 1.14: the application beats by itself, here once a second. It has no word for being on its way
    /// and goes on reporting its old state.
    V18,
    /// 1.15 and later: every 1.5 s, with L2HT and L2SB, and at once when something is reached.
    V115,
}

/// The state that an application reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Report {
    Unknown,
    Standby,
    Hot,
}

/// An order of its daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// `start-action`, or SIGUSR1.
    Start,
    /// `stop-action`, or SIGUSR2.
    Stop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Health {
    Fine,
    /// Reports LFAI and does nothing else.
    Failed,
    /// Stopped: reports nothing; signals wait for it.
    Hung {
        start: bool,
        stop: bool,
    },
    Dead,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct App {
    era: Era,
    switching: Duration,
    health: Health,
    state: Report,
    /// Where it is going, and when it will be there.
    going: Option<(Report, Duration)>,
    next_beat: Duration,
    /// The client library gives up a switch that takes more than 30 heartbeats.
    beats_on_the_way: u8,
    /// Follows no order.
    stubborn: bool,
}

const BEATS_ON_THE_WAY: u8 = 30;

impl App {
    /// An application that starts now in `state`; its first report is due at once. It takes `switching` to
    /// follow an order.
    pub fn start(era: Era, state: Report, switching: Duration, now: Duration) -> App {
        App {
            era,
            switching,
            health: Health::Fine,
            state,
            going: None,
            next_beat: now,
            beats_on_the_way: 0,
            stubborn: false,
        }
    }

    /// It gets an order.
    pub fn order(&mut self, now: Duration, order: Order) {
        match &mut self.health {
            Health::Fine if self.stubborn => {}
            Health::Fine => {
                let target = match order {
                    Order::Start => Report::Hot,
                    Order::Stop => Report::Standby,
                };
                if self.going.map_or(self.state, |(going, _)| going) != target {
                    self.going = Some((target, now + self.switching));
                    self.beats_on_the_way = 0;
                }
            }
            Health::Hung { start, stop } => match order {
                Order::Start => *start = true,
                Order::Stop => *stop = true,
            },
            Health::Failed | Health::Dead => {}
        }
    }

    /// Reports LFAI from now on.
    pub fn fail(&mut self, now: Duration) {
        self.health = Health::Failed;
        self.going = None;
        self.next_beat = now;
    }

    /// Stops reporting and following orders, as a process under SIGSTOP.
    pub fn hang(&mut self) {
        self.health = Health::Hung { start: false, stop: false };
    }

    /// Goes on after [`App::hang`]. The signals that waited are handled in the order of their numbers, as
    /// the known application does.
    pub fn resume(&mut self, now: Duration) {
        if let Health::Hung { start, stop } = self.health {
            self.health = Health::Fine;
            self.next_beat = now;
            if start {
                self.order(now, Order::Start);
            }
            if stop {
                self.order(now, Order::Stop);
            }
        }
    }

    /// Goes on reporting what it is, and from now on follows no order, or does again.
    pub fn set_stubborn(&mut self, stubborn: bool) {
        self.stubborn = stubborn;
    }

    /// Ends.
    pub fn kill(&mut self) {
        self.health = Health::Dead;
    }

    /// When [`App::handle`] is due; `None` if it will never say anything again by itself.
    pub fn next_deadline(&self) -> Option<Duration> {
        match self.health {
            Health::Fine => Some(self.going.map_or(self.next_beat, |(_, there)| there.min(self.next_beat))),
            Health::Failed => Some(self.next_beat),
            Health::Hung { .. } | Health::Dead => None,
        }
    }

    /// Time has passed: what it reports now, if anything. Call again until nothing is due.
    pub fn handle(&mut self, now: Duration) -> Option<AppCode> {
        if self.next_deadline().is_none_or(|due| now < due) {
            return None;
        }
        if let Some((target, there)) = self.going
            && now >= there
        {
            self.state = target;
            self.going = None;
            match self.era {
                Era::V115 => return Some(self.code()),
                Era::V18 if now < self.next_beat => return None,
                Era::V18 => {}
            }
        }
        self.next_beat = now + self.period();
        if self.era == Era::V115 && self.going.is_some() {
            self.beats_on_the_way += 1;
            if self.beats_on_the_way > BEATS_ON_THE_WAY {
                self.fail(now + self.period());
            }
        }
        Some(self.code())
    }

    /// Whether it does its work: it has become hot, and has not become standby since.
    pub fn is_serving(&self) -> bool {
        self.state == Report::Hot && self.health == Health::Fine
    }

    /// Whether it is standby, and not on its way to something else.
    pub fn is_standby(&self) -> bool {
        self.state == Report::Standby && self.going.is_none() && self.health == Health::Fine
    }

    /// Whether a process exists.
    pub fn is_alive(&self) -> bool {
        self.health != Health::Dead
    }

    /// How long it takes to follow an order.
    pub fn switching(&self) -> Duration {
        self.switching
    }

    /// Sets how long it takes to follow the next orders.
    pub fn set_switching(&mut self, switching: Duration) {
        self.switching = switching;
    }

    /// The wall clock is set, forward or `back`. The timers of client libraries up to 1.18 go by it. The next
    /// report comes at once, or later by as much.
    pub fn set_clock(&mut self, now: Duration, by: Duration, back: bool) {
        if self.era == Era::V115 {
            self.next_beat =
                if back { self.next_beat + by } else { self.next_beat.saturating_sub(by).max(now) };
        }
    }

    /// Whether it could become hot.
    pub fn is_fit(&self) -> bool {
        self.health == Health::Fine
    }

    fn period(&self) -> Duration {
        match self.era {
            Era::V18 => Duration::from_secs(1),
            Era::V115 => Duration::from_millis(1500),
        }
    }

    fn code(&self) -> AppCode {
        match (self.health, self.going, self.era, self.state) {
            (Health::Failed, ..) => AppCode::Lfai,
            (_, Some((Report::Hot, _)), Era::V115, _) => AppCode::L2ht,
            (_, Some((Report::Standby | Report::Unknown, _)), Era::V115, _) => AppCode::L2sb,
            (_, _, _, Report::Unknown) => AppCode::Lunk,
            (_, _, _, Report::Standby) => AppCode::Lsby,
            (_, _, _, Report::Hot) => AppCode::Lhot,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(f64) -> Duration = Duration::from_secs_f64;

    /// Everything it reports until `end`.
    fn reports(app: &mut App, end: Duration) -> Vec<(f64, &'static str)> {
        let mut all = Vec::new();
        while let Some(now) = app.next_deadline().filter(|due| *due < end) {
            if let Some(code) = app.handle(now) {
                all.push((now.as_secs_f64(), code.as_str()));
            }
        }
        all
    }

    #[test]
    fn an_old_one_reports_what_it_was_while_it_switches() {
        let mut app = App::start(Era::V18, Report::Standby, S(2.5), S(0.0));
        assert_eq!(reports(&mut app, S(1.2)), [(0.0, "LSBY"), (1.0, "LSBY")]);
        app.order(S(1.2), Order::Start);
        assert_eq!(reports(&mut app, S(4.5)), [(2.0, "LSBY"), (3.0, "LSBY"), (4.0, "LHOT")]);
        assert!(app.is_serving());
    }

    #[test]
    fn a_new_one_says_that_it_is_on_its_way_and_at_once_when_it_is_there() {
        let mut app = App::start(Era::V115, Report::Standby, S(2.0), S(0.0));
        assert_eq!(reports(&mut app, S(1.2)), [(0.0, "LSBY")]);
        app.order(S(1.2), Order::Start);
        app.order(S(1.3), Order::Start);
        assert_eq!(
            reports(&mut app, S(4.0)),
            [(1.5, "L2HT"), (3.0, "L2HT"), (3.2, "LHOT")],
            "an order repeated on the way is none"
        );
        app.order(S(4.0), Order::Stop);
        assert!(app.is_serving(), "until it has stopped");
        assert_eq!(reports(&mut app, S(6.5)), [(4.5, "L2SB"), (6.0, "LSBY"), (6.0, "LSBY")]);
    }

    #[test]
    fn a_new_one_gives_up_after_thirty_heartbeats_on_the_way() {
        let mut app = App::start(Era::V115, Report::Standby, S(100.0), S(0.0));
        app.order(S(0.1), Order::Start);
        let all = reports(&mut app, S(50.0));
        assert_eq!(all.iter().filter(|(_, code)| *code == "L2HT").count(), 29 + 1);
        assert_eq!(all.last(), Some(&(49.5, "LFAI")));
    }

    #[test]
    fn signals_wait_for_a_hung_one() {
        let mut app = App::start(Era::V115, Report::Hot, S(0.0), S(0.0));
        app.hang();
        app.order(S(1.0), Order::Stop);
        assert_eq!((app.next_deadline(), app.is_serving()), (None, false));
        app.resume(S(20.0));
        assert_eq!(reports(&mut app, S(21.0)).first(), Some(&(20.0, "LSBY")));
    }

    #[test]
    fn a_failed_one_says_so_and_a_dead_one_nothing() {
        let mut app = App::start(Era::V18, Report::Hot, S(0.0), S(0.0));
        app.fail(S(0.5));
        assert_eq!(reports(&mut app, S(2.0)), [(0.5, "LFAI"), (1.5, "LFAI")]);
        app.kill();
        assert_eq!(app.next_deadline(), None);
    }
}
