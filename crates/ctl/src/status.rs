//! `schrittmacherctl status`: what the daemon knows, as a table.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use schrittmacher_api::{
    Authentication, DaemonStatus, Frozen, Isolation, PeerPath, PeerProgram, PeerProof, ResourceState, STATUS,
    ServiceLevel, Summary, SwitchDirection,
};

use super::options::DaemonArgs;
use super::screen::{Screen, columns, folded, padded};
use super::simulate::options::time;
use super::{CtlError, Output, ask, top};
use schrittmacher_text::{Escaped, exit_code, span};

/// Show which side is hot, and whether the other one could take over
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  schrittmacherctl status -q || echo 'look after the pair'
  schrittmacherctl status --watch

Exit status:
  0  every resource is protected: one side hot, the other standby
  1  a resource is not protected: if the hot side fails, the other cannot take over
  2  of a resource no side is hot, or both are
  69 no daemon runs")]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub daemon: DaemonArgs,

    /// The daemon's whole answer, for programs (docs/http-api.md)
    #[arg(short, long)]
    pub json: bool,

    /// Nothing but the exit status
    #[arg(short, long, conflicts_with = "json")]
    pub quiet: bool,

    /// Look again and again, each TIME, until it is interrupted; also while no daemon answers
    #[arg(short, long, value_name = "TIME", value_parser = time, num_args = 0..=1, require_equals = true,
        default_missing_value = "1s", conflicts_with_all = ["json", "quiet"])]
    pub watch: Option<Duration>,
}

pub(super) fn run(args: &StatusArgs, output: &mut Output<'_>) -> Result<u8, CtlError> {
    if let Some(pause) = args.watch {
        return top::watch(&args.daemon, pause, output);
    }
    let answer: ask::JsonAnswer<DaemonStatus> = ask::get(&args.daemon, STATUS)?;
    if args.json {
        output.text(&answer.text);
    } else if !args.quiet {
        // All of it, however many lines the terminal has.
        let screen = Screen { height: None, ..Screen::of_stdout() };
        output.text(&table(&answer.value, Timestamp::now(), &TimeZone::system(), screen));
    }
    Ok(exit_status(answer.value.summary))
}

fn exit_status(summary: Summary) -> u8 {
    match summary {
        Summary { nobody_hot: 0, both_hot: 0, unprotected: 0, .. } => exit_code::OK,
        Summary { nobody_hot: 0, both_hot: 0, .. } => exit_code::UNPROTECTED,
        _ => exit_code::NOT_ONE_HOT,
    }
}

const COLUMNS: [&str; 7] = ["RESOURCE", "SET", "HERE", "PEER", "SINCE", "LAST SWITCH", "NOTE"];
const SET: usize = 1;
/// From here on texts of any length.
const LONG: usize = 5;
/// A terminal with fewer lines gets a short heading.
const LOW: usize = 16;
/// The pause between two columns.
const GAP: &str = "  ";

/// The worst resources first, and otherwise in the order of the configuration.
pub(super) fn problems_first(status: &mut DaemonStatus) {
    status.resources.sort_by_key(|one| match one.service {
        ServiceLevel::NobodyHot | ServiceLevel::BothHot => 0,
        ServiceLevel::Unprotected => 1,
        ServiceLevel::Protected if !one.troubles.is_empty() || one.frozen.is_some() => 2,
        ServiceLevel::Protected => 3,
    });
}

/// With fewer lines than there are resources it says how many are missing. A row that is too long goes on below.
pub(super) fn table(status: &DaemonStatus, now: Timestamp, zone: &TimeZone, screen: Screen) -> String {
    let rows: Vec<[String; 7]> = status.resources.iter().map(|one| row(one, now, zone)).collect();
    let has_sets = status.resources.iter().any(|one| one.set.is_some());
    let shown: Vec<usize> = (0..COLUMNS.len()).filter(|column| *column != SET || has_sets).collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| columns(&row[column]));
        cells.chain([COLUMNS[column].len()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..COLUMNS.len()).map(width).collect();
    let line = |cells: [&str; 7]| {
        let padded: Vec<_> = shown.iter().map(|&column| padded(cells[column], widths[column])).collect();
        let whole = padded.join(GAP).trim_end().to_owned();
        if screen.holds(columns(&whole)) {
            return whole + "\n";
        }
        let short: Vec<_> = shown.iter().zip(&padded).filter(|(column, _)| **column < LONG).collect();
        let short: Vec<&str> = short.into_iter().map(|(_, cell)| cell.as_str()).collect();
        let first = short.join(GAP).trim_end().to_owned() + "\n";
        if cells == COLUMNS {
            return first;
        }
        let words = |cell: &str| cell.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let rest = cells[LONG..].iter().filter(|cell| !cell.is_empty() && **cell != "-");
        let rest = rest
            .map(|cell| format!("  {}\n", folded(&words(cell), " ", narrower(screen)).replace('\n', "\n  ")));
        first + &rest.collect::<String>()
    };
    let top = heading(status, screen) + &line(COLUMNS);
    let bottom = conclusion(status.summary);
    let used = top.lines().count() + bottom.lines().count();
    let mut room = screen.height.map_or(usize::MAX, |height| height.saturating_sub(used));
    let mut text = top;
    for (place, row) in rows.iter().enumerate() {
        let line = line(row.each_ref().map(String::as_str));
        let left = rows.len() - place;
        // One line is kept for what is missing.
        let needed = line.lines().count() + usize::from(left > 1);
        if needed > room {
            text += &format!("... and {left} more\n");
            break;
        }
        room -= line.lines().count();
        text += &line;
    }
    text + &bottom
}

fn narrower(screen: Screen) -> Screen {
    Screen { width: screen.width.map(|width| width.saturating_sub(2)), ..screen }
}

fn heading(status: &DaemonStatus, screen: Screen) -> String {
    let DaemonStatus { host, remote_host, local_address, remote_address, peer, program, security, .. } =
        status;
    let there = remote_host.as_deref().map(|name| format!("{} ", Escaped(name))).unwrap_or_default();
    let heard = match (peer.heard, peer.heard_seconds_ago) {
        (true, Some(seconds)) => {
            let way = peer.link.map(|link| format!("   {link}")).unwrap_or_default();
            format!("heard {seconds:.1} s ago{way}")
        }
        (_, Some(seconds)) => format!("NOT HEARD for {}", lasting(seconds)),
        (_, None) => "NEVER HEARD".into(),
    };
    let other = match peer.program {
        Some(PeerProgram::Ours) => ", peer 3.0 or later",
        Some(PeerProgram::Modern) => ", peer 1.15 to 2.0.0",
        Some(PeerProgram::Classic) => ", peer 1.14 or earlier",
        None => "",
    };
    let proof = match peer.proof {
        PeerProof::Address => "PEER BELIEVED BY ITS ADDRESS ALONE",
        PeerProof::Run => "peer has to name this run",
        PeerProof::Signature => "peer has to sign",
    };
    let (host, program, security) = (Escaped(host), Escaped(program), Escaped(security));
    let mut parts = vec![
        format!("{host} {local_address} <-> {there}{remote_address}"),
        heard,
        format!("version {program}{other}"),
        format!("security {security}"),
        proof.to_owned(),
    ];
    parts.extend(policies(&status.resources));
    parts.extend(status.witness_answers.map(|answers| witness(answers, status.witness_answer_seconds)));
    parts.extend(status.isolation.as_ref().map(isolation));
    let first = folded(&parts, "   ", screen) + "\n";
    // A low terminal is for the resources.
    if screen.height.is_some_and(|height| height < LOW) {
        return folded(&parts[..2], "   ", screen) + "\n";
    }
    first
        + &status.authentication.as_ref().map(|about| authentication(about, screen)).unwrap_or_default()
        + &paths(&peer.paths, screen)
}

/// Whether the witness answers, and within what time.
fn witness(answers: bool, within: Option<f64>) -> String {
    match within {
        _ if !answers => "WITNESS DOES NOT ANSWER".to_owned(),
        Some(seconds) => format!("witness answers within {:.1} ms", seconds * 1000.0),
        None => "witness answers".to_owned(),
    }
}

/// Whether the targets of the echoes answer.
fn isolation(isolation: &Isolation) -> String {
    let silent = isolation.targets.iter().filter(|target| target.answers == Some(false));
    let silent: Vec<_> = silent.map(|target| Escaped(&target.address).to_string()).collect();
    if isolation.isolated {
        "HOST IS ISOLATED".into()
    } else if isolation.targets.iter().any(|target| target.answers.is_none()) {
        format!("{} ping targets, no answer known yet", isolation.targets.len())
    } else if silent.is_empty() {
        format!("{} ping targets answer", isolation.targets.len())
    } else {
        format!("ping targets that do not answer: {}", silent.join(", "))
    }
}

/// Each policy in force that was chosen, and how many resources have it.
fn policies(resources: &[ResourceState]) -> Vec<String> {
    let mut counts = BTreeMap::new();
    for policy in resources.iter().filter_map(|one| one.policy.as_deref()) {
        *counts.entry(policy).or_insert(0) += 1;
    }
    let part = |(policy, count)| match count == resources.len() {
        true => format!("policy {}", Escaped(policy)),
        false => format!("policy {} for {count} of {}", Escaped(policy), resources.len()),
    };
    counts.into_iter().map(part).collect()
}

/// A line for each of several paths.
fn paths(paths: &[PeerPath], screen: Screen) -> String {
    let line = |path: &PeerPath| {
        let heard = match path.heard_seconds_ago {
            Some(seconds) => format!("heard {} ago", lasting(seconds)),
            None => "never heard".into(),
        };
        let (local, remote) = (Escaped(&path.local_address), Escaped(&path.remote_address));
        let mut parts = vec![
            format!("path {}", path.number),
            format!("{local} <-> {remote}"),
            path.state.as_str().to_owned(),
            heard,
        ];
        parts.extend(path.link.map(|link| link.to_string()));
        folded(&parts, "   ", screen) + "\n"
    };
    paths.iter().map(line).collect()
}

fn authentication(about: &Authentication, screen: Screen) -> String {
    let Authentication { mode, key, peer_key, refused, last_refusal, peer_hears_nothing } = about;
    let key = Escaped(key.as_deref().unwrap_or("none"));
    let peer = match peer_key {
        Some(key) => format!("peer signs with key {}", Escaped(key)),
        None => "PEER DOES NOT SIGN".into(),
    };
    let refusals = match (last_refusal, refused) {
        (Some(why), 1..) => format!("{refused} datagrams refused, the last one: {}", Escaped(why)),
        (_, _) => String::new(),
    };
    let deaf = if *peer_hears_nothing { "PEER HEARS NOTHING OF THIS HOST" } else { "" };
    let mode = format!("authentication {}", Escaped(mode));
    folded(&[mode, format!("own key {key}"), peer, refusals, deaf.to_owned()], "   ", screen) + "\n"
}

fn row(one: &ResourceState, now: Timestamp, zone: &TimeZone) -> [String; 7] {
    let peer = one.peer.state.as_deref().unwrap_or("not heard");
    let last_switch = one.last_switch.as_ref().map(|switch| {
        let ago = SignedDuration::try_from_secs_f64(switch.seconds_ago).ok();
        let at = ago.and_then(|ago| now.checked_sub(ago).ok()).unwrap_or(Timestamp::MIN);
        let at = at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S");
        let direction = match switch.direction {
            SwitchDirection::Here => "here",
            SwitchDirection::Away => "away",
        };
        let by = switch.by.as_deref().map(|by| format!(" ({})", Escaped(by))).unwrap_or_default();
        let outage = switch.without_service_seconds;
        let outage =
            outage.map(|seconds| format!(", {} without service", lasting(seconds))).unwrap_or_default();
        format!("{at} {direction}: {}{by}{outage}", Escaped(&switch.cause))
    });
    let why = one.explanation.as_deref().unwrap_or_default();
    let mut notes = one.troubles.clone();
    let protection = match one.service {
        ServiceLevel::Protected => String::new(),
        ServiceLevel::Unprotected => format!("NOT PROTECTED: {}", Escaped(why)),
        ServiceLevel::NobodyHot => format!("NO SIDE IS HOT: {}", Escaped(why)),
        ServiceLevel::BothHot => "BOTH SIDES ARE HOT".into(),
    };
    if !protection.is_empty() {
        notes.insert(0, protection);
    }
    if let Some(Frozen { seconds_left, reason }) = &one.frozen {
        let reason = reason.as_deref().unwrap_or("no reason is known here");
        notes.insert(0, format!("FROZEN for another {}: {reason}", lasting(*seconds_left)));
    }
    [
        Escaped(&one.name).to_string(),
        one.set.as_deref().map_or_else(|| "-".into(), |set| Escaped(set).to_string()),
        Escaped(&one.state).to_string(),
        Escaped(peer).to_string(),
        lasting(one.state_seconds),
        last_switch.unwrap_or_else(|| "-".into()),
        Escaped(&notes.join("; ")).to_string(),
    ]
}

fn conclusion(summary: Summary) -> String {
    let Summary { resources, protected, .. } = summary;
    match (resources, resources - protected.min(resources)) {
        (1, 0) => "the resource is protected\n".into(),
        (all, 0) => format!("all {all} resources are protected\n"),
        (1, _) => "the resource is not protected\n".into(),
        (all, open) => format!("{open} of {all} resources not protected\n"),
    }
}

/// How long something has lasted. An answer that is nonsense is no panic.
fn lasting(seconds: f64) -> String {
    span(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use schrittmacher_api::{PathHealth, PeerLink};
    use schrittmacher_testkit::status::{daemon, resource};

    use super::*;

    #[test]
    fn the_table_is_for_people() {
        let in_set = resource("smsc-1", "hot", Some("standby"), ServiceLevel::Protected);
        let resources = vec![
            ResourceState { set: Some("web".into()), ..in_set },
            resource("bill\ning", "hot", Some("failed"), ServiceLevel::Unprotected),
        ];
        let mut status = daemon(resources);
        status.host = "host-a".into();
        status.remote_host = Some("host-b".into());
        status.peer.program = Some(PeerProgram::Ours);
        status.peer.link =
            Some(PeerLink { round_trip_seconds: Some(0.000_43), recently_sent: 3000, recently_lost: 2 });
        let now: Timestamp = "2026-11-28T15:00:00Z".parse().unwrap();
        assert_eq!(
            table(&status, now, &TimeZone::UTC, Screen::default()),
            "host-a 10.2.1.86 <-> host-b 10.2.1.87   heard 0.1 s ago   round trip 0.4 ms, loss 2 of 3000   version 3.0.0, peer 3.0 or later   security legacy   peer has to name this run\n\
             RESOURCE   SET  HERE  PEER     SINCE     LAST SWITCH                                     NOTE\n\
             smsc-1     web  hot   standby  12 d 4 h  2026-11-28 14:59:00 here: the peer handed over\n\
             bill\\ning  -    hot   failed   12 d 4 h  2026-11-28 14:59:00 here: the peer handed over  NOT PROTECTED: the peer's application has failed\n\
             1 of 2 resources not protected\n"
        );
        let path = |number: u8, state, heard_seconds_ago, link| PeerPath {
            number,
            local_address: format!("10.9.{number}.1"),
            remote_address: format!("10.9.{number}.2"),
            state,
            heard_seconds_ago,
            link,
        };
        status.peer.paths = vec![
            path(1, PathHealth::Works, Some(0.1), status.peer.link),
            path(2, PathHealth::NotHeard, None, None),
        ];
        let told = table(&status, now, &TimeZone::UTC, Screen::default());
        assert!(
            told.contains(
                "\npath 1   10.9.1.1 <-> 10.9.1.2   works   heard 100 ms ago   round trip 0.4 ms, loss 2 of 3000\n\
                 path 2   10.9.2.1 <-> 10.9.2.2   NOTHING COMES BY IT   never heard\nRESOURCE"
            ),
            "{told}"
        );
        status.resources[0].set = None;
        assert!(!table(&status, now, &TimeZone::UTC, Screen::default()).contains("SET"), "no set, no column");
    }

    #[test]
    fn a_narrow_terminal_gets_everything_below_each_other() {
        let resources = vec![
            resource("smsc-1", "hot", Some("standby"), ServiceLevel::Protected),
            resource("billing", "hot", Some("failed"), ServiceLevel::Unprotected),
        ];
        let now: Timestamp = "2026-11-28T15:00:00Z".parse().unwrap();
        let screen = Screen { width: Some(56), height: None };
        let text = table(&daemon(resources), now, &TimeZone::UTC, screen);
        assert!(text.lines().all(|line| columns(line) <= 56), "{text}");
        assert!(text.contains("smsc-1    hot   standby  12 d 4 h\n  2026-11-28"), "{text}");
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("NOT PROTECTED: the peer's application has failed"), "{text}");
    }

    #[test]
    fn a_low_terminal_gets_the_problems_and_the_number_of_the_rest() {
        let mut resources: Vec<_> = (0..300)
            .map(|n| resource(&format!("r{n}"), "hot", Some("standby"), ServiceLevel::Protected))
            .collect();
        resources[200] = resource("broken", "hot", Some("failed"), ServiceLevel::Unprotected);
        let mut status = daemon(resources);
        problems_first(&mut status);
        let now: Timestamp = "2026-11-28T15:00:00Z".parse().unwrap();
        let screen = Screen { width: None, height: Some(10) };
        let text = table(&status, now, &TimeZone::UTC, screen);
        assert_eq!(text.lines().count(), 10, "{text}");
        assert!(text.lines().nth(2).unwrap().starts_with("broken"), "{text}");
        assert!(text.ends_with("... and 294 more\n1 of 300 resources not protected\n"), "{text}");
        status.authentication = Some(Authentication {
            mode: "enforce".into(),
            key: None,
            peer_key: None,
            refused: 0,
            last_refusal: None,
            peer_hears_nothing: false,
        });
        assert!(table(&status, now, &TimeZone::UTC, screen).lines().nth(2).unwrap().starts_with("broken"));
    }

    #[test]
    fn the_worst_resource_decides_the_exit_status() {
        let base = Summary { resources: 3, protected: 1, ..Summary::default() };
        assert_eq!(exit_status(base), 0);
        assert_eq!(exit_status(Summary { unprotected: 2, ..base }), 1);
        assert_eq!(exit_status(Summary { unprotected: 1, nobody_hot: 1, ..base }), 2);
        assert_eq!(exit_status(Summary { both_hot: 2, ..base }), 2);
    }

    #[test]
    fn a_time_that_no_daemon_can_mean_is_shown_all_the_same() {
        assert_eq!([2.0, 1e12, -1.0, 1e300].map(lasting), ["2.0 s", "11574074 d 1 h", "0 ms", "0 ms"]);
        let mut one = resource("x", "hot", Some("standby"), ServiceLevel::Protected);
        for seconds_ago in [1e12, 1e300, -1e300] {
            one.last_switch.as_mut().unwrap().seconds_ago = seconds_ago;
            assert!(
                row(&one, Timestamp::UNIX_EPOCH, &TimeZone::UTC)[5].ends_with(" here: the peer handed over")
            );
        }
    }
}
