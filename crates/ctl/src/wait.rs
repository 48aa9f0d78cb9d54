//! `failover --wait` and `takeover --wait`: the stages of an ordered switch, as the daemon's story tells them, until it is over.

use std::thread;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use schrittmacher_protocol::{StateName, Time};
use serde_json::{Value, json};

use super::order::{Orders, Target};
use super::source::Source;
use super::story::Teller;
use super::{CtlError, Output, ask};
use schrittmacher_api::OrderWord;
use schrittmacher_record::{Fact, FactKind, Header, ResourceRecord};
use schrittmacher_text::{exit_code, span};

/// Between two looks. The daemon gives ten records a second.
const LOOK_AGAIN: Duration = Duration::from_millis(120);

/// The end of a switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The side that was meant is hot, since this time.
    Hot(Time),
    /// The service is where it was.
    CameBack(Time),
    /// Neither within the limit.
    NotOver,
}

/// The limits of a wait.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    /// The wait ends after this time.
    pub limit: Duration,
    /// The opposite is ordered after this time.
    pub undo_after: Option<Duration>,
}

/// A switch under observation. It begins before the order is given.
pub(super) struct Watch<'a> {
    orders: &'a Orders<'a>,
    name: &'a str,
    /// Facts up to this time are older than the order.
    after: Time,
    /// How many newer ones have been shown.
    shown: usize,
    stages: Vec<Value>,
}

impl<'a> Watch<'a> {
    pub fn begin(orders: &'a Orders<'a>, name: &'a str) -> Result<Watch<'a>, CtlError> {
        let (header, _) = look(orders, name)?;
        Ok(Watch { orders, name, after: header.clock, shown: 0, stages: Vec::new() })
    }

    /// Shows each stage when it is known, then the result. Returns the exit status.
    pub fn finish(mut self, patience: Patience, output: &mut Output<'_>) -> Result<u8, CtlError> {
        let begin = Instant::now();
        let mut undone = None;
        let end = loop {
            let (header, record) = look(self.orders, self.name)?;
            self.show(&header, &record, output);
            let news: Vec<Fact> = self.news(&record).cloned().collect();
            match over(&news, self.orders.target) {
                End::NotOver => {}
                end @ (End::Hot(_) | End::CameBack(_)) => break end,
            }
            let waited = begin.elapsed();
            if undone.is_none() && patience.undo_after.is_some_and(|after| waited >= after) {
                let order = self.orders.give_one(self.orders.target.opposite(), self.name, true)?;
                if matches!(order.value.outcome, OrderWord::Ordered | OrderWord::Joined) {
                    undone = Some(waited);
                }
            }
            // An undone switch gets the whole time once more.
            if waited >= patience.limit + undone.unwrap_or_default() {
                break End::NotOver;
            }
            thread::sleep(LOOK_AGAIN);
        };
        Ok(self.conclude(end, undone.is_some(), output))
    }

    fn news<'b>(&self, record: &'b ResourceRecord) -> impl Iterator<Item = &'b Fact> {
        let after = self.after;
        record.facts.iter().filter(move |fact| fact.at > after)
    }

    fn show(&mut self, header: &Header, record: &ResourceRecord, output: &mut Output<'_>) {
        let mut teller = Teller::begin(record);
        let told: Vec<_> = record.facts.iter().map(|fact| (fact.at, teller.tell(fact))).collect();
        let zone = TimeZone::system();
        for (at, text) in told.into_iter().filter(|(at, _)| *at > self.after).skip(self.shown) {
            self.shown += 1;
            let time = header.time_of_day(at);
            if self.orders.json {
                let seconds = at.since(self.after).as_secs_f64();
                self.stages.push(json!({ "time": time.to_string(), "seconds": seconds, "what": text }));
            } else {
                let time = time.to_zoned(zone.clone()).strftime("%H:%M:%S%.3f");
                output.line(&format_args!("{time}  {text}"));
                output.flush();
            }
        }
    }

    fn conclude(self, end: End, undone: bool, output: &mut Output<'_>) -> u8 {
        let (status, outcome, text) = match end {
            End::Hot(at) => (exit_code::OK, "hot", format!("done in {}", span(at.since(self.after)))),
            End::CameBack(at) => {
                let why = if undone { "undone (--undo-after)" } else { "NOT SWITCHED" };
                let after = span(at.since(self.after));
                (
                    exit_code::CAME_BACK,
                    "came-back",
                    format!("{why}: after {after} the service is hot where it was"),
                )
            }
            End::NotOver => {
                let text = "NOT OVER: the side that was meant is not hot, and the service has not come back; \
                            see `schrittmacherctl status`";
                (exit_code::NOT_OVER, "not-over", text.to_owned())
            }
        };
        if self.orders.json {
            let seconds = match end {
                End::Hot(at) | End::CameBack(at) => Some(at.since(self.after).as_secs_f64()),
                End::NotOver => None,
            };
            output.line(&json!({
                "resource": self.name, "outcome": outcome, "message": text, "undone": undone,
                "seconds": seconds, "stages": self.stages,
            }));
        } else {
            output.line(&text);
        }
        status
    }
}

/// The resource's record now.
fn look(orders: &Orders<'_>, name: &str) -> Result<(Header, ResourceRecord), CtlError> {
    let answer = ask::record(orders.daemon, &[name.to_owned()])?;
    let mut source = Source::new("the daemon's answer".into(), answer)?;
    let record = source.next()?.ok_or_else(|| source.missing(name))?;
    Ok((source.header().clone(), record))
}

/// Whether the facts since the order end it.
fn over(news: &[Fact], target: Target) -> End {
    let mut ends = news.iter().filter_map(|fact| {
        let here = match fact.what {
            FactKind::State { to: StateName::Hot, .. } => true,
            FactKind::Peer { state: Some(StateName::Hot), .. } => false,
            FactKind::State { .. }
            | FactKind::Peer { .. }
            | FactKind::Command { .. }
            | FactKind::Order { .. } => {
                return None;
            }
        };
        Some(match (here, target) {
            (true, Target::Takeover) | (false, Target::Failover) => End::Hot(fact.at),
            (true, Target::Failover) | (false, Target::Takeover) => End::CameBack(fact.at),
        })
    });
    ends.next_back().unwrap_or(End::NotOver)
}

#[cfg(test)]
mod tests {
    use schrittmacher_protocol::StateName::{Hot, Releasing, Standby, ToHot};

    use super::*;

    fn at(ms: u64) -> Time {
        Time::new(Duration::from_millis(ms))
    }

    fn here(ms: u64, from: StateName, to: StateName) -> Fact {
        let what = FactKind::State { from, to, lasted: Duration::ZERO, why: String::new(), reason: None };
        Fact { at: at(ms), what }
    }

    fn there(ms: u64, state: StateName) -> Fact {
        Fact { at: at(ms), what: FactKind::Peer { state: Some(state), reason: None } }
    }

    #[test]
    fn a_switch_is_over_when_a_side_is_hot_and_not_before() {
        let released = [here(10, Hot, Releasing), here(20, Releasing, Standby), there(25, ToHot)];
        assert_eq!(over(&released, Target::Failover), End::NotOver);
        let done = [&released[..], &[there(40, Hot)]].concat();
        assert_eq!(over(&done, Target::Failover), End::Hot(at(40)));
        let back = [&released[..], &[there(30, StateName::Failed), here(31, Standby, ToHot)]].concat();
        assert_eq!(over(&back, Target::Failover), End::NotOver, "on its way back");
        let back = [&back[..], &[here(50, ToHot, Hot)]].concat();
        assert_eq!(over(&back, Target::Failover), End::CameBack(at(50)));
        assert_eq!(over(&back, Target::Takeover), End::Hot(at(50)));
    }
}
