//! The least severe level that is written: that of the configuration, or for some time another one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use log::LevelFilter;

/// The longest time for which another level holds.
pub const OTHER_LEVEL_MAX: Duration = Duration::from_secs(24 * 3600);

/// A clone is the same level.
#[derive(Clone, Debug)]
pub struct LogLevel(Arc<Levels>);

#[derive(Debug)]
struct Levels {
    started: Instant,
    /// A [`LevelFilter`].
    configured: AtomicUsize,
    /// A [`LevelFilter`] in the lowest three bits, above them the millisecond since `started` at which it ends; 0 if there is none. One
    /// word, so that the event loop needs no lock.
    other: AtomicU64,
}

impl LogLevel {
    /// As in the configuration.
    pub fn new(configured: LevelFilter) -> LogLevel {
        LogLevel(Arc::new(Levels {
            started: Instant::now(),
            configured: AtomicUsize::new(configured as usize),
            other: AtomicU64::new(0),
        }))
    }

    /// A new configuration has this one. Another level that holds for some time goes on.
    pub fn configure(&self, configured: LevelFilter) {
        self.0.configured.store(configured as usize, Ordering::Relaxed);
    }

    /// From now on this one for this time, at most [`OTHER_LEVEL_MAX`]. That of the configuration ends another one.
    pub fn set(&self, level: LevelFilter, length: Duration) {
        let ends = self.0.started.elapsed() + length.min(OTHER_LEVEL_MAX);
        let word = if level == self.configured() { 0 } else { (millis(ends) << 3) | level as u64 };
        self.0.other.store(word, Ordering::Relaxed);
        self.tell_macros();
    }

    /// That of the configuration.
    pub fn configured(&self) -> LevelFilter {
        filter(self.0.configured.load(Ordering::Relaxed))
    }

    /// The level that holds for some time, and how long it still does.
    pub fn other(&self) -> Option<(LevelFilter, Duration)> {
        let word = self.0.other.load(Ordering::Relaxed);
        if word == 0 {
            return None;
        }
        let left = Duration::from_millis(word >> 3).saturating_sub(self.0.started.elapsed());
        if left.is_zero() {
            // Unless it was set anew meanwhile.
            let over = self.0.other.compare_exchange(word, 0, Ordering::Relaxed, Ordering::Relaxed);
            if over.is_ok() {
                self.tell_macros();
            }
            return None;
        }
        let level = usize::try_from(word & 7).unwrap_or_default();
        Some((filter(level), left))
    }

    /// The one that holds now.
    pub fn now(&self) -> LevelFilter {
        self.other().map_or_else(|| self.configured(), |(level, _)| level)
    }

    /// The macros of [`log`] let pass what may be written. The finer of both: a call that they keep back could not notice that the
    /// other level is over.
    pub fn tell_macros(&self) {
        let other = filter(usize::try_from(self.0.other.load(Ordering::Relaxed) & 7).unwrap_or_default());
        log::set_max_level(self.configured().max(other));
    }
}

impl Default for LogLevel {
    fn default() -> LogLevel {
        LogLevel::new(LevelFilter::Info)
    }
}

/// A level by its name, as in `log-level`.
pub fn level_named(name: &str) -> Option<LevelFilter> {
    [LevelFilter::Error, LevelFilter::Warn, LevelFilter::Info, LevelFilter::Debug]
        .into_iter()
        .find(|level| level_name(*level) == name)
}

/// Its name.
pub const fn level_name(level: LevelFilter) -> &'static str {
    match level {
        LevelFilter::Off => "off",
        LevelFilter::Error => "major",
        LevelFilter::Warn => "warning",
        LevelFilter::Info => "info",
        LevelFilter::Debug | LevelFilter::Trace => "debug",
    }
}

fn filter(number: usize) -> LevelFilter {
    LevelFilter::iter().nth(number).unwrap_or(LevelFilter::Trace)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX >> 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn another_level_ends_by_itself_and_a_reload_does_not_end_it() {
        let level = LogLevel::new(LevelFilter::Info);
        level.set(LevelFilter::Debug, LONG);
        level.configure(LevelFilter::Warn);
        assert_eq!((level.now(), level.configured()), (LevelFilter::Debug, LevelFilter::Warn));
        let (_, left) = level.other().unwrap();
        assert!(left > LONG - Duration::from_secs(60) && left <= LONG, "{left:?}");
        level.set(LevelFilter::Debug, Duration::ZERO);
        assert_eq!((level.now(), level.other()), (LevelFilter::Warn, None));
    }

    #[test]
    fn the_level_of_the_configuration_ends_another_one_and_no_other_holds_for_ever() {
        let level = LogLevel::new(LevelFilter::Info);
        level.set(LevelFilter::Error, Duration::MAX);
        assert!(
            level.other().is_some_and(|(level, left)| level == LevelFilter::Error && left <= OTHER_LEVEL_MAX)
        );
        level.set(LevelFilter::Info, LONG);
        assert_eq!((level.now(), level.other()), (LevelFilter::Info, None));
    }

    #[test]
    fn levels_have_the_names_of_the_configuration() {
        for name in ["major", "warning", "info", "debug"] {
            assert_eq!(level_named(name).map(level_name), Some(name));
        }
        assert_eq!(level_named("loud"), None);
    }
}
