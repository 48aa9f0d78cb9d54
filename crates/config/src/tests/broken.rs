//! Errors and warnings about broken and suspicious files, word by word.

use std::path::Path;

use super::{CORE, RESOURCE, errors, file, load, warned};
use crate::LoadError;

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

/// Nobody could report for the application.
#[test]
fn a_user_that_does_not_exist_is_refused() {
    assert_eq!(
        in_resource("app-user = no-such-user"),
        "x.conf:9: `app-user` = \"no-such-user\" is no user of this host \
         (create the user, or write the name or number of another one)"
    );
}

/// A5: strict is refused where it cannot be kept.
#[test]
fn strict_security_is_never_accepted_silently() {
    assert_eq!(
        error(&file("", "").replace("security = legacy", "security = strict")),
        "x.conf:5: `security` = \"strict\" needs an `auth-key-file` (make a key, the same on both hosts \
         (schrittmacherctl keygen /etc/schrittmacher/peer.key), and add \
         `auth-key-file = /etc/schrittmacher/peer.key`)"
    );
}

/// A5: a start warns about what is open until the file says that it is meant.
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
        "x.conf:1: no `security` line: every sender with the address 192.0.2.2 is taken for the peer \
         (if that is meant, add `security = legacy`)"
    );
    assert_eq!(
        warnings("http-port = 7780"),
        "x.conf:1: no `security` line: every sender with the address 192.0.2.2 is taken for the peer, and every \
         client of TCP port 7780 can switch the resources (if that is meant, add `security = legacy`; to take \
         orders from this host alone, add `http-control = loopback`)"
    );
    assert!(!warnings("http-port = 7780\nhttp-address = 127.0.0.1").contains("TCP"));
    assert!(!warnings("http-port = 7780\nhttp-control = loopback").contains("TCP"));
    let on_loopback =
        file("http-port = 7780", "").replace("192.0.2", "127.0.0").replace("security = legacy\n", "");
    assert!(!load(&on_loopback).unwrap().warnings[0].message.contains("TCP"));
}

#[test]
fn a_run_directory_that_is_too_long_for_a_socket_is_told() {
    let told = warning(&format!("run-directory = /{}", "x".repeat(107)), "");
    assert!(
        told.starts_with("x.conf:6: `run-directory` = \"/xxx")
            && told.contains("bytes too long for a socket in it"),
        "{told}"
    );
}

#[test]
fn nonsense_in_new_keys_is_an_error() {
    assert_eq!(
        in_resource("app-timeout = soon"),
        "x.conf:9: `app-timeout` = \"soon\" is not a number (seconds, like 2 or 0.5 or 0.5 s, or milliseconds, like 500 ms)"
    );
    assert_eq!(
        in_resource("action-timeout = 5 min"),
        "x.conf:9: `action-timeout` = \"5 min\" is not a number (seconds, like 2 or 0.5 or 0.5 s, or milliseconds, like 500 ms)"
    );
    // Clamped to its least value it would mean: never held back.
    assert_eq!(
        in_core("hold-back = -1"),
        "x.conf:6: `hold-back` = \"-1\" is no time (seconds, like 2 or 0.5 or 0.5 s, or milliseconds, like 500 ms)"
    );
    assert_eq!(
        in_core("going-hot-timeout = 0"),
        "x.conf:6: `going-hot-timeout` = \"0\" is no time (seconds, like 2 or 0.5 or 0.5 s, or milliseconds, like 500 ms)"
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

/// edge-20: what people write who think of another shell, or of none.
#[test]
fn a_command_that_is_not_what_it_looks_like_is_told() {
    assert_eq!(
        warning("", "start-action = \"/opt/x\" --user \"bob\""),
        "x.conf:9: `start-action` = \"/opt/x\\\" --user \\\"bob\" is one word for the shell: \"/opt/x --user bob\" \
         (quotes at both ends of a value are removed; put '...' around single words)"
    );
    assert_eq!(
        warning("", "start-action = logger “hot”"),
        "x.conf:9: `start-action` = \"logger “hot”\" has a “, which is no quote for the shell (write \" or ')"
    );
}

#[test]
fn two_interface_commands_that_do_not_fit_are_told() {
    let up = "interface-activate = ip addr add 10.2.1.88/24 dev eth0";
    assert_eq!(
        warning("", up),
        "x.conf:9: `interface-activate` without `interface-deactivate`: the address stays when this side is no \
         longer hot (add the command that takes the address down)"
    );
    assert_eq!(
        warning("", "interface-deactivate = ip addr del 10.2.1.88/24 dev eth0"),
        "x.conf:9: `interface-deactivate` without `interface-activate`: nothing brings the address up \
         (add the command that brings the address up)"
    );
    assert_eq!(
        warning("", &format!("{up}\ninterface-deactivate = ip addr del 10.2.1.89/24 dev eth0")),
        "x.conf:10: `interface-activate` uses the address 10.2.1.88, and `interface-deactivate` another one: \
         10.2.1.89 (one of the two is mistyped)"
    );
    assert_eq!(
        warning("", &format!("{up}\ninterface-deactivate = ip addr del 10.2.1.88/24 dev eth1")),
        "x.conf:10: `interface-activate` uses the device eth0, and `interface-deactivate` another one: eth1 \
         (one of the two is mistyped)"
    );
    // Pairs that fit, and pairs whose text does not show it.
    for down in
        ["ip addr del 10.2.1.88/24 dev eth0", "/etc/ha/down.sh", "ip addr flush dev eth0 label eth0:9"]
    {
        let text = file("", &format!("{up}\ninterface-deactivate = {down}"));
        assert_eq!(load(&text).unwrap().warnings, [], "{down}");
    }
}

/// edge-7 and edge-20.
#[test]
fn resources_that_get_into_each_others_way_are_told() {
    let two = |lines: &str| {
        let text = file("", lines) + &format!("group = resource\nname = s\n{lines}\n");
        let warnings = load(&text).unwrap().warnings;
        warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let [address] = &two(
        "interface-activate = ip addr add 10.2.1.88/24 dev eth0\ninterface-deactivate = /etc/ha/down",
    )[..] else {
        panic!("one warning was expected")
    };
    assert_eq!(
        address,
        "x.conf:13: resource s brings up 10.2.1.88, as resource r does: if one of them becomes standby, the other \
         loses its address (give each resource an address of its own, or make one resource of the two)"
    );
    assert_eq!(
        two("start-action = systemctl start nginx\nstop-action = systemctl stop $RESOURCE_NAME"),
        [
            "x.conf:13: resource s has the same `start-action` as resource r (if that is meant, let the command use \
          $RESOURCE_NAME)"
        ]
    );
    // A script finds the name in its environment.
    assert_eq!(two("start-action = /etc/ha/start"), [""; 0]);
}

/// edge-27: one mistake is one error.
#[test]
fn a_utf_16_file_is_one_error() {
    for bytes in
        ["\u{feff}group = core\nport = 1\n"].map(|text| text.encode_utf16().flat_map(u16::to_le_bytes))
    {
        let bytes: Vec<u8> = bytes.collect();
        let error = crate::load::load_bytes(Path::new("x.conf"), &bytes).unwrap_err();
        assert_eq!(error.to_string(), "x.conf:1: not UTF-8 but UTF-16 text (save the file as UTF-8)");
    }
}

#[test]
fn a_utf_16_file_without_its_mark_is_one_error() {
    let text = "group = core\nport = 1\ngroup = resource\nname = x\n";
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let error = crate::load::load_bytes(Path::new("x.conf"), &bytes).unwrap_err();
    let told = "x.conf:1: not UTF-8 but UTF-16 or UTF-32 text, or no text (save the file as UTF-8)";
    assert_eq!(error.to_string(), told);
}

/// If each part were compared with all before it, this test would not end.
#[test]
fn a_hostile_file_takes_linear_time() {
    let keys: String = (0..300_000).map(|n| format!("k{n} =\n")).collect();
    let resources: String = (0..100_000)
        .map(|n| format!("group = resource\nname = {n}\nfence-timeout = 5\npolicy = consistent\n"))
        .collect();
    let cores = "[core]\n".repeat(300_000);
    let text = format!("{resources}{CORE}{cores}{keys}");
    let Err(LoadError::Wrong { errors, warnings }) = load(&text) else { panic!("must not load") };
    assert_eq!((errors.len(), warnings.len()), (100, 100));
}
