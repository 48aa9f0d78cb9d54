//! The sum of failure times and failure rates in a year.

use std::time::Duration;

use serde::Serialize;

use super::SimulateArgs;
use super::alarms::{Alarms, Basis, YEAR};
use super::scenario::Outcome;

/// Seconds without service in a year, by cause. Causes are taken as independent and as rare: one is over before
/// the next one comes, but for [`Availability::both_sides`].
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Availability {
    /// The hot side's application ends.
    pub applications: f64,
    /// The hot host is lost.
    pub hosts: f64,
    /// Neither side can serve.
    pub both_sides: f64,
    /// Switches without a cause.
    pub false_alarms: f64,
    /// The part of a year in which somebody serves.
    pub availability: f64,
}

impl Availability {
    /// `each_alarm`: what a false alarm does that the simulation did not see by itself.
    pub fn new(
        args: &SimulateArgs,
        app_ends: &Outcome,
        host_lost: &Outcome,
        alarms: &Alarms,
        each_alarm: &Outcome,
    ) -> Availability {
        let a_year = |mtbf: Duration| if mtbf.is_zero() { 0.0 } else { YEAR / mtbf.as_secs_f64() };
        let [apps, hosts] = [args.app_mtbf, args.host_mtbf].map(a_year);
        // The part of the time in which one given side can't serve.
        let away = (apps * args.app_mttr.as_secs_f64() + hosts * args.host_mttr.as_secs_f64()) / YEAR;
        let applications = apps * app_ends.nobody.mean;
        let hosts = hosts * host_lost.nobody.mean;
        let both_sides = away.min(1.0).powi(2) * YEAR;
        let each = if alarms.basis == Basis::Seen { alarms.nobody } else { each_alarm.nobody.mean };
        let false_alarms = alarms.a_year * each;
        let gone = applications + hosts + both_sides + false_alarms;
        Availability {
            applications,
            hosts,
            both_sides,
            false_alarms,
            availability: 1.0 - (gone / YEAR).min(1.0),
        }
    }

    /// Seconds without service in a year.
    pub fn gone(&self) -> f64 {
        self.applications + self.hosts + self.both_sides + self.false_alarms
    }
}
