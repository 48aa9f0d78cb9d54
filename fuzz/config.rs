//! Any text as a configuration, in both formats.
#![no_main]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use libfuzzer_sys::{Corpus, fuzz_target};
use schrittmacher_config::{
    Config, Diagnostic, LoadError, failure, failure_json, load_text, report, report_json,
};
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let text = String::from_utf8_lossy(bytes);
    if text.lines().any(leads_outside) {
        return Corpus::Reject;
    }
    check(Path::new("x.conf"), &text);
    check(Path::new("x.toml"), &text);
    Corpus::Keep
});

/// An include of anything but a file beside the fuzzer's own. Another one, /proc/kmsg for example, may well block.
fn leads_outside(line: &str) -> bool {
    line.strip_prefix("include")
        .is_some_and(|target| target.contains(['/', '\\']) && !target.contains("inc/"))
        || line.contains("..")
}

fn check(path: &Path, text: &str) {
    match load_text(path, text) {
        Ok(loaded) => {
            check_config(&loaded.config);
            check_places(&loaded.warnings, path, text);
            let json: Value = serde_json::from_str(&report_json(&loaded)).expect("JSON");
            assert_eq!(json["fine"], true);
            assert_eq!(json["resources"].as_array().map(Vec::len), Some(loaded.config.resources.len()));
            assert!(report(&loaded).contains(": fine"));
        }
        Err(LoadError::Unreadable { .. }) => panic!("nothing was to be read"),
        Err(error) => {
            let LoadError::Wrong { errors, warnings } = &error else { unreachable!() };
            assert!((1..=100).contains(&errors.len()) && warnings.len() <= 100);
            check_places(errors, path, text);
            check_places(warnings, path, text);
            let json: Value = serde_json::from_str(&failure_json(path, &error)).expect("JSON");
            assert_eq!(json["errors"].as_array().map(Vec::len), Some(errors.len()));
            assert!(failure(&error).lines().next().is_some_and(|line| line.contains(':')));
        }
    }
}

/// Every error has its place.
fn check_places(diagnostics: &[Diagnostic], path: &Path, text: &str) {
    let lines = 1 + text.matches('\n').count();
    for diagnostic in diagnostics {
        assert!(!diagnostic.message.is_empty() && !diagnostic.message.contains('\n'), "{diagnostic:?}");
        match diagnostic.line {
            Some(line) if Path::new(&diagnostic.file) == path => {
                assert!((1..=lines).contains(&line), "{diagnostic:?}");
            }
            Some(line) => assert!(line > 0),
            None => assert!(diagnostic.message.starts_with("no `"), "{diagnostic:?}"),
        }
    }
}

/// The ranges that `Config` states, and that the rest of the daemon relies on.
fn check_config(config: &Config) {
    const MS_3: Duration = Duration::from_millis(3);
    const MS_10: Duration = Duration::from_millis(10);
    const HOUR: Duration = Duration::from_secs(3600);
    let core = &config.core;
    assert!((1..=65534).contains(&core.port));
    assert_ne!(core.http_port, Some(0));
    assert_ne!(core.local_address, core.remote_address);
    assert!(core.log_syslog.is_some() || core.log_syslog_server.is_none());
    assert!(!config.resources.is_empty());
    let names: BTreeSet<_> = config.resources.iter().map(|resource| &resource.name).collect();
    assert_eq!(names.len(), config.resources.len());
    for resource in &config.resources {
        let context = format!("{resource:?}");
        assert!((1..=255).contains(&resource.name.len()), "{context}");
        assert!(!resource.name.contains(char::is_control), "{context}");
        assert!((MS_3..=Duration::from_secs(20)).contains(&resource.heartbeat), "{context}");
        assert!((3 * resource.heartbeat..=HOUR).contains(&resource.timeout), "{context}");
        assert!(resource.startup_delay <= HOUR, "{context}");
        let times = [
            resource.app_timeout,
            resource.going_hot_timeout,
            resource.going_standby_timeout,
            resource.action_timeout,
            resource.interface_timeout,
        ];
        assert!(times.iter().all(|time| (MS_10..=HOUR).contains(time)), "{context}");
        let commands = [
            &resource.start_action,
            &resource.stop_action,
            &resource.interface_activate,
            &resource.interface_deactivate,
        ];
        assert!(commands.into_iter().flatten().all(|command| !command.contains('\0')), "{context}");
    }
}
