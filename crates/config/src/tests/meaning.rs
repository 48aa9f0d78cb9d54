//! The meaning of values: defaults, ranges, inheritance, and the lenient reading of 2.0.0.

use std::path::Path;
use std::time::Duration;

use log::LevelFilter;

use super::{config, file, load, resource, warned};
use crate::{Facility, OnExit, ScriptAddresses, Security};

fn s(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

#[test]
fn defaults() {
    let config = config("", "");
    let core = config.core;
    assert_eq!((core.shared_address, core.netmask, core.http_port), (None, None, None));
    assert!(core.http_address.is_empty() && core.http_host.is_empty() && core.app_address.is_empty());
    assert_eq!((core.log_file, core.log_level), (None, LevelFilter::Info));
    assert_eq!((core.script_addresses, core.on_exit), (ScriptAddresses::Plain, OnExit::Handover));
    assert!(core.extensions);
    let resource = &config.resources[0];
    assert_eq!((resource.priority, resource.preempt), (0, false));
    assert_eq!((resource.start_action.as_ref(), resource.interface_activate.as_ref()), (None, None));
    assert_eq!((resource.heartbeat, resource.timeout, resource.app_timeout), (s(2.0), s(6.0), s(10.0)));
    assert_eq!((resource.going_hot_timeout, resource.going_standby_timeout), (s(20.0), s(6.0)));
    assert_eq!((resource.action_timeout, resource.interface_timeout), (s(30.0), s(5.0)));
    assert_eq!(resource.startup_delay, Duration::ZERO);
}

/// C1: 2.0.0 understood these lines only with a `=` behind them.
#[test]
fn groups_may_be_opened_in_brackets() {
    let text = file("", "").replace("group = core", "[Core]").replace("group = resource", " [resource] ");
    let loaded = load(&text).unwrap();
    assert_eq!((loaded.warnings, loaded.config), (vec![], config("", "")));
}

#[test]
fn white_space_is_that_of_the_legacy_reader() {
    assert_eq!(resource("", "\0\u{180e}\u{3000}start-action\u{a0}=\tx\0").start_action.as_deref(), Some("x"));
}

#[test]
fn the_user_of_an_application_is_a_name_or_a_number_and_core_sets_it_for_all() {
    let id_of =
        |core: &str, more: &str| resource(core, more).app_user.clone().map(|user| (user.name, user.id));
    assert_eq!(id_of("", ""), None);
    assert_eq!(id_of("", "app-user = root"), Some(("root".to_owned(), 0)));
    assert_eq!(id_of("app-user = root", ""), Some(("root".to_owned(), 0)));
    assert_eq!(id_of("app-user = root", "app-user = 4711"), Some(("4711".to_owned(), 4711)));
}

/// Two names that look the same would be two resources.
#[test]
fn a_name_or_set_with_a_character_that_is_not_seen_is_warned_about_and_goes_on() {
    let unseen = |core: &str, resource: &str, key: &str, number: &str| {
        let loaded = load(&file(core, resource)).unwrap();
        let warning = loaded.warnings.iter().find(|warning| warning.message.contains(number));
        let warning = warning.unwrap_or_else(|| panic!("{:?}", loaded.warnings));
        assert!(warning.message.starts_with(&format!("`{key}`")) && warning.line.is_some(), "{warning}");
        assert!(!warning.to_string().chars().any(schrittmacher_text::is_layout), "{warning}");
    };
    unseen("group = resource\nname = r\u{200b}", "", "name", "U+200B");
    unseen("", "set = web\u{202e}", "set", "U+202E");
}

#[test]
fn every_key_is_honoured() {
    let core = "shared-address = 192.0.2.3\nnetmask = 255.255.255.0\nhttp-port = 7780\nlog-level = debug\n\
        http-address = 192.0.2.1, ::1 0.0.0.0\nhttp-host = ha.example.com,ha\napp-address = 172.17.0.2\n\
        script-addresses = legacy\non-exit = leave\nextensions = off\nlog-file = x.log\nlog-dir = /var/log\n";
    let resource = "priority = -3\nstart-action = /bin/a b\nstop-action = c\ninterface-activate = d\n\
        interface-deactivate = e\npid-file = /run/x.pid\npreempt = yes\nstartup-delay = 30\n\
        app-timeout = 4\naction-timeout = 7\ngoing-hot-timeout = 60\ngoing-standby-timeout = 8\n";
    let config = config(core, resource);
    let (core, resource) = (config.core, &config.resources[0]);
    assert_eq!(
        core.local_address.to_string() + " " + &core.remote_address.to_string(),
        "192.0.2.1 192.0.2.2"
    );
    assert_eq!(core.shared_address.unwrap().to_string(), "192.0.2.3");
    assert_eq!(core.netmask.as_deref(), Some("255.255.255.0"));
    assert_eq!((core.port, core.http_port), (7700, Some(7780)));
    assert_eq!(core.http_address.len(), 3);
    assert_eq!(core.http_host, ["ha.example.com", "ha"]);
    assert_eq!(core.app_address[0].to_string(), "172.17.0.2");
    assert_eq!((core.script_addresses, core.on_exit), (ScriptAddresses::Legacy, OnExit::Leave));
    assert_eq!((core.extensions, core.security), (false, Security::Legacy));
    assert_eq!(
        (core.log_file.as_deref(), core.log_level),
        (Some(Path::new("/var/log/x.log")), LevelFilter::Debug)
    );
    assert_eq!((&*resource.name, resource.priority, resource.preempt), ("r", -3, true));
    assert_eq!(resource.start_action.as_deref(), Some("/bin/a b"));
    assert_eq!(resource.stop_action.as_deref(), Some("c"));
    assert_eq!(resource.interface_activate.as_deref(), Some("d"));
    assert_eq!(resource.interface_deactivate.as_deref(), Some("e"));
    assert_eq!(resource.pid_file.as_deref(), Some(Path::new("/run/x.pid")));
    assert_eq!((resource.app_timeout, resource.startup_delay), (s(4.0), s(30.0)));
    assert_eq!((resource.action_timeout, resource.interface_timeout), (s(7.0), s(7.0)));
    assert_eq!((resource.going_hot_timeout, resource.going_standby_timeout), (s(60.0), s(8.0)));
}

/// D31: 2.0.0 read `heartbeat` and `timeout` and did nothing with them.
#[test]
fn heartbeat_and_timeout_mean_what_the_manual_says() {
    let quick = resource("heartbeat = 0.1", "");
    assert_eq!((quick.heartbeat, quick.timeout, quick.app_timeout), (s(0.1), s(0.3), s(10.0)));
    let patient = resource("heartbeat = 5\ntimeout = 30", "");
    assert_eq!((patient.heartbeat, patient.timeout, patient.app_timeout), (s(5.0), s(30.0), s(25.0)));
}

#[test]
fn heartbeat_intervall_is_the_heartbeat_of_one_resource() {
    let own = resource("heartbeat = 2", "heartbeat-intervall = 0.5");
    assert_eq!((own.heartbeat, own.timeout), (s(0.5), s(1.5)));
    let with_timeout = resource("timeout = 9", "heartbeat-intervall = 0.5");
    assert_eq!((with_timeout.heartbeat, with_timeout.timeout), (s(0.5), s(9.0)));
    let (slow, warnings) = warned("timeout = 9", "heartbeat-intervall = 4");
    assert_eq!(slow.resources[0].timeout, s(12.0));
    assert_eq!(
        warnings,
        ["x.conf:9: `heartbeat-intervall` = \"4\" is more than a third of `timeout`: 12 s is used for this \
          resource (make `timeout` in `core` longer)"]
    );
}

#[test]
fn times_are_clamped_with_a_warning() {
    let (config, warnings) = warned("heartbeat = 0.001", "");
    assert_eq!((config.resources[0].heartbeat, config.resources[0].timeout), (s(0.003), s(0.009)));
    assert_eq!(
        warnings,
        [
            "x.conf:6: `heartbeat` = \"0.001\" is outside 0.003 … 20 seconds, 0.003 is used (a number without a unit means seconds; ms and s are understood)"
        ]
    );
    assert_eq!(warned("heartbeat = 1e999", "").0.resources[0].heartbeat, s(20.0));
    let (config, warnings) = warned("timeout = 1", "");
    assert_eq!(config.resources[0].timeout, s(6.0));
    assert_eq!(
        warnings,
        ["x.conf:6: `timeout` = \"1\" is less than 3 × heartbeat, 6 s is used (make `heartbeat` shorter)"]
    );
    assert_eq!(warned("", "app-timeout = 100000").0.resources[0].app_timeout, s(3600.0));
    assert_eq!(warned("", "startup-delay = -1").0.resources[0].startup_delay, Duration::ZERO);
}

/// Zero was never a period: 2.0.0 used its default. To clamp it to 10 ms would flood the link.
#[test]
fn zero_is_no_heartbeat() {
    for value in ["0", "-1", "0.0", "none", "0,5"] {
        let (config, warnings) = warned("", &format!("heartbeat-intervall = {value}"));
        assert_eq!(config.resources[0].heartbeat, s(2.0), "{value}");
        assert!(warnings.last().unwrap().contains("the default is used"), "{warnings:?}");
    }
}

#[test]
fn what_core_says_holds_for_all_resources_that_say_nothing() {
    let text = file(
        "app-timeout = 4\naction-timeout = 7\ngoing-hot-timeout = 60\ngoing-standby-timeout = 8\n\
         startup-delay = 9\npreempt = yes",
        "",
    ) + "group = resource\nname = own\napp-timeout = 1\naction-timeout = 2\ngoing-hot-timeout = 3\n\
         going-standby-timeout = 4\nstartup-delay = 0\npreempt = no";
    let resources = load(&text).unwrap().config.resources;
    let times = |index: usize| {
        let r = &resources[index];
        [r.app_timeout, r.action_timeout, r.interface_timeout, r.going_hot_timeout, r.going_standby_timeout]
    };
    assert_eq!(times(0), [4, 7, 7, 60, 8].map(Duration::from_secs));
    assert_eq!(times(1), [1, 2, 2, 3, 4].map(Duration::from_secs));
    assert_eq!(resources.iter().map(|r| r.preempt).collect::<Vec<_>>(), [true, false]);
    assert_eq!(resources.iter().map(|r| r.startup_delay).collect::<Vec<_>>(), [s(9.0), s(0.0)]);
}

/// 2.0.0 ignored text behind a number. Mostly it is meant as a comment.
#[test]
fn a_number_with_something_behind_it_is_that_number() {
    let (config, warnings) = warned("http-port = 80 # page", "heartbeat-intervall = 3 sec\npriority = 12abc");
    let (core, resource) = (config.core, &config.resources[0]);
    assert_eq!((core.http_port, resource.heartbeat, resource.priority), (Some(80), s(3.0), 12));
    assert_eq!(
        warnings,
        [
            "x.conf:6: `http-port` = \"80 # page\" is read as 80 (a comment needs a line of its own)",
            "x.conf:9: `heartbeat-intervall` = \"3 sec\" is read as 3 seconds \
             (seconds, like 2 or 0.5 or 0.5 s, or milliseconds, like 500 ms)",
            "x.conf:10: `priority` = \"12abc\" is read as 12 (write the number alone)",
        ]
    );
}

#[test]
fn a_priority_is_the_number_that_2_0_0_would_have_sent() {
    for (text, number) in
        [("high", 0), ("2147483648", i32::MIN), ("99999999999", 1_215_752_191), ("99999999999999999999", -1)]
    {
        let (config, warnings) = warned("", &format!("priority = {text}"));
        assert_eq!(config.resources[0].priority, number, "{text}");
        assert_eq!(warnings.len(), 1, "{text}: {warnings:?}");
    }
    assert_eq!(resource("", "priority = -2147483648").priority, i32::MIN);
}

#[test]
fn no_page_without_a_port() {
    for value in ["0", "-1", ""] {
        assert_eq!(config(&format!("http-port = {value}"), "").core.http_port, None, "{value}");
    }
    let (config, warnings) = warned("http-port = off", "");
    assert_eq!((config.core.http_port, warnings.len()), (None, 1));
}

#[test]
fn legacy_spellings_of_addresses() {
    let core = config("shared-address = ipv4:10.2.1.88", "").core;
    assert_eq!(core.shared_address.unwrap().to_string(), "10.2.1.88");
    let (config, warnings) = warned("shared-address = 10.2.1.88/24", "");
    assert_eq!(config.core.shared_address.unwrap().to_string(), "10.2.1.88");
    assert_eq!(
        warnings,
        ["x.conf:6: `shared-address` = \"10.2.1.88/24\" is read as 10.2.1.88 (write it so)"]
    );
}

#[test]
fn a_pair_on_ipv6() {
    let text = file("", "").replace("192.0.2.1", "ipv6:[fd00::1]").replace("192.0.2.2", "FD00::2");
    let core = load(&text).unwrap().config.core;
    assert_eq!(
        (core.local_address.to_string(), core.remote_address.to_string()),
        ("fd00::1".into(), "fd00::2".into())
    );
}

#[test]
fn log_files_are_joined_as_2_0_0_joined_them() {
    for (keys, path) in [
        ("log-file = x.log", Some("x.log")),
        ("log-dir = /var/log\nlog-file = x.log", Some("/var/log/x.log")),
        ("log-dir = /var/log\nlog-file = /tmp/x.log", Some("/tmp/x.log")),
        ("log-dir =\nlog-file = x.log", Some("x.log")),
        ("log-dir = /var/log", Some("/var/log/schrittmacher.log")),
        ("", None),
    ] {
        assert_eq!(config(keys, "").core.log_file.as_deref(), path.map(Path::new), "{keys}");
    }
}

#[test]
fn log_levels_by_name_and_by_number() {
    use LevelFilter::{Debug, Error, Info, Off, Warn};
    let levels = [
        ("0", Debug),
        ("1", Info),
        ("2", Warn),
        ("3", Error),
        ("4", Error),
        ("5", Error),
        ("debug", Debug),
        ("INFO", Info),
        ("warning", Warn),
        ("minor", Error),
        ("major", Error),
        ("panic", Error),
        ("off", Off),
    ];
    for (value, level) in levels {
        assert_eq!(config(&format!("log-level = {value}"), "").core.log_level, level, "{value}");
    }
    for value in ["verbose", "6", "-1"] {
        let (config, warnings) = warned(&format!("log-level = {value}"), "");
        assert_eq!((config.core.log_level, warnings.len()), (Info, 1), "{value}");
    }
}

#[test]
fn an_empty_value_is_as_good_as_none() {
    let resource =
        resource("", "start-action =\nstop-action = \"\"\npid-file = \" \"\npriority =\napp-timeout =");
    assert_eq!((&resource.start_action, &resource.stop_action, &resource.pid_file), (&None, &None, &None));
    assert_eq!((resource.priority, resource.app_timeout), (0, s(10.0)));
}

#[test]
fn yes_and_no_in_all_their_words() {
    for (value, preempt) in [("yes", true), ("True", true), ("1", true), ("no", false), ("off", false)] {
        assert_eq!(resource("", &format!("preempt = {value}")).preempt, preempt, "{value}");
    }
}

#[test]
fn the_facilities_of_syslog() {
    let facility = |name: &str| config(&format!("log-syslog = {name}"), "").core.log_syslog;
    assert_eq!(config("", "").core.log_syslog, None);
    for (name, expected) in
        [("daemon", Facility::Daemon), ("USER", Facility::User), ("local7", Facility::Local7)]
    {
        assert_eq!(facility(name), Some(expected), "{name}");
    }
    assert!(load(&file("log-syslog = yes", "")).is_err());
}

/// edge-20: `100ms` was read as 100 seconds, and clamped.
#[test]
fn times_may_have_a_unit() {
    let millis = |value: &str| resource(&format!("heartbeat = {value}"), "").heartbeat.as_millis();
    assert_eq!(["100ms", "100 ms", "0.5s", "0.5 s", "2"].map(millis), [100, 100, 500, 500, 2000]);
    assert_eq!(resource("", "app-timeout = 700ms").app_timeout.as_millis(), 700);
}

#[test]
fn the_server_of_syslog_has_a_port() {
    let server = |line: &str| config(&format!("log-syslog = daemon\n{line}"), "").core.log_syslog_server;
    assert_eq!(server(""), None);
    assert_eq!(server("log-syslog-server = 192.0.2.9"), Some("192.0.2.9:514".parse().unwrap()));
    assert_eq!(server("log-syslog-server = [fd00::9]:5514"), Some("[fd00::9]:5514".parse().unwrap()));
}

#[test]
fn a_watchdog_is_a_device_whose_second_is_short_enough() {
    let (config, warnings) = warned("watchdog = /dev/watchdog", "");
    assert_eq!(config.core.watchdog, Some("/dev/watchdog".into()));
    assert_eq!(warnings, Vec::<String>::new());
    let (_, warnings) = warned("watchdog = /dev/watchdog\nheartbeat = 0.2", "");
    let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert!(warning.starts_with("x.conf:6: `watchdog`: a device has a second at least"), "{warning}");
    assert!(warning.contains("may take r over 0.4 s after"), "{warning}");
    let errors = super::errors(&file("watchdog = dev/watchdog", ""));
    assert!(errors[0].contains("is not an absolute path"), "{errors:?}");
}
