//! Round trip and loss between the two daemons, by what their messages tell (`docs/adr/0047-round-trip-and-loss.md`).

use std::time::Duration;

use schrittmacher_protocol::Time;
use schrittmacher_wire::{Echo, Trip};

use crate::admin::snapshot::LinkFacts;

/// Numbers behind the newest one that may still arrive; a later one counts as lost.
const WINDOW: u64 = 64;
/// The recent loss is that of the last messages: as many as this, and up to twice as many.
const RECENT: u64 = 1000;

/// What is known of the way to the peer and back.
#[derive(Debug)]
pub(super) struct Trips {
    /// Times in messages count from here.
    start: Time,
    sent: u64,
    heard: Option<Heard>,
    /// Smoothed as TCP does it (RFC 6298).
    round_trip: Option<Duration>,
    counts: Counts,
    /// The counts at two earlier moments, the older one first.
    marks: [Counts; 2],
}

/// Of one run of the peer.
#[derive(Debug)]
struct Heard {
    run: u64,
    newest: u64,
    /// Which numbers up to the newest have come, or are of no interest; the lowest bit is the newest.
    seen: u64,
    /// The newest one's time, and when it came.
    time: u64,
    at: Time,
}

/// Messages of the peer since this daemon's start.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    sent: u64,
    came: u64,
}

impl Trips {
    pub fn new(now: Time) -> Trips {
        Trips {
            start: now,
            sent: 0,
            heard: None,
            round_trip: None,
            counts: Counts::default(),
            marks: [Counts::default(); 2],
        }
    }

    /// What the next message to the peer tells; it leaves now.
    pub fn next(&mut self, now: Time) -> Trip {
        self.sent += 1;
        Trip { number: self.sent, time: micros(now.since(self.start)), echo: self.echo(now) }
    }

    /// The time of the newest message heard, for a message that leaves now.
    pub fn echo(&self, now: Time) -> Option<Echo> {
        self.heard.as_ref().map(|heard| Echo { time: heard.time, held: micros(now.since(heard.at)) })
    }

    /// The time that the newest message of this run of the peer told, and when it came.
    pub fn newest_of(&self, run: u64) -> Option<(u64, Time)> {
        self.heard.as_ref().filter(|heard| heard.run == run).map(|heard| (heard.time, heard.at))
    }

    /// When we sent the message with this time. `None`: not in this run.
    pub fn sent_at(&self, time: u64, now: Time) -> Option<Time> {
        Some(self.start + Duration::from_micros(time)).filter(|sent| *sent <= now)
    }

    /// Whether a message of this run of the peer is newer than all that have come.
    pub fn is_newest(&self, run: u64, trip: Trip) -> bool {
        self.heard.as_ref().is_none_or(|heard| heard.run != run || trip.number > heard.newest)
    }

    /// A message of this run of the peer has come and counts. Tells whether it has come for the first time.
    pub fn heard(&mut self, run: u64, trip: Trip, now: Time) -> bool {
        // An older one may be a recording.
        if let Some(echo) = trip.echo.filter(|_| self.is_newest(run, trip)) {
            self.measure(echo, now);
        }
        match &mut self.heard {
            Some(heard) if heard.run == run => match trip.number.checked_sub(heard.newest) {
                None | Some(0) => {
                    let behind = heard.newest - trip.number;
                    let bit = if behind < WINDOW { 1 << behind } else { 0 };
                    if bit & !heard.seen == 0 {
                        return false;
                    }
                    heard.seen |= bit;
                    self.counts.came += 1;
                }
                Some(more) => {
                    let shift = u32::try_from(more).unwrap_or(u32::MAX);
                    heard.seen = heard.seen.checked_shl(shift).unwrap_or_default() | 1;
                    (heard.newest, heard.time, heard.at) = (trip.number, trip.time, now);
                    self.counts.sent = self.counts.sent.saturating_add(more);
                    self.counts.came += 1;
                }
            },
            // What was sent before we heard the first one is not known.
            _ => {
                self.heard =
                    Some(Heard { run, newest: trip.number, seen: u64::MAX, time: trip.time, at: now });
                self.counts.sent = self.counts.sent.saturating_add(1);
                self.counts.came += 1;
            }
        }
        if self.counts.sent.saturating_sub(self.marks[1].sent) >= RECENT {
            self.marks = [self.marks[1], self.counts];
        }
        true
    }

    fn measure(&mut self, echo: Echo, now: Time) {
        let away = micros(now.since(self.start)).checked_sub(echo.time);
        // An echo of another run of ours is nonsense now.
        let Some(away) = away.and_then(|away| away.checked_sub(echo.held)) else { return };
        let away = Duration::from_micros(away);
        self.round_trip = Some(self.round_trip.map_or(away, |before| (before * 7 + away) / 8));
    }

    /// `None` if the peer tells nothing of it.
    pub fn facts(&self) -> Option<LinkFacts> {
        self.heard.as_ref()?;
        let lost = |from: Counts| {
            let sent = self.counts.sent.saturating_sub(from.sent);
            (sent, sent.saturating_sub(self.counts.came.saturating_sub(from.came)))
        };
        let (recently_sent, recently_lost) = lost(self.marks[0]);
        Some(LinkFacts {
            round_trip: self.round_trip,
            sent: self.counts.sent,
            came: self.counts.came,
            recently_sent,
            recently_lost,
        })
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: u64 = 7;

    fn at(ms: u64) -> Time {
        Time::new(Duration::from_millis(ms))
    }

    fn number(number: u64) -> Trip {
        Trip { number, time: 0, echo: None }
    }

    fn after(numbers: &[u64]) -> LinkFacts {
        let mut trips = Trips::new(Time::ZERO);
        for n in numbers {
            trips.heard(RUN, number(*n), at(1));
        }
        trips.facts().unwrap()
    }

    #[test]
    fn the_time_that_the_peer_waits_is_no_part_of_the_round_trip() {
        let (mut here, mut there) = (Trips::new(at(1000)), Trips::new(at(500_000)));
        assert_eq!(here.facts(), None);
        // 3 ms there, 1.9 s in the other daemon, 4 ms back.
        there.heard(RUN, here.next(at(2000)), at(502_003));
        here.heard(RUN, there.next(at(503_903)), at(3907));
        assert_eq!(here.facts().unwrap().round_trip, Some(Duration::from_millis(7)));
        // The next one takes 15 ms: an eighth of the difference counts.
        there.heard(RUN, here.next(at(4000)), at(504_003));
        here.heard(RUN, there.next(at(504_003)), at(4015));
        assert_eq!(here.facts().unwrap().round_trip, Some(Duration::from_millis(8)));
    }

    #[test]
    fn an_echo_that_cannot_be_measures_nothing() {
        let mut trips = Trips::new(at(1000));
        let mut numbers = 1..;
        for echo in [
            Echo { time: u64::MAX, held: 0 },
            Echo { time: 0, held: u64::MAX },
            Echo { time: 1, held: 5_000_000 },
        ] {
            let trip = Trip { echo: Some(echo), ..number(numbers.next().unwrap()) };
            trips.heard(RUN, trip, at(1100));
        }
        // Nor does a recording.
        trips.heard(RUN, Trip { echo: Some(Echo { time: 0, held: 0 }), ..number(2) }, at(9000));
        assert_eq!(trips.facts().unwrap().round_trip, None);
    }

    #[test]
    fn a_gap_is_a_loss_and_what_comes_late_or_twice_is_none() {
        for (numbers, sent, lost) in [
            (&[5_u64, 6, 7][..], 3, 0),
            (&[5, 8], 4, 2),
            (&[5, 8, 7], 4, 1),
            (&[5, 8, 7, 7, 8, 8, 5, 6], 4, 0),
            // Before the first one that was heard.
            (&[5, 3], 1, 0),
            (&[1, 200, 100], 200, 198),
        ] {
            let facts = after(numbers);
            assert_eq!((facts.sent, facts.sent - facts.came), (sent, lost), "{numbers:?}");
            assert_eq!((facts.recently_sent, facts.recently_lost), (sent, lost), "{numbers:?}");
        }
    }

    #[test]
    fn an_outage_of_the_past_is_not_recent() {
        let numbers: Vec<u64> = [1].into_iter().chain(501..=3500).collect();
        let facts = after(&numbers);
        assert_eq!((facts.sent, facts.came), (3500, 3001));
        assert!((RECENT..=2 * RECENT).contains(&facts.recently_sent), "{facts:?}");
        assert_eq!(facts.recently_lost, 0);
    }

    /// It counts from one again.
    #[test]
    fn a_peer_that_has_restarted_has_lost_nothing() {
        let mut trips = Trips::new(Time::ZERO);
        for (run, n) in [(1, 900), (1, 901), (2, 1), (2, 2)] {
            trips.heard(run, number(n), at(1));
        }
        let facts = trips.facts().unwrap();
        assert_eq!((facts.sent, facts.came), (4, 4));
    }

    /// Its times are those of another clock.
    #[test]
    fn nothing_is_acknowledged_of_an_earlier_run() {
        let mut trips = Trips::new(Time::ZERO);
        assert_eq!(trips.newest_of(1), None);
        trips.heard(1, Trip { time: 77, ..number(1) }, at(1000));
        assert_eq!((trips.newest_of(1), trips.newest_of(2)), (Some((77, at(1000))), None));
    }

    #[test]
    fn nothing_was_sent_after_now() {
        let trips = Trips::new(at(1000));
        assert_eq!(trips.sent_at(500_000, at(1500)), Some(at(1500)));
        for time in [500_001, u64::MAX] {
            assert_eq!(trips.sent_at(time, at(1500)), None);
        }
    }

    #[test]
    fn the_newest_one_has_the_greatest_number_of_its_run() {
        let mut trips = Trips::new(Time::ZERO);
        assert!(trips.is_newest(1, number(5)));
        trips.heard(1, number(5), at(1));
        for (run, n, newest) in [(1, 4, false), (1, 5, false), (1, 6, true), (2, 1, true)] {
            assert_eq!(trips.is_newest(run, number(n)), newest, "{n} of {run}");
        }
    }

    #[test]
    fn a_number_that_no_peer_can_mean_is_no_panic() {
        let facts = after(&[1, u64::MAX, 1, u64::MAX - 63, u64::MAX - 64]);
        assert_eq!((facts.sent, facts.came), (u64::MAX, 3));
    }
}
