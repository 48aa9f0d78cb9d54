//! The files in `docs` that speak of the configuration are kept true.

use std::fs;
use std::path::{Path, PathBuf};

use crate::keys::{KEYS, Origin};
use crate::{Config, Loaded, load, report};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

fn example(name: &str) -> Loaded {
    load(&docs().join("examples").join(name)).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn all_examples_load() {
    let (_folder, key) = super::auth::key_file(super::auth::KEY);
    let mut count = 0;
    for entry in fs::read_dir(docs().join("examples")).unwrap() {
        let path = entry.unwrap().path();
        // Commands are there, too.
        if path.extension().is_none() {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap().replace("/etc/schrittmacher/peer.key", &key);
        let loaded = crate::load_text(&path, &text).unwrap_or_else(|error| panic!("{error}"));
        if !path.ends_with("manual-example.conf") {
            assert_eq!(loaded.warnings, [], "{}", path.display());
        }
        count += 1;
    }
    assert!(count >= 4, "{count}");
}

/// D29: the manual's example works unchanged, back-ticks included.
#[test]
fn the_manuals_example_is_fine() {
    let loaded = example("manual-example.conf");
    let Config { core, resources } = &loaded.config;
    assert_eq!(core.local_address.to_string(), "10.22.52.190");
    assert_eq!(core.remote_address.to_string(), "10.22.52.191");
    assert_eq!(core.shared_address.unwrap().to_string(), "10.22.52.189");
    assert_eq!((core.port, core.http_port), (7700, Some(7700)));
    assert_eq!(resources.len(), 1);
    let resource = &resources[0];
    assert_eq!(&*resource.name, "smsc-i400");
    assert_eq!(resource.start_action.as_deref(), Some("kill -10 `cat /var/run/MessageMover/i400.pid`"));
    assert_eq!(
        resource.interface_deactivate.as_deref(),
        Some("ip addr del 10.22.52.189/25 dev eth0 label eth0:9")
    );
    let warnings: Vec<_> = loaded.warnings.iter().map(|d| d.message.as_str()).collect();
    assert!(matches!(warnings.as_slice(), [one] if one.starts_with("no `security` line")), "{warnings:?}");
    assert!(report(&loaded).contains("manual-example.conf: fine\n"));
}

#[test]
fn the_two_nodes_of_the_demonstration_fit_each_other() {
    let (a, b) = (example("node-a.conf").config, example("node-b.conf").config);
    assert_eq!(a.core.local_address, b.core.remote_address);
    assert_eq!(a.core.remote_address, b.core.local_address);
    assert!(a.core.local_address.is_loopback() && b.core.local_address.is_loopback());
    assert_eq!(a.core.port, b.core.port);
    assert_eq!(a.resources[0].name, b.resources[0].name);
    assert_eq!(a.resources[0].heartbeat, b.resources[0].heartbeat);
}

#[test]
fn the_installed_example_explains_every_key() {
    let text = fs::read_to_string(docs().join("examples/schrittmacher.conf.example")).unwrap();
    for key in KEYS {
        let written = text.lines().any(|line| {
            let name = line.trim_start_matches(['#', ' ']).split('=').next().unwrap_or_default();
            name.trim() == key.name && line.contains('=')
        });
        assert!(written, "{} is not in schrittmacher.conf.example", key.name);
    }
}

/// It is strict, and says what is missing before anything runs.
#[test]
fn the_installed_example_asks_for_a_key() {
    let path = docs().join("examples/schrittmacher.conf.example");
    let text = fs::read_to_string(&path).unwrap().replace("/etc/schrittmacher/", "/nowhere/");
    let error = crate::load_text(&path, &text).unwrap_err().to_string();
    assert!(error.contains("schrittmacherctl keygen"), "{error}");
}

/// The example is also right with all that is commented out, apart from what excludes each other.
#[test]
fn what_the_installed_example_comments_out_can_be_used() {
    for left_out in [&["unit"] as &[_], &["start-action", "stop-action", "check-command", "pid-file"]] {
        what_is_commented_out_can_be_used(left_out);
    }
}

fn what_is_commented_out_can_be_used(left_out: &[&str]) {
    let path = docs().join("examples/schrittmacher.conf.example");
    let text = fs::read_to_string(&path).unwrap();
    let wanted = || KEYS.iter().filter(|key| !left_out.contains(&key.name));
    let is_key = |line: &str| wanted().any(|key| line.starts_with(&format!("{} =", key.name)));
    let lines = text.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if is_key(rest) => rest,
        _ => line,
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    let (_folder, key) = super::auth::key_file(super::auth::KEY);
    let text = text.replace("/etc/schrittmacher/peer.key", &key);
    let (_other, tokens) = super::auth::key_file(super::auth::KEY);
    let text = text.replace("/etc/schrittmacher/order.token", &tokens);
    let text = ["witness-ca.pem", "witness.pem", "witness.key", "witness.password"]
        .iter()
        .fold(text, |text, file| text.replace(&format!("/etc/schrittmacher/{file}"), &tokens));
    let loaded = crate::load_text(&path, &text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(loaded.warnings, []);
    for key in wanted() {
        assert!(text.lines().any(|line| line.starts_with(&format!("{} =", key.name))), "{}", key.name);
    }
}

#[test]
fn the_reference_has_the_line_of_every_key() {
    let text = fs::read_to_string(docs().join("configuration.md")).unwrap();
    let lines: Vec<String> = KEYS
        .iter()
        .map(|key| {
            let origin = match key.origin {
                Origin::Legacy => "legacy",
                Origin::New => "new",
            };
            format!(
                "| `{}` | {} | {} | {} | {} | {origin} |",
                key.name, key.place, key.kind, key.default, key.help
            )
        })
        .collect();
    let missing: Vec<&String> =
        lines.iter().filter(|line| !text.lines().any(|l| l == line.as_str())).collect();
    assert!(missing.is_empty(), "not in docs/configuration.md, the whole table is:\n{}", lines.join("\n"));
}

#[test]
fn the_reference_tells_what_older_versions_did_with_each_legacy_key() {
    let text = fs::read_to_string(docs().join("configuration.md")).unwrap();
    let (_, history) = text.split_once("## The legacy keys in older versions").unwrap();
    for key in KEYS.iter().filter(|key| key.origin == Origin::Legacy) {
        assert!(history.contains(&format!("\n| `{}` |", key.name)), "{}", key.name);
    }
}
