//! `action-user` and `action-limits`.

use schrittmacher_config::{ActionLimit, LimitKind};

use super::*;

const WHO: &str = "id -u; id -G; echo $HOME $USER";

#[test]
fn limits_hold_for_a_command_and_what_it_starts() {
    let mut bench = Bench::with(|resource| {
        resource.action_limits = vec![
            ActionLimit { kind: LimitKind::Core, most: 0 },
            ActionLimit { kind: LimitKind::Descriptors, most: 64 },
        ];
        resource.start_action = Some("sh -c 'ulimit -n; ulimit -Hn; ulimit -c'".to_owned());
    });
    let outcome = bench.outcome(Command::Start, CommandKind::Start);
    assert_eq!(outcome.output.lines().collect::<Vec<_>>(), ["64", "64", "0"], "{outcome:?}");
}

/// Another user needs root.
#[test]
fn only_interface_commands_keep_the_rights_of_the_daemon() {
    if !schrittmacher_testkit::is_root_for("only_interface_commands_keep_the_rights_of_the_daemon") {
        return;
    }
    let mut bench = Bench::with(|resource| {
        resource.action_user = Some("nobody".to_owned());
        resource.start_action = Some(WHO.to_owned());
        resource.interface_activate = Some(WHO.to_owned());
    });
    let start = bench.outcome(Command::Start, CommandKind::Start);
    let lines: Vec<&str> = start.output.lines().collect();
    assert_eq!(lines[..2], ["65534", "65534"], "no further groups: {start:?}");
    assert!(lines[2].ends_with("nobody"), "{start:?}");
    let activate = bench.outcome(Command::Activate, CommandKind::Activate);
    assert_eq!(activate.output.lines().next(), Some("0"), "{activate:?}");
}

#[test]
fn a_user_that_is_not_there_is_a_failure_and_not_root() {
    let mut bench = Bench::with(|resource| {
        resource.action_user = Some("no-such-user".to_owned());
        resource.start_action = Some(WHO.to_owned());
    });
    let outcome = bench.outcome(Command::Start, CommandKind::Start);
    assert!(outcome.to_string().contains("there is no user no-such-user"), "{outcome}");
    assert_eq!(outcome.output, "");
}
