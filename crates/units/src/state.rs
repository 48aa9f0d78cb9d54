//! The state of a unit, in systemd's words and in ours.

use std::fmt;

/// The state of a unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitState {
    /// `LoadState`.
    pub loading: Loading,
    /// `ActiveState`.
    pub activity: Activity,
    /// `SubState`, in systemd's word: `auto-restart` for example.
    pub sub: String,
    /// `Result` of the unit's kind, in systemd's word: `success`, `exit-code`, `timeout` … Empty until systemd has told it.
    pub result: String,
    /// `UnitFileState`, in systemd's word: `enabled` for example. systemd tells of no change; read again with the rest.
    pub file: String,
}

/// Whether systemd could read the unit's file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Loading {
    /// It could.
    #[default]
    Loaded,
    /// It was told to know no such unit (`systemctl mask`).
    Masked,
    /// There is no file.
    NotFound,
    /// In systemd's word, `bad-setting` for example.
    Other(String),
}

/// What a unit does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activity {
    /// Nothing.
    #[default]
    Inactive,
    /// Nothing, and it ended by a failure.
    Failed,
    /// It is being started, or waits until systemd starts it again (`auto-restart`).
    Activating,
    /// It serves; a reload does not change that.
    Active,
    /// It is being stopped.
    Deactivating,
    /// A word that this version does not know.
    Unknown,
}

impl Loading {
    /// From systemd's word.
    #[must_use]
    pub fn parse(word: &str) -> Loading {
        match word {
            "loaded" | "merged" => Loading::Loaded,
            "masked" => Loading::Masked,
            "not-found" => Loading::NotFound,
            other => Loading::Other(other.to_owned()),
        }
    }
}

impl Activity {
    /// From systemd's word.
    #[must_use]
    pub fn parse(word: &str) -> Activity {
        match word {
            "active" | "reloading" | "refreshing" => Activity::Active,
            "inactive" | "maintenance" => Activity::Inactive,
            "failed" => Activity::Failed,
            "activating" => Activity::Activating,
            "deactivating" => Activity::Deactivating,
            _ => Activity::Unknown,
        }
    }
}

impl UnitState {
    /// Why the unit cannot be started, if that is known.
    #[must_use]
    pub fn obstacle(&self) -> Option<String> {
        match &self.loading {
            Loading::Loaded => None,
            Loading::Masked => Some("is masked".to_owned()),
            Loading::NotFound => Some("is not found".to_owned()),
            Loading::Other(word) => Some(format!("cannot be loaded ({word})")),
        }
    }

    /// Whether systemd starts it at boot.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        matches!(self.file.as_str(), "enabled" | "enabled-runtime")
    }
}

/// As `is active (running)` or `is failed (exit-code)`.
impl fmt::Display for UnitState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(obstacle) = self.obstacle() {
            return f.write_str(&obstacle);
        }
        let (word, detail) = match self.activity {
            Activity::Inactive => ("inactive", self.sub.as_str()),
            Activity::Failed => ("failed", self.result.as_str()),
            Activity::Activating => ("activating", self.sub.as_str()),
            Activity::Active => ("active", self.sub.as_str()),
            Activity::Deactivating => ("deactivating", self.sub.as_str()),
            Activity::Unknown => ("in an unknown state", self.sub.as_str()),
        };
        write!(f, "is {word}")?;
        if detail.is_empty() { Ok(()) } else { write!(f, " ({detail})") }
    }
}
