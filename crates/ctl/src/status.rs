//! `schrittmacherctl status`: what the daemon knows, as a table.

use std::io::IsTerminal;
use std::thread;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use schrittmacher_api::{
    Authentication, DaemonStatus, Frozen, PeerProgram, PeerProof, ResourceState, STATUS, ServiceLevel,
    Summary, SwitchDirection,
};

use super::options::DaemonArgs;
use super::simulate::options::time;
use super::{CtlError, Output, ask};
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
        return watch(args, pause, output);
    }
    let answer: ask::JsonAnswer<DaemonStatus> = ask::get(&args.daemon, STATUS)?;
    if args.json {
        output.text(&answer.text);
    } else if !args.quiet {
        output.text(&table(&answer.value, Timestamp::now(), &TimeZone::system()));
    }
    Ok(exit_status(answer.value.summary))
}

/// The least pause: the daemon gives no newer facts sooner.
const PAUSE_MIN: Duration = Duration::from_millis(100);

/// To the top left, and everything after it is empty.
const CLEAR: &str = "\x1b[H\x1b[2J\x1b[3J";

/// Ends when the reader has gone.
fn watch(args: &StatusArgs, pause: Duration, output: &mut Output<'_>) -> Result<u8, CtlError> {
    let is_terminal = std::io::stdout().is_terminal();
    while !output.is_broken() {
        let seen = ask::get::<DaemonStatus>(&args.daemon, STATUS);
        let now = Timestamp::now();
        let text = match &seen {
            Ok(answer) => table(&answer.value, now, &TimeZone::system()),
            Err(error) => format!("{}\n", error.why),
        };
        let time = now.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S");
        output.text(&format_args!("{}{time}\n{text}", if is_terminal { CLEAR } else { "" }));
        output.flush();
        thread::sleep(pause.max(PAUSE_MIN));
    }
    Ok(exit_code::OK)
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

fn table(status: &DaemonStatus, now: Timestamp, zone: &TimeZone) -> String {
    let rows: Vec<[String; 7]> = status.resources.iter().map(|one| row(one, now, zone)).collect();
    let has_sets = status.resources.iter().any(|one| one.set.is_some());
    let columns: Vec<usize> = (0..COLUMNS.len()).filter(|column| *column != SET || has_sets).collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([COLUMNS[column].len()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..COLUMNS.len()).map(width).collect();
    let line = |cells: [&str; 7]| {
        let padded: Vec<_> =
            columns.iter().map(|&column| format!("{:1$}", cells[column], widths[column])).collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let mut text = heading(status) + &line(COLUMNS);
    for row in &rows {
        text += &line(row.each_ref().map(String::as_str));
    }
    text + &conclusion(status.summary)
}

fn heading(status: &DaemonStatus) -> String {
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
    format!(
        "{host} {local_address} <-> {there}{remote_address}   {heard}   version {program}{other}   security {security}   \
         {proof}\n{}",
        status.authentication.as_ref().map(authentication).unwrap_or_default()
    )
}

fn authentication(about: &Authentication) -> String {
    let Authentication { mode, key, peer_key, refused, last_refusal, peer_hears_nothing } = about;
    let key = Escaped(key.as_deref().unwrap_or("none"));
    let peer = match peer_key {
        Some(key) => format!("peer signs with key {}", Escaped(key)),
        None => "PEER DOES NOT SIGN".into(),
    };
    let mut text = format!("authentication {}   own key {key}   {peer}", Escaped(mode));
    if let (Some(why), 1..) = (last_refusal, refused) {
        text += &format!("   {refused} datagrams refused, the last one: {}", Escaped(why));
    }
    if *peer_hears_nothing {
        text += "   PEER HEARS NOTHING OF THIS HOST";
    }
    text + "\n"
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
        format!("{at} {direction}: {}", Escaped(&switch.cause))
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
    use schrittmacher_api::PeerLink;
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
            table(&status, now, &TimeZone::UTC),
            "host-a 10.2.1.86 <-> host-b 10.2.1.87   heard 0.1 s ago   round trip 0.4 ms, loss 2 of 3000   version 3.0.0, peer 3.0 or later   security legacy   peer has to name this run\n\
             RESOURCE   SET  HERE  PEER     SINCE     LAST SWITCH                                     NOTE\n\
             smsc-1     web  hot   standby  12 d 4 h  2026-11-28 14:59:00 here: the peer handed over\n\
             bill\\ning  -    hot   failed   12 d 4 h  2026-11-28 14:59:00 here: the peer handed over  NOT PROTECTED: the peer's application has failed\n\
             1 of 2 resources not protected\n"
        );
        status.resources[0].set = None;
        assert!(!table(&status, now, &TimeZone::UTC).contains("SET"), "no set, no column");
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
