//! How a line looks, in the file, on a terminal and in the journal.

use std::time::SystemTime;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use schrittmacher_config::LogTime;
use schrittmacher_text::Escaped;

use super::CORE;

/// One line to come.
#[derive(Debug)]
pub(super) struct Entry {
    /// When it was logged, not when it is written.
    pub at: SystemTime,
    /// How bad it is.
    pub severity: Severity,
    /// `core` or the name of a resource.
    pub section: Box<str>,
    /// The text, not yet escaped.
    pub message: String,
}

/// The legacy levels that we write; MINOR has no counterpart in [`log::Level`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    Debug,
    Info,
    Warning,
    Major,
    Panic,
}

impl From<log::Level> for Severity {
    fn from(level: log::Level) -> Severity {
        match level {
            log::Level::Trace | log::Level::Debug => Severity::Debug,
            log::Level::Info => Severity::Info,
            log::Level::Warn => Severity::Warning,
            log::Level::Error => Severity::Major,
        }
    }
}

impl Severity {
    fn name(self) -> &'static str {
        match self {
            Severity::Debug => "DEBUG",
            Severity::Info => "INFO",
            Severity::Warning => "WARNING",
            Severity::Major => "MAJOR",
            Severity::Panic => "PANIC",
        }
    }

    /// As in sd-daemon(3).
    fn journal_code(self) -> u8 {
        match self {
            Severity::Debug => 7,
            Severity::Info => 6,
            Severity::Warning => 4,
            Severity::Major => 3,
            Severity::Panic => 2,
        }
    }
}

impl Entry {
    /// A line of this module itself.
    pub fn of_core(severity: Severity, message: String) -> Entry {
        Entry { at: SystemTime::now(), severity, section: CORE.into(), message }
    }

    /// The legacy file format (C4): time, level, section, subsection, name, message.
    ///
    /// The subsection was always empty. The name was `schrittmacher` for the program and, never being set, the text of a null
    /// pointer for resources. Scripts that split lines at tabs find them unchanged.
    pub fn file_line(&self, zone: &TimeZone, time: LogTime) -> String {
        let format = match time {
            LogTime::Seconds => "%Y-%m-%d %H:%M:%S %z",
            LogTime::Milliseconds => "%Y-%m-%d %H:%M:%S%.3f %z",
        };
        let name = if &*self.section == CORE { env!("CARGO_PKG_NAME") } else { "(null)" };
        format!(
            "{}\t{}\t{}\t\t{name}\t{}\n",
            local_time(self.at, zone, format),
            self.severity.name(),
            Escaped(&self.section),
            Escaped(&self.message),
        )
    }

    /// For people: without tabs and without columns that never change, but with milliseconds, since the
    /// question at a terminal is how long a switch took. No program reads the legacy's lines there.
    pub fn terminal_line(&self, zone: &TimeZone) -> String {
        let time = local_time(self.at, zone, "%Y-%m-%d %H:%M:%S%.3f %z");
        let severity = self.severity.name();
        format!("{time} {severity} {}: {}\n", Escaped(&self.section), Escaped(&self.message))
    }

    /// For journald, which keeps the time itself.
    pub fn journal_line(&self) -> String {
        let priority = self.severity.journal_code();
        format!("<{priority}>{}: {}\n", Escaped(&self.section), Escaped(&self.message))
    }
}

/// `2026-11-23 03:57:56 +0100`, or as `format` has it.
pub(super) fn local_time(at: SystemTime, zone: &TimeZone, format: &str) -> String {
    let timestamp = Timestamp::try_from(at).unwrap_or(Timestamp::UNIX_EPOCH);
    timestamp.to_zoned(zone.clone()).strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn entry(section: &str, message: &str) -> Entry {
        Entry {
            at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_406_276_999),
            severity: Severity::Info,
            section: section.into(),
            message: message.into(),
        }
    }

    #[test]
    fn file_line_is_the_legacy_one() {
        // Recorded from the legacy program, whose console line differs from its file line by the CR alone.
        assert_eq!(
            entry("r1", "Unknown/eventStart").file_line(&TimeZone::UTC, LogTime::Seconds),
            "2026-11-23 03:57:56 +0000\tINFO\tr1\t\t(null)\tUnknown/eventStart\n"
        );
    }

    /// The columns are the same.
    #[test]
    fn the_time_in_the_file_may_have_milliseconds() {
        assert_eq!(
            entry("r1", "now Hot").file_line(&TimeZone::UTC, LogTime::Milliseconds),
            "2026-11-23 03:57:56.999 +0000\tINFO\tr1\t\t(null)\tnow Hot\n"
        );
    }

    #[test]
    fn core_lines_carry_the_program_as_name_and_the_local_offset() {
        let zone = TimeZone::fixed(jiff::tz::offset(-4).saturating_sub(jiff::Span::new().minutes(30)));
        assert_eq!(
            entry("core", "x").file_line(&zone, LogTime::Seconds),
            "2026-11-22 23:27:56 -0430\tINFO\tcore\t\tschrittmacher\tx\n"
        );
    }

    #[test]
    fn nothing_from_outside_forges_a_line_or_a_column() {
        let line = entry("a\tb", "one\r\ntwo\t\0\x1b[31m\u{85}\u{2028}\u{202e}ü\\")
            .file_line(&TimeZone::UTC, LogTime::Seconds);
        assert!(
            line.ends_with(
                "\ta\\tb\t\t(null)\tone\\r\\ntwo\\t\\u{0}\\u{1b}[31m\\u{85}\\u{2028}\\u{202e}ü\\\n"
            )
        );
        assert_eq!(line.matches('\n').count(), 1);
        assert_eq!(line.matches('\t').count(), 5);
    }

    #[test]
    fn a_forged_priority_stays_text_in_the_journal() {
        assert_eq!(entry("r1", "x\n<2>forged").journal_line(), "<6>r1: x\\n<2>forged\n");
    }

    #[test]
    fn terminal_line_names_time_level_and_section() {
        assert_eq!(
            entry("r1", "now Hot").terminal_line(&TimeZone::UTC),
            "2026-11-23 03:57:56.999 +0000 INFO r1: now Hot\n"
        );
    }

    #[test]
    fn a_time_that_no_calendar_has_is_no_panic() {
        let far = Entry { at: SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 60), ..entry("r1", "x") };
        assert!(far.file_line(&TimeZone::UTC, LogTime::Seconds).starts_with("1970-01-01 00:00:00 +0000\t"));
    }
}
