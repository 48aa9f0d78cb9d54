//! What is told about broken and suspicious files, word by word.

use super::super::LoadError;
use super::{CORE, RESOURCE, errors, file, load, warned};

/// The only error of a text.
fn error(text: &str) -> String {
    let mut errors = errors(text);
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors.remove(0)
}

/// The only error of an otherwise good file with this line in `core`.
fn in_core(line: &str) -> String {
    error(&file(line, ""))
}

/// The only error of an otherwise good file with this line in its resource.
fn in_resource(line: &str) -> String {
    error(&file("", line))
}

/// The only warning, likewise.
fn warning(core: &str, resource: &str) -> String {
    let (_, mut warnings) = warned(core, resource);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    warnings.remove(0)
}

#[test]
fn all_errors_are_told_at_once_with_the_warnings_that_may_explain_them() {
    let text = "group = core\nlocal-address = here\nprot = 7700\nremote-address = 192.0.2.2\nnonsense\n\
                group = resource\nstart-action = x\n";
    let Err(error) = load(text) else { panic!("must not load") };
    assert_eq!(error.exit_code(), 78);
    assert_eq!(
        error.to_string(),
        "x.conf:1: `port` is missing in this `core` group (a line like `port = 7700`)\n\
         x.conf:2: `local-address` = \"here\" is no address (write an address like 192.0.2.1 or 2001:db8::1; \
         host names are not looked up)\n\
         x.conf:5: no `=` in \"nonsense\" (a line is `key = value`, `group = NAME`, `[NAME]`, `include \"FILE\"`, \
         `end-group` or a # comment)\n\
         x.conf:6: `name` is missing in this `resource` group (the resource-id that the application uses)"
    );
    let LoadError::Wrong { warnings, .. } = error else { panic!("must be Wrong") };
    assert_eq!(
        warnings[0].to_string(),
        "x.conf:3: \"prot\" is no key of a `core` group: ignored \
         (did you mean `port`? UDP port of the peer link; applications send to the next one)"
    );
}

#[test]
fn an_empty_file_is_no_configuration() {
    let nothing = [
        "x.conf: no `core` group (begin it with a line `group = core`)",
        "x.conf: no `resource` group (begin one with a line `group = resource`)",
    ];
    assert_eq!(errors(""), nothing);
    assert_eq!(errors("# only a comment\n"), nothing);
}

#[test]
fn a_repeated_key_is_a_forgotten_group_line() {
    assert_eq!(
        error(&format!("{CORE}{RESOURCE}name = s\n")),
        "x.conf:8: \"name\" again, first in line 7 \
         (is a `group = resource` line missing above it? else remove one of the two)"
    );
}

#[test]
fn a_second_core_is_refused_and_its_keys_are_still_understood() {
    assert_eq!(
        error(&CORE.replace("port", "group = core\nport").replace("7700\n", &format!("7700\n{RESOURCE}"))),
        "x.conf:4: a second `core` group, the first is in line 1 (put all keys of `core` into one group)"
    );
}

#[test]
fn two_resources_of_one_name() {
    assert_eq!(
        error(&format!("{CORE}{RESOURCE}{RESOURCE}")),
        "x.conf:8: a second resource \"r\", the first begins in line 6 (each resource has a name of its own)"
    );
}

#[test]
fn each_mandatory_key_is_asked_for() {
    for key in ["port", "local-address", "remote-address"] {
        let missing = format!("x.conf:1: `{key}` is missing in this `core` group");
        let line = CORE.lines().find(|line| line.starts_with(key)).unwrap();
        let absent = format!("{CORE}{RESOURCE}").replace(&format!("{line}\n"), "");
        assert!(error(&absent).starts_with(&missing), "{key}");
        let empty = format!("{CORE}{RESOURCE}").replace(line, &format!("{key} ="));
        assert!(error(&empty).contains(&format!("`{key}` is missing in this `core` group")), "{key}");
    }
}

#[test]
fn the_peer_is_another_host_of_the_same_family() {
    let with_remote = |remote: &str| error(&file("", "").replace("192.0.2.2", remote));
    assert_eq!(
        with_remote("::ffff:192.0.2.1"),
        "x.conf:3: `remote-address` = \"::ffff:192.0.2.1\" is also `local-address` \
         (write the address of the other host)"
    );
    assert_eq!(
        with_remote("2001:db8::1"),
        "x.conf:3: `remote-address` = \"2001:db8::1\" is not of the same family as `local-address` \
         (both IPv4 or both IPv6)"
    );
    assert_eq!(
        with_remote("0.0.0.0"),
        "x.conf:3: `remote-address` = \"0.0.0.0\" cannot be one end of the peer link \
         (write the address of one host)"
    );
}

#[test]
fn ports_have_a_range() {
    let with_port = |port: &str| error(&file("", "").replace("7700", port));
    for port in ["0", "65535", "70000", "-1", "seven"] {
        assert_eq!(
            with_port(port),
            format!("x.conf:4: `port` = \"{port}\" is no port (a number from 1 to 65534)")
        );
    }
    assert!(in_core("http-port = 65536").ends_with("is no port (a number from 1 to 65535)"));
}

/// A5: strict is refused until it can be kept.
#[test]
fn strict_security_is_never_accepted_silently() {
    assert_eq!(
        error(&file("", "").replace("security = legacy", "security = strict")),
        "x.conf:5: `security` = \"strict\" is not supported by this version \
         (it cannot authenticate the peer yet; write `security = legacy`)"
    );
}

/// A5: what is open is named until somebody has said that it is meant.
#[test]
fn without_a_security_line_what_is_open_is_named() {
    let warnings = |core: &str| {
        let text = file(core, "").replace("security = legacy\n", "");
        let warnings = load(&text).unwrap().warnings;
        assert_eq!(warnings.len(), 1);
        warnings[0].to_string()
    };
    assert_eq!(
        warnings(""),
        "x.conf:1: no `security` line: whoever can send from 192.0.2.2 is believed to be the peer \
         (if that is meant, add `security = legacy`)"
    );
    assert_eq!(
        warnings("http-port = 7780"),
        "x.conf:1: no `security` line: whoever can send from 192.0.2.2 is believed to be the peer, and whoever \
         reaches TCP port 7780 can switch the resources (if that is meant, add `security = legacy`; to narrow \
         the page, add `http-address = 127.0.0.1`)"
    );
    assert!(!warnings("http-port = 7780\nhttp-address = 127.0.0.1").contains("TCP"));
    let on_loopback =
        file("http-port = 7780", "").replace("192.0.2", "127.0.0").replace("security = legacy\n", "");
    assert!(!load(&on_loopback).unwrap().warnings[0].message.contains("TCP"));
}

#[test]
fn nonsense_in_new_keys_is_an_error() {
    assert_eq!(
        in_resource("app-timeout = soon"),
        "x.conf:9: `app-timeout` = \"soon\" is not a number (seconds without a unit, like 2 or 0.5)"
    );
    assert_eq!(
        in_resource("action-timeout = 500ms"),
        "x.conf:9: `action-timeout` = \"500ms\" is not a number (seconds without a unit, like 2 or 0.5)"
    );
    assert_eq!(
        in_core("going-hot-timeout = 0"),
        "x.conf:6: `going-hot-timeout` = \"0\" is no time (seconds without a unit, like 2 or 0.5)"
    );
    assert_eq!(
        in_core("preempt = maybe"),
        "x.conf:6: `preempt` = \"maybe\" is neither yes nor no (yes or no)"
    );
    assert_eq!(
        in_core("on-exit = stay"),
        "x.conf:6: `on-exit` = \"stay\" is not known (one of: handover, leave)"
    );
    assert_eq!(
        in_core("app-address = 10.0.0.1, 10.0.0.0/8"),
        "x.conf:6: `app-address` = \"10.0.0.0/8\" is no address (single addresses, without a prefix length)"
    );
    assert_eq!(
        in_core("http-host = a:b/c"),
        "x.conf:6: `http-host` = \"a:b/c\" is no host name (a name like ha.example.com, without a port)"
    );
    assert_eq!(
        in_core("log-syslog-server = loghost"),
        "x.conf:6: `log-syslog-server` = \"loghost\" is no address of a server (write 192.0.2.1, 192.0.2.1:514 \
         or [2001:db8::1]:514; host names are not looked up)"
    );
    assert_eq!(
        in_core("log-syslog-server = 192.0.2.9"),
        "x.conf:6: `log-syslog-server` = \"192.0.2.9\" means nothing without `log-syslog` (add \
         `log-syslog = daemon`)"
    );
}

#[test]
fn a_name_fits_into_a_datagram_and_on_a_line() {
    let with_name = |name: &str| file("", "").replace("name = r", &format!("name = {name}"));
    assert!(load(&with_name(&"x".repeat(255))).is_ok());
    let long = error(&with_name(&"x".repeat(256)));
    let hint = "is longer than 255 bytes (it has to fit into a datagram, where \" and \\ count as two)";
    assert!(long.ends_with(hint), "{long}");
    assert!(error(&with_name(&format!("x{}x", "\\".repeat(200)))).ends_with(hint));
    assert_eq!(error(&with_name("a\tb")), "x.conf:8: `name` = \"a\\tb\" has a control character (remove it)");
    assert_eq!(
        in_resource("pid-file = a\0b"),
        "x.conf:9: `pid-file` = \"a\\0b\" contains a NUL character (remove it)"
    );
}

#[test]
fn lines_that_are_ignored_are_told() {
    let ignored = |line: &str| load(&format!("{CORE}{RESOURCE}{line}\n")).unwrap().warnings[0].to_string();
    assert_eq!(
        ignored("group = Core\nport = 1"),
        "x.conf:8: unknown group \"Core\": its keys are ignored \
         (the groups are `core` and `resource`, in lower case)"
    );
    assert_eq!(
        ignored("end-group\npriority = 1"),
        "x.conf:9: \"priority\" stands after `end-group`: ignored \
         (a `group = core` or `group = resource` line has to come before it)"
    );
    assert_eq!(
        ignored("  include \"more.conf\""),
        "x.conf:8: \"include \\\"more.conf\\\"\" is ignored, because it is indented \
         (an include begins in the first column)"
    );
    let before = load(&format!("port = 1\n{CORE}{RESOURCE}")).unwrap();
    assert_eq!(
        before.warnings[0].to_string(),
        "x.conf:1: \"port\" stands before the first group: ignored \
         (a `group = core` or `group = resource` line has to come before it)"
    );
    assert_eq!(before.config.core.port, 7700);
}

#[test]
fn unknown_keys_are_told_with_what_was_probably_meant() {
    assert_eq!(
        warning("", "start = /bin/true"),
        "x.conf:9: \"start\" is no key of a `resource` group: ignored \
         (an example file of version 1.8 had it, no version read it: the key is `start-action`)"
    );
    assert_eq!(
        warning("interface-activate = x", ""),
        "x.conf:6: \"interface-activate\" is no key of a `core` group: ignored \
         (it belongs into a `resource` group)"
    );
    assert_eq!(warning("", "qqq = x"), "x.conf:9: \"qqq\" is no key of a `resource` group: ignored");
}

#[test]
fn a_command_that_the_shell_would_refuse_is_told() {
    assert_eq!(
        warning("", "start-action = /bin/sh -c \"run it\""),
        "x.conf:9: `start-action` = \"/bin/sh -c \\\"run it\" has a \" without its counterpart \
         (quotes at both ends of a value are removed; use other ones there)"
    );
    assert_eq!(
        warning("", "start-action = ip\u{a0}addr"),
        "x.conf:9: `start-action` = \"ip\\u{a0}addr\" contains \"\\u{a0}\", which does not divide words \
         (write an ordinary blank)"
    );
}

/// If any of it were compared with all before it, nobody would see the end of this test.
#[test]
fn a_hostile_file_takes_linear_time() {
    let keys: String = (0..300_000).map(|n| format!("k{n} =\n")).collect();
    let resources: String = (0..100_000).map(|n| format!("group = resource\nname = {n}\n")).collect();
    let cores = "[core]\n".repeat(300_000);
    let text = format!("{resources}{CORE}{cores}{keys}");
    let Err(LoadError::Wrong { errors, warnings }) = load(&text) else { panic!("must not load") };
    assert_eq!((errors.len(), warnings.len()), (100, 100));
}
