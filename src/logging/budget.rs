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

/// Above this number of sections, those that have been silent are forgotten.
const SECTIONS: usize = 4096;

/// The lines of every section.
#[derive(Debug)]
pub(super) struct LineBudgets {
    of_sections: HashMap<Box<str>, [LineBudget; CLASSES]>,
    /// The number of sections at which the table is walked next: not for each line of a daemon that has more.
    forget_at: usize,
}

/// Ordinary lines must not crowd out those about trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Ordinary,
    Trouble,
}

const CLASSES: usize = 2;

/// Lines of one section and class in the present interval.
#[derive(Clone, Copy, Debug)]
struct LineBudget {
    until: Time,
    used: u32,
    left_out: u64,
}

impl LineBudget {
    fn begin(now: Time) -> LineBudget {
        LineBudget { until: now + INTERVAL, used: 0, left_out: 0 }
    }

    /// As [`LineBudgets::pass`].
    fn pass(&mut self, most: u32, now: Time) -> Option<Suppressed> {
        let mut suppressed = 0;
        if now >= self.until {
            suppressed = self.left_out;
            *self = LineBudget::begin(now);
        }
        if self.used >= most {
            self.left_out += 1;
            return None;
        }
        self.used += 1;
        Some(Suppressed(suppressed))
    }
}

impl Default for LineBudgets {
    fn default() -> LineBudgets {
        LineBudgets { of_sections: HashMap::new(), forget_at: SECTIONS }
    }
}

impl LineBudgets {
    /// `Some` if the line may be written, with what to append to it. Lines for the search of a fault are not counted.
    pub fn pass(&mut self, section: &str, level: Level, now: Time) -> Option<Suppressed> {
        let class = match level {
            Level::Error | Level::Warn => Class::Trouble,
            Level::Info => Class::Ordinary,
            Level::Debug | Level::Trace => return Some(Suppressed(0)),
        };
        let most = if section == super::CORE { LINES_OF_CORE } else { LINES_OF_RESOURCE };
        // The name is copied once, and not for each line.
        if let Some(budgets) = self.of_sections.get_mut(section) {
            return budgets[class as usize].pass(most, now);
        }
        self.forget(now);
        let mut budgets = [LineBudget::begin(now); CLASSES];
        let passed = budgets[class as usize].pass(most, now);
        self.of_sections.insert(section.into(), budgets);
        passed
    }

    /// Makes room for another section.
    fn forget(&mut self, now: Time) {
        if self.of_sections.len() >= self.forget_at {
            self.of_sections.retain(|_, budgets| budgets.iter().any(|budget| now < budget.until));
            self.forget_at = SECTIONS.max(2 * self.of_sections.len());
        }
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
        assert!(budgets.of_sections.len() <= SECTIONS, "{}", budgets.of_sections.len());
    }

    /// Ten thousand resources that switch at once.
    #[test]
    fn with_more_sections_than_are_forgotten_each_has_its_limit_and_the_table_is_not_walked_for_each_line() {
        let mut budgets = LineBudgets::default();
        for name in 0..=2 * SECTIONS {
            assert!(budgets.pass(&name.to_string(), Level::Info, at(0)).is_some());
        }
        for _ in 1..LINES_OF_RESOURCE {
            assert!(budgets.pass("0", Level::Info, at(1)).is_some());
        }
        assert_eq!(budgets.pass("0", Level::Info, at(1)), None, "the first one is not forgotten");
        assert!(budgets.forget_at > budgets.of_sections.len());
    }
}
