//! How many lines a section may write: the bound on everything that the outside can provoke (P6, door-6).
//!
//! Warnings about single senders have a limit of their own ([`super::RateLimited`]). This one holds for all lines of
//! a resource, whatever makes it talk.

use std::collections::HashMap;
use std::time::Duration;

use log::Level;
use schrittmacher_protocol::Time;

use super::rate_limit::Suppressed;

/// A switch takes some 15 lines of a resource. An operator who switches to and fro gets all of them.
const LINES_OF_RESOURCE: u32 = 200;
/// A start with all possible warnings takes 120 lines.
const LINES_OF_CORE: u32 = 400;
const INTERVAL: Duration = Duration::from_secs(10);

/// More sections than a daemon has resources; those of removed resources are forgotten beyond that.
const SECTIONS: usize = 4096;

/// The lines of every section.
#[derive(Debug, Default)]
pub(super) struct LineBudgets(HashMap<(Box<str>, Class), LineBudget>);

/// Ordinary lines must not crowd out those about trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Class {
    Ordinary,
    Trouble,
}

/// Lines of one section and class in the present interval.
#[derive(Debug)]
struct LineBudget {
    until: Time,
    used: u32,
    left_out: u64,
}

impl LineBudgets {
    /// `Some` if the line may be written, with what to append to it. Lines for the search of a fault are not counted.
    pub fn pass(&mut self, section: &str, level: Level, now: Time) -> Option<Suppressed> {
        let class = match level {
            Level::Error | Level::Warn => Class::Trouble,
            Level::Info => Class::Ordinary,
            Level::Debug | Level::Trace => return Some(Suppressed(0)),
        };
        if self.0.len() >= SECTIONS {
            self.0.retain(|_, budget| now < budget.until);
        }
        let most = if section == super::CORE { LINES_OF_CORE } else { LINES_OF_RESOURCE };
        let fresh = LineBudget { until: now + INTERVAL, used: 0, left_out: 0 };
        let budget = self.0.entry((section.into(), class)).or_insert(fresh);
        let mut suppressed = 0;
        if now >= budget.until {
            suppressed = budget.left_out;
            *budget = LineBudget { until: now + INTERVAL, used: 0, left_out: 0 };
        }
        if budget.used >= most {
            budget.left_out += 1;
            return None;
        }
        budget.used += 1;
        Some(Suppressed(suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::ZERO + Duration::from_millis(ms)
    }

    #[test]
    fn a_section_that_never_stops_writes_a_bounded_number_of_lines_and_says_how_many_more() {
        let mut budgets = LineBudgets::default();
        let passed = (0..30_000).filter_map(|ms| budgets.pass("noisy", Level::Info, at(ms)));
        let passed: Vec<Suppressed> = passed.collect();
        assert_eq!(passed.len(), 3 * LINES_OF_RESOURCE as usize);
        let left_out: u64 = passed.iter().map(|suppressed| suppressed.0).sum();
        assert_eq!(left_out, 2 * (10_000 - u64::from(LINES_OF_RESOURCE)));
    }

    #[test]
    fn nobody_silences_another_section_or_its_own_trouble() {
        let mut budgets = LineBudgets::default();
        for _ in 0..10_000 {
            budgets.pass("noisy", Level::Info, at(0));
        }
        assert_eq!(budgets.pass("noisy", Level::Info, at(0)), None);
        assert_eq!(budgets.pass("noisy", Level::Error, at(0)), Some(Suppressed(0)));
        assert_eq!(budgets.pass("calm", Level::Info, at(0)), Some(Suppressed(0)));
        assert_eq!(budgets.pass("noisy", Level::Debug, at(0)), Some(Suppressed(0)));
    }

    #[test]
    fn sections_of_the_past_are_forgotten() {
        let mut budgets = LineBudgets::default();
        for name in 0..10 * SECTIONS as u64 {
            budgets.pass(&name.to_string(), Level::Info, at(20 * name));
        }
        assert!(budgets.0.len() <= SECTIONS, "{}", budgets.0.len());
    }
}
