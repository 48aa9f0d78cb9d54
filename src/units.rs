//! What the configuration and `--check` have to do with the units of systemd.

use std::time::Duration;

use schrittmacher_config::{LoadError, Loaded, UnitNote};
use schrittmacher_units::{UnitFacts, survey};

/// How long `--check` waits for systemd.
const PATIENCE: Duration = Duration::from_secs(3);

/// A configuration that this program can use: one with a `unit` is refused by a program that cannot speak to systemd.
pub fn usable(loaded: Loaded) -> Result<Loaded, LoadError> {
    if schrittmacher_units::IS_SUPPORTED { Ok(loaded) } else { loaded.without_units() }
}

/// Adds what systemd says of the units, for `--check`.
pub fn ask_systemd(mut loaded: Loaded) -> Loaded {
    let units = loaded.units();
    if units.is_empty() {
        return loaded;
    }
    let notes = match survey(&units, PATIENCE) {
        Ok(facts) => units.iter().zip(&facts).flat_map(|(unit, facts)| notes(unit, facts)).collect(),
        Err(error) => {
            let message = format!("is not known here: {error}");
            vec![note(units[0], message, "the daemon needs the bus of the system, and systemd on it")]
        }
    };
    loaded.note_units(notes);
    loaded
}

fn note(unit: &str, message: impl Into<String>, hint: impl Into<String>) -> UnitNote {
    UnitNote { unit: unit.to_owned(), message: message.into(), hint: hint.into() }
}

/// Why the unit cannot serve, and what starts it behind our back.
fn notes(unit: &str, facts: &UnitFacts) -> Vec<UnitNote> {
    let text = |name: &str| facts.texts.get(name).map_or("", String::as_str);
    let flag = |name: &str| facts.flags.get(name).copied();
    let list = |name: &str| facts.lists.get(name).map(|units| units.join(" ")).unwrap_or_default();
    match text("LoadState") {
        "loaded" => {}
        "not-found" => {
            return vec![note(
                unit,
                "is not found: this side cannot serve",
                "install it, or correct the name",
            )];
        }
        "masked" => {
            let hint = format!("systemctl unmask {unit}");
            return vec![note(unit, "is masked: this side cannot serve", hint)];
        }
        other => {
            let message = format!("cannot be loaded ({other}): this side cannot serve");
            return vec![note(unit, message, format!("systemctl status {unit} says more"))];
        }
    }
    let mut notes = Vec::new();
    let mut add = |message: String, hint: String| notes.push(note(unit, message, hint));
    if matches!(text("UnitFileState"), "enabled" | "enabled-runtime") {
        add(
            "is enabled: systemd starts it at boot, on both sides".to_owned(),
            format!("systemctl disable {unit}; schrittmacher starts it where it is to run"),
        );
    } else {
        let with = ["WantedBy", "RequiredBy", "UpheldBy"].map(list).join(" ");
        if !with.trim().is_empty() {
            add(format!("is started together with {}", with.trim()), "end that dependency".to_owned());
        }
    }
    let triggers = list("TriggeredBy");
    if !triggers.is_empty() {
        add(format!("is started by {triggers}"), format!("systemctl disable --now {triggers}"));
    }
    if text("Type") == "oneshot" && flag("RemainAfterExit") == Some(false) {
        let message = "is of Type=oneshot: it is not active after its start, which counts as a failure";
        add(message.to_owned(), "RemainAfterExit=yes in the unit".to_owned());
    }
    if flag("CanStart") == Some(false) || flag("CanStop") == Some(false) {
        let message = "may be started or stopped as a dependency only: this side cannot serve";
        add(message.to_owned(), "no RefuseManualStart and no RefuseManualStop in the unit".to_owned());
    }
    let restart = text("Restart");
    if !matches!(restart, "" | "no") {
        let message = format!("has Restart={restart}, which has no effect: its first end is a failure");
        add(message, "the other side takes over, and the stop here ends the restart".to_owned());
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(texts: &[(&str, &str)], flags: &[(&str, bool)], lists: &[(&str, &str)]) -> UnitFacts {
        let owned = |text: &&str| (*text).to_owned();
        UnitFacts {
            texts: texts.iter().map(|(name, text)| (owned(name), owned(text))).collect(),
            flags: flags.iter().map(|(name, flag)| (owned(name), *flag)).collect(),
            lists: lists.iter().map(|(name, unit)| (owned(name), vec![owned(unit)])).collect(),
        }
    }

    fn messages(facts: &UnitFacts) -> Vec<String> {
        notes("x.service", facts).into_iter().map(|note| note.message).collect()
    }

    #[test]
    fn what_starts_a_unit_behind_our_back_is_told() {
        let enabled = facts(
            &[
                ("LoadState", "loaded"),
                ("UnitFileState", "enabled"),
                ("Type", "oneshot"),
                ("Restart", "always"),
            ],
            &[("RemainAfterExit", false), ("CanStart", true), ("CanStop", true)],
            &[("WantedBy", "multi-user.target"), ("TriggeredBy", "x.socket")],
        );
        let told = messages(&enabled).join("\n");
        for words in ["is enabled", "is started by x.socket", "is of Type=oneshot", "has Restart=always"] {
            assert!(told.contains(words), "{words}: {told}");
        }
        let wanted = facts(
            &[("LoadState", "loaded"), ("UnitFileState", "static")],
            &[],
            &[("RequiredBy", "y.service")],
        );
        assert_eq!(messages(&wanted), ["is started together with y.service"]);
    }

    #[test]
    fn a_unit_that_cannot_serve_is_told() {
        for (state, words) in
            [("masked", "is masked"), ("not-found", "is not found"), ("bad-setting", "(bad-setting)")]
        {
            let told = messages(&facts(&[("LoadState", state)], &[], &[]));
            assert!(told.len() == 1 && told[0].contains(words), "{told:?}");
        }
        let fine =
            facts(&[("LoadState", "loaded"), ("UnitFileState", "disabled"), ("Restart", "no")], &[], &[]);
        assert!(messages(&fine).is_empty());
    }
}
