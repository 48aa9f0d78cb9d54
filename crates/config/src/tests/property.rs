//! No file makes the reader or the report panic.

use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::keys::KEYS;
use crate::{failure, failure_json, load_text, report, report_json};

fn check(text: &str) {
    let path = Path::new("x.conf");
    match load_text(path, text) {
        Ok(loaded) => {
            assert!(!loaded.config.resources.is_empty());
            for resource in &loaded.config.resources {
                assert!(resource.timeout >= 3 * resource.heartbeat, "{resource:?}");
                assert!((1..=255).contains(&resource.name.len()));
            }
            let json: serde_json::Value = serde_json::from_str(&report_json(&loaded)).unwrap();
            assert_eq!(json["fine"], true);
            assert!(report(&loaded).contains(": fine"));
        }
        Err(error) => {
            let json: serde_json::Value = serde_json::from_str(&failure_json(path, &error)).unwrap();
            let errors = json["errors"].as_array().unwrap();
            assert!((1..=100).contains(&errors.len()));
            assert!(failure(&error).starts_with("x.conf:"));
        }
    }
}

/// Values near those that mean something.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[-+]?[0-9]{0,25}[.,]?[0-9]{0,3}[a-z# ]{0,3}",
        "[-+0-9.]{1,4}e[0-9]{1,3}",
        r"(ipv[46]:)?\[?[0-9a-f:./%]{0,20}\]?",
        select(vec!["yes", "no", "legacy", "strict", "off", "debug", "\"", "127.0.0.2", "127.0.0.3", "r"])
            .prop_map(str::to_owned),
        any::<String>(),
    ]
}

fn line() -> impl Strategy<Value = String> {
    let key = select(KEYS.iter().map(|key| key.name).collect::<Vec<_>>());
    prop_oneof![
        8 => (key, value()).prop_map(|(key, value)| format!("{key} = {value}")),
        1 => select(vec!["group = resource", "[core]", "[resource] =", "end-group", "group = core", "# x", ""])
            .prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

proptest! {
    #[test]
    fn any_text(text in any::<String>()) {
        check(&text);    }

    #[test]
    fn any_lines(lines in vec(line(), 0..40)) {
        check(&lines.join("\n"));    }

    /// The mandatory keys stand; so most cases get as far as a report.
    #[test]
    fn any_value_of_any_one_key(core in line(), resource in line()) {
        check(&super::file(&core, &resource));    }
}
