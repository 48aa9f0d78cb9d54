//! The history as a page.

use askama::Template;
use jiff::{Timestamp, Zoned};
use schrittmacher_api::{HistoryEntry, HistoryKind};

use super::wish::is_found;

/// Entries on it.
const ENTRIES: usize = 500;

/// The last entries, newest first.
#[derive(Template)]
#[template(path = "history.html")]
pub(in crate::admin) struct LogPage {
    host: String,
    find: String,
    zone: String,
    lines: Vec<LogLine>,
    more: usize,
    is_known: bool,
}

/// One of them.
pub(super) struct LogLine {
    pub when: String,
    pub resource: String,
    pub class: &'static str,
    pub text: String,
    pub by: Option<String>,
}

impl LogPage {
    /// Those of resources whose name contains `find`; `None`: the history cannot be read.
    pub fn new(host: &str, find: &str, entries: Option<&[HistoryEntry]>, now: &Zoned) -> LogPage {
        let lower = find.to_lowercase();
        let wanted: Vec<_> = entries
            .unwrap_or_default()
            .iter()
            .rev()
            .filter(|entry| is_found(&lower, &entry.resource))
            .collect();
        LogPage {
            host: host.to_owned(),
            find: find.to_owned(),
            zone: now.strftime("%:z").to_string(),
            more: wanted.len().saturating_sub(ENTRIES),
            lines: wanted.into_iter().take(ENTRIES).map(|entry| line(entry, now)).collect(),
            is_known: entries.is_some(),
        }
    }
}

/// An entry in words.
pub(super) fn line(entry: &HistoryEntry, now: &Zoned) -> LogLine {
    let at = entry.time.parse::<Timestamp>().map(|at| at.to_zoned(now.time_zone().clone()));
    LogLine {
        when: at.map_or_else(|_| entry.time.clone(), |at| at.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()),
        resource: entry.resource.clone(),
        class: match entry.kind {
            HistoryKind::State => "state",
            HistoryKind::Service => "service",
            HistoryKind::Order => "order",
        },
        text: entry.text.replacen(" -> ", " → ", 1),
        by: entry.by.clone(),
    }
}
