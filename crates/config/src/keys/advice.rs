//! Finds a key by its name. A name that is no key gets a hint.

use super::{KEYS, Key};
use crate::document::GroupKind;

/// Finds a key by its exact name.
pub(crate) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().copied().find(|key| key.name == name)
}

/// How alike two names must be to count as one misspelt, 0 … 1.
const LIKENESS_MIN: f64 = 0.8;

/// Advice on `name`, which is no key of a group of this kind; empty if there is none.
pub(crate) fn advice(name: &str, kind: GroupKind) -> String {
    if let Some(key) = find(name) {
        return format!("it belongs into a `{}` group", key.place);
    }
    if let Some((_, advice)) = RETIRED.iter().find(|(retired, _)| *retired == name) {
        return (*advice).to_owned();
    }
    let longest = 2 * KEYS.iter().map(|key| key.name.len()).max().unwrap_or_default();
    if name.len() > longest {
        return String::new();
    }
    let likeness = |key: &&&Key| strsim::jaro_winkler(key.name, name);
    let candidates = KEYS.iter().filter(|key| key.place.allows(kind) && likeness(key) >= LIKENESS_MIN);
    match candidates.max_by(|a, b| likeness(a).total_cmp(&likeness(b))) {
        Some(key) => format!("did you mean `{}`? {}", key.name, key.help),
        None => String::new(),
    }
}

/// Keys that no supported version reads, but that old files have.
const RETIRED: &[(&str, &str)] = &[
    ("public-port", "versions 1.9 to 1.16 read it instead of `port`; 2.0.0 and this one read `port`"),
    ("start", "an example file of version 1.8 had it, no version read it: the key is `start-action`"),
    ("stop", "an example file of version 1.8 had it, no version read it: the key is `stop-action`"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_gets_the_nearest_key_of_its_group() {
        let core = |name| advice(name, GroupKind::Core);
        let resource = |name| advice(name, GroupKind::Resource);
        assert_eq!(
            core("prot"),
            "did you mean `port`? UDP port of the peer link; applications send to the next one"
        );
        assert!(core("htttp-port").starts_with("did you mean `http-port`? "));
        assert!(core("local_address").starts_with("did you mean `local-address`? "));
        assert!(resource("heartbeat-interval").starts_with("did you mean `heartbeat-intervall`? "));
        assert!(resource("start-acton").starts_with("did you mean `start-action`? "));
        assert_eq!(core("xyzzy"), "");
    }

    #[test]
    fn only_keys_that_may_stand_there_are_proposed() {
        assert!(advice("heartbeet", GroupKind::Core).starts_with("did you mean `heartbeat`? "));
        assert!(advice("heartbeet", GroupKind::Resource).starts_with("did you mean `heartbeat-intervall`? "));
    }

    #[test]
    fn a_key_of_the_other_group_is_told_so() {
        assert_eq!(advice("interface-activate", GroupKind::Core), "it belongs into a `resource` group");
        assert_eq!(advice("heartbeat", GroupKind::Resource), "it belongs into a `core` group");
    }

    #[test]
    fn a_retired_key_is_not_mistaken_for_a_slip() {
        assert!(advice("public-port", GroupKind::Core).contains("read `port`"));
        assert!(advice("start", GroupKind::Resource).contains("`start-action`"));
    }

    #[test]
    fn an_endless_name_is_not_compared() {
        assert_eq!(advice(&"port".repeat(1_000_000), GroupKind::Core), "");
    }
}
