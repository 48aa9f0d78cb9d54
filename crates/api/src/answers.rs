//! The answers to questions about history and log, and to reloads and orders.

use serde::{Deserialize, Serialize};

/// What happened to the resources, oldest first; it survives restarts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct HistoryAnswer {
    /// The last ones, ten thousand or so.
    pub entries: Vec<HistoryEntry>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct HistoryEntry {
    /// By the wall clock (RFC 3339).
    pub time: String,
    /// The resource-id; empty if it is about all of them.
    pub resource: String,
    /// What the text is about.
    pub kind: HistoryKind,
    /// The state that this side has entered, if it changed it; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// For people.
    pub text: String,
    /// The giver of an order; `null` otherwise.
    pub by: Option<String>,
}

/// What an entry of the history is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum HistoryKind {
    /// This side has changed its state.
    State,
    /// Which side serves, and how the service is protected.
    Service,
    /// An order, and what became of it.
    Order,
}

/// Which lines of the log are written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LogAnswer {
    /// The least severe level that is written now: debug, info, warning, major or off.
    pub level: String,
    /// `log-level` of the configuration.
    pub configured_level: String,
    /// The other level ends by itself then; `null` if that of the configuration holds.
    pub seconds_left: Option<f64>,
    /// Where the lines go.
    pub places: Vec<LogPlace>,
    /// Lines above the limit of their resource, since the start.
    pub left_out_lines: u64,
}

/// One place to which the lines of the log go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LogPlace {
    /// stderr, file or syslog.
    pub place: String,
    /// Lines for which it had no room, or which it did not take, since the start.
    pub lost_lines: u64,
}

/// The outcome of a reload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReloadAnswer {
    /// The file is in force. If not, nothing has changed.
    pub in_force: bool,
    /// It was only looked at (`dry-run=yes`). Without errors it could be put in force, and that would change the rest.
    #[serde(default)]
    pub dry_run: bool,
    /// What a dry run found, a line each.
    #[serde(default)]
    pub details: Vec<String>,
    /// Resources that are new.
    pub added: Vec<String>,
    /// Resources that are gone.
    pub removed: Vec<String>,
    /// Resources with other settings.
    pub changed: Vec<String>,
    /// Everything that is wrong with the file, if it is not in force.
    pub errors: Vec<Remark>,
    /// Lines that may be meant otherwise.
    pub warnings: Vec<Remark>,
}

/// Something about a place in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Remark {
    /// The file.
    pub file: String,
    /// Counted from 1; `null` if it is about the file as a whole.
    pub line: Option<usize>,
    /// The mistake.
    pub message: String,
    /// How to mend it.
    pub hint: Option<String>,
}

impl std::fmt::Display for Remark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:", self.file)?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}", self.message)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, " ({hint})"))
    }
}

/// The outcome of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OrderAnswer {
    /// The word for scripts.
    pub outcome: OrderWord,
    /// The sentence for people.
    pub message: String,
    /// The same order with `force=yes` would be carried out.
    pub force_helps: bool,
}

/// The possible outcomes of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OrderWord {
    /// The switch has begun.
    Ordered,
    /// The same switch was under way already.
    Joined,
    /// Nothing was done (`dry-run=yes`); the same order without that would be carried out.
    Possible,
    /// Nothing was done, or would be.
    Refused,
    /// There is no such resource.
    NoSuchResource,
}

/// The answer to a request that could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Problem {
    /// The mistake, in words.
    pub error: String,
}
