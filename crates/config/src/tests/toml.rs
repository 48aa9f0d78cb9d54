//! TOML means what the legacy format means (C2).

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;

use super::{CORE, RESOURCE};
use crate::diagnostic::{Diagnostic, LoadError};
use crate::keys::KEYS;
use crate::{Config, Loaded, load as load_file, load_text};

fn load(text: &str) -> Result<Loaded, LoadError> {
    load_text(Path::new("x.toml"), text)
}

const TOML_CORE: &str = "[core]\nlocal-address = \"192.0.2.1\"\nremote-address = \"192.0.2.2\"\nport = 7700\nsecurity = \"legacy\"\n";

/// A good file with more lines in `core` and in the resource.
fn file(core: &str, resource: &str) -> String {
    format!("{TOML_CORE}{core}\n[[resource]]\nname = \"r\"\n{resource}\n")
}

fn errors(text: &str) -> Vec<String> {
    match load(text) {
        Err(LoadError::Wrong { errors, .. }) => errors.iter().map(ToString::to_string).collect(),
        other => panic!("expected errors, got {other:?}"),
    }
}

fn config(core: &str, resource: &str) -> Config {
    let loaded = load(&file(core, resource)).unwrap();
    assert_eq!(loaded.warnings, []);
    loaded.config
}

#[test]
fn the_example_is_the_same_in_both_formats() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples");
    let config = |name| load_file(&docs.join(name)).unwrap().config;
    assert_eq!(config("node-a.toml"), config("node-a.conf"));
}

#[test]
fn every_kind_of_value_is_written_as_toml_has_it() {
    let config = config(
        "heartbeat = 0.5\ntimeout = 3\nhttp-port = 0x1e64\nhttp-address = [\"127.0.0.1\", \"192.0.2.1\"]",
        "priority = -7\npreempt = true\nstart-action = '''kill -10 \"$RESOURCE_PID\"'''\nstartup-delay = \"2.5\"",
    );
    assert_eq!(config.core.http_port, Some(7780));
    assert_eq!(config.core.http_address.len(), 2);
    let resource = &config.resources[0];
    assert_eq!((resource.priority, resource.preempt), (-7, true));
    assert_eq!((resource.heartbeat.as_millis(), resource.timeout.as_secs()), (500, 3));
    assert_eq!(resource.start_action.as_deref(), Some("kill -10 \"$RESOURCE_PID\""));
    assert_eq!(resource.startup_delay.as_millis(), 2500);
}

/// Thousands of resources differ by their names alone.
#[test]
fn resources_with_the_same_values_share_them_and_a_change_is_one_of_one_alone() {
    let group = |name: &str, more: &str| format!("[[resource]]\nname = \"{name}\"\n{more}");
    let text = group("a", "") + &group("b", "") + &group("c", "priority = 7\n") + TOML_CORE;
    let mut resources = load(&text).unwrap().config.resources;
    let is_shared = |one: usize, other: usize| Arc::ptr_eq(&resources[one].values, &resources[other].values);
    assert_eq!((is_shared(0, 1), is_shared(1, 2)), (true, false));
    resources[0].priority = 3;
    assert_eq!(resources.iter().map(|one| one.priority).collect::<Vec<_>>(), [3, 0, 7]);
}

#[test]
fn resources_keep_their_order() {
    let text = format!("[[resource]]\nname = \"z\"\n[[resource]]\nname = \"a\"\n{TOML_CORE}");
    let names: Vec<_> =
        load(&text).unwrap().config.resources.into_iter().map(|r| r.name.to_string()).collect();
    assert_eq!(names, ["z", "a"]);
}

/// Mistakes are told with their lines, as in the legacy format, and all at once.
#[test]
fn errors_have_file_line_and_a_hint() {
    let broken = [
        ("", "x.toml: no `core` group (begin it with a line `[core]`)"),
        (TOML_CORE, "x.toml: no `resource` group (begin one with a line `[[resource]]`)"),
        (
            "[core]\nport = 0\n[[resource]]\n",
            "x.toml:2: `port` = \"0\" is no port (a number from 1 to 65534)",
        ),
        ("[core]\nport = 1\n\n[[resource]]\n", "x.toml:4: `name` is missing in this `resource` group ("),
        (
            "[core]\nport = 1\nport = 2\n[[resource]]\n",
            "x.toml:3: duplicate key (is a `[[resource]]` line missing above it?",
        ),
        (
            "[core]\nport = 1\nPort = 2\n[[resource]]\n",
            "is there twice, in different case (remove one of the two)",
        ),
        ("[core]\nport 1\n", "x.toml:2: "),
        (
            "[core]\n[resource]\n",
            "x.toml:2: `resource` is not the kind of table it has to be (begin it with a line `[[resource]]`)",
        ),
        (
            "[[core]]\n[[resource]]\n",
            "x.toml:1: `core` is not the kind of table it has to be (begin it with a line `[core]`)",
        ),
        ("resource = [1]\n", "x.toml:1: a resource that is no table (begin it with a line `[[resource]]`)"),
        (
            "[core]\nport = [1]\n",
            "x.toml:2: `port` has a value of the wrong kind (write a text, a number, or true or false)",
        ),
        (
            "[core]\nhttp-host = [1]\n",
            "x.toml:2: `http-host` has a value of the wrong kind (write a text, or an array of texts)",
        ),
        ("[core]\nport = 1979-05-27\n", "x.toml:2: `port` has a value of the wrong kind"),
        (
            &file("", "").replace("security = \"legacy\"", "security = \"strict\""),
            "x.toml:5: `security` = \"strict\" needs an `auth-key-file` (make a key, the same on both hosts (schrittmacherctl keygen /etc/schrittmacher/peer.key), and add `auth-key-file = \"/etc/schrittmacher/peer.key\"`)",
        ),
    ];
    for (text, expected) in broken {
        let errors = errors(text);
        assert!(
            errors.iter().any(|error| error.contains(expected)),
            "{text}\nexpected {expected}\n{errors:#?}"
        );
    }
    let not_utf8 = crate::load::load_bytes(Path::new("x.toml"), b"[core]\n\xff");
    assert!(not_utf8.unwrap_err().to_string().starts_with("x.toml:2: not UTF-8 text"));
}

#[test]
fn several_syntax_errors_are_told_at_once() {
    let errors = errors("[core]\nlocal-address = 192.0.2.1\nport = 1\n[[resource]]\nname = r\nport = \"\n");
    for (error, line) in errors.iter().zip([2, 5, 6]) {
        assert!(
            error.starts_with(&format!("x.toml:{line}: ")) && error.ends_with("addresses are texts)"),
            "{error}"
        );
    }
    assert_eq!(errors.len(), 3);
}

#[test]
fn what_the_legacy_format_warns_of_is_warned_of_here() {
    let text = format!("stray = 1\n[other]\nport = 1\n{}", file("prot = 1", "heartbeat = 1"));
    let warnings: Vec<_> = load(&text).unwrap().warnings.iter().map(ToString::to_string).collect();
    for (warning, expected) in warnings.iter().zip([
        "x.toml:1: \"stray\" stands before the first group: ignored",
        "x.toml:2: unknown group \"other\": its keys are ignored",
        "x.toml:9: \"prot\" is no key of a `core` group: ignored (did you mean `port`?",
        "x.toml:12: \"heartbeat\" is no key of a `resource` group: ignored (it belongs into a `core` group)",
    ]) {
        assert!(warning.starts_with(expected), "{warning}\nexpected {expected}");
    }
    assert_eq!(warnings.len(), 4);
}

/// A `#` in a TOML text was not meant as a comment.
#[test]
fn hints_speak_toml() {
    let loaded = load(&file("", "priority = \"5 # five\"")).unwrap();
    assert!(loaded.warnings[0].to_string().ends_with("(write the number alone)"), "{:?}", loaded.warnings);
}

/// Messages without their hints, which differ.
fn told(diagnostics: &[Diagnostic]) -> Told {
    diagnostics.iter().map(|diagnostic| (diagnostic.line, diagnostic.message.clone())).collect()
}

type Told = Vec<(Option<usize>, String)>;

fn outcome(result: Result<Loaded, LoadError>) -> Result<(Config, Told), Told> {
    match result {
        Ok(loaded) => Ok((loaded.config, told(&loaded.warnings))),
        Err(LoadError::Wrong { errors, .. }) => Err(told(&errors)),
        Err(other) => panic!("{other}"),
    }
}

/// A value that a legacy file can have as it is meant.
fn value() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        "[-+]?[0-9]{0,25}[.,]?[0-9]{0,3}[a-z# ]{0,3}",
        "[-+0-9.]{1,4}e[0-9]{1,3}",
        r"(ipv[46]:)?\[?[0-9a-f:./%]{0,20}\]?",
        select(vec!["yes", "no", "legacy", "plain", "off", "debug", "127.0.0.2, 127.0.0.3", "daemon"])
            .prop_map(str::to_owned),
        any::<String>(),
    ];
    value.prop_map(|value| {
        let kept: String = value.chars().filter(|c| !c.is_control() && *c != '"').collect();
        kept.trim_matches(crate::legacy::is_space).to_owned()
    })
}

proptest! {
    #[test]
    fn any_value_of_any_key_means_the_same(
        name in select(KEYS.iter().map(|key| key.name).collect::<Vec<_>>()),
        value in value(),
        in_core in any::<bool>(),
    ) {
        let is_there = CORE.contains(&format!("{name} =")) || RESOURCE.contains(&format!("{name} ="));
        prop_assume!(!is_there);
        let legacy = format!("{name} = {value}");
        let toml = format!("{name} = \"{}\"", value.replace('\\', "\\\\"));
        let (legacy, toml) = match in_core {
            true => (super::file(&legacy, ""), file(&toml, "")),
            false => (super::file("", &legacy), file("", &toml)),
        };
        prop_assert_eq!(outcome(super::load(&legacy)), outcome(load(&toml)));
    }

    #[test]
    fn any_text_is_no_panic(text in any::<String>(), line in "[\\[\\]a-z=\"'{}0-9., \n-]{0,60}") {
        let _ = load(&text);
        let _ = load(&file(&line, &line));
    }
}
