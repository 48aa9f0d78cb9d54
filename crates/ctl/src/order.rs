//! `schrittmacherctl failover` and `takeover`.

use std::time::Duration;

use schrittmacher_api::{DaemonStatus, OrderAnswer, OrderWord, RESOURCES, ResourceState, STATUS};

use super::options::DaemonArgs;
use super::simulate::options::time;
use super::wait::{Patience, Watch};
use super::{CtlError, Output, ask};
use schrittmacher_text::{Escaped, exit_code, span};

/// The arguments of both orders.
#[derive(clap::Args)]
pub(crate) struct OrderArgs {
    #[command(flatten)]
    pub daemon: DaemonArgs,

    /// Go on although the order is refused without this: the other side is not heard or has failed, or a switch
    /// in the other direction is under way
    #[arg(short, long)]
    pub force: bool,

    /// Say what would become of the order, and order nothing
    #[arg(short = 'n', long, conflicts_with_all = ["wait", "undo_after"])]
    pub dry_run: bool,

    /// Show the stages, and end when the application of the side that is meant says hot; give up after TIME
    #[arg(short, long, value_name = "TIME", value_parser = time, num_args = 0..=1, require_equals = true,
        default_missing_value = "60s")]
    pub wait: Option<Duration>,

    /// Wait, and order the opposite by force if that side is not hot after TIME, like 30s. This program has to go on
    /// running for that
    #[arg(short, long, value_name = "TIME", value_parser = time)]
    pub undo_after: Option<Duration>,

    /// The answers in JSON, one object for each resource (docs/http-api.md)
    #[arg(short, long)]
    pub json: bool,

    /// All resources that this order can mean: for a failover those hot here, for a takeover those hot on the other side
    #[arg(long, conflicts_with = "resources")]
    pub all: bool,

    /// The resources
    #[arg(value_name = "RESOURCE", required_unless_present = "all")]
    pub resources: Vec<String>,
}

/// Which side shall be hot.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// The other one.
    Failover,
    /// The one whose daemon is asked.
    Takeover,
}

impl Target {
    pub fn opposite(self) -> Target {
        match self {
            Target::Failover => Target::Takeover,
            Target::Takeover => Target::Failover,
        }
    }
}

/// Orders of one kind to one daemon.
pub(super) struct Orders<'a> {
    pub daemon: &'a DaemonArgs,
    pub target: Target,
    pub json: bool,
    dry_run: bool,
}

impl Orders<'_> {
    /// Gives one order. `target` is the opposite for one that undoes.
    pub fn give_one(
        &self,
        target: Target,
        name: &str,
        force: bool,
    ) -> Result<ask::JsonAnswer<OrderAnswer>, CtlError> {
        let name = path_of(name);
        let action = match target {
            Target::Failover => "failover",
            Target::Takeover => "takeover",
        };
        let options: Vec<_> = [(force, "force=yes"), (self.dry_run, "dry-run=yes")]
            .into_iter()
            .filter_map(|(wanted, text)| wanted.then_some(text))
            .collect();
        ask::post(self.daemon, &format!("{RESOURCES}/{name}/{action}?{}", options.join("&")))
    }
}

/// Gives every order first, then waits for each, if that is wanted. The exit status is the greatest one.
pub(super) fn run(args: &OrderArgs, target: Target, output: &mut Output<'_>) -> Result<u8, CtlError> {
    let orders = Orders { daemon: &args.daemon, target, json: args.json, dry_run: args.dry_run };
    let names = if args.all { all(&args.daemon, target)? } else { args.resources.clone() };
    if names.is_empty() {
        let none = match target {
            Target::Failover => "no resource is hot here",
            Target::Takeover => "no resource is hot on the other side",
        };
        return Err(CtlError::new(exit_code::REFUSED, &none));
    }
    let patience = (args.wait.is_some() || args.undo_after.is_some()).then(|| Patience {
        limit: args.wait.unwrap_or(DEFAULT_WAIT).max(args.undo_after.unwrap_or_default()),
        undo_after: args.undo_after,
    });
    let mut worst = exit_code::OK;
    let mut watches = Vec::new();
    for name in &names {
        let watch = patience.map(|_| Watch::begin(&orders, name)).transpose()?;
        let answer = orders.give_one(target, name, args.force)?;
        let status = exit_status(answer.value.outcome);
        worst = worst.max(status);
        // Of a switch that is waited for its end is told.
        let is_last_word = patience.is_none() || status != exit_code::OK;
        if is_last_word || !args.json {
            tell(&answer, args.json, output);
        }
        if args.dry_run && !args.json && status == exit_code::OK {
            let path = format!("{RESOURCES}/{}", path_of(name));
            let one = ask::get(&args.daemon, &path)?.value;
            output.line(&now(&one));
            output.line(&expected(&one, target));
        }
        watches.extend(watch.filter(|_| status == exit_code::OK));
    }
    for watch in watches {
        if let Some(patience) = patience {
            worst = worst.max(watch.finish(patience, output)?);
        }
    }
    Ok(worst)
}

/// A resource's name as a part of a path, in which a blank is %20.
pub(super) fn path_of(name: &str) -> String {
    form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>().replace('+', "%20")
}

/// For `--undo-after` without `--wait`.
const DEFAULT_WAIT: Duration = Duration::from_secs(60);

/// The resources that an order for all can mean.
fn all(daemon: &DaemonArgs, target: Target) -> Result<Vec<String>, CtlError> {
    let status = ask::get::<DaemonStatus>(daemon, STATUS)?.value;
    let meant = |one: &ResourceState| match target {
        Target::Failover => one.state == "hot",
        Target::Takeover => one.state != "hot" && one.peer.state.as_deref() == Some("hot"),
    };
    Ok(status.resources.into_iter().filter(meant).map(|one| one.name).collect())
}

fn tell(answer: &ask::JsonAnswer<OrderAnswer>, json: bool, output: &mut Output<'_>) {
    let message = Escaped(&answer.value.message);
    if json {
        output.text(&answer.text);
    } else if exit_status(answer.value.outcome) != exit_code::OK {
        let advice = if answer.value.force_helps { "; --force overrides" } else { "" };
        Output::new(std::io::stderr()).line(&format_args!("schrittmacherctl: {message}{advice}"));
    } else {
        output.line(&message);
        output.flush();
    }
}

/// Both sides, before a switch: `now: hot here for 3 d 4 h; the peer is standby, heard 0.1 s ago`.
fn now(one: &ResourceState) -> String {
    let here = span(Duration::try_from_secs_f64(one.state_seconds).unwrap_or_default());
    let peer = match (one.peer.state.as_deref(), one.peer.heard_seconds_ago) {
        (Some(state), Some(ago)) => format!("the peer is {}, heard {ago:.1} s ago", Escaped(state)),
        (_, _) => "the peer is NOT HEARD".to_owned(),
    };
    format!("now: {} here for {here}; {peer}", Escaped(&one.state))
}

/// How long the switch will take, by the last planned one in its direction.
fn expected(one: &ResourceState, target: Target) -> String {
    let planned = one.planned.clone().unwrap_or_default();
    let shown = |seconds: f64| span(Duration::try_from_secs_f64(seconds).unwrap_or_default());
    let (outage, release) = match target {
        Target::Failover => (planned.away_seconds, planned.release_seconds),
        Target::Takeover => (planned.here_seconds, None),
    };
    let stopping =
        release.map(|seconds| format!("; stopping here took {}", shown(seconds))).unwrap_or_default();
    match outage {
        Some(seconds) => {
            format!("expected: {} without service, as with the last such switch{stopping}", shown(seconds))
        }
        None => {
            let since = "there was no such switch since the daemon's start";
            format!("expected: not known, because {since}{stopping}")
        }
    }
}

fn exit_status(outcome: OrderWord) -> u8 {
    match outcome {
        OrderWord::Ordered | OrderWord::Joined | OrderWord::Possible => exit_code::OK,
        OrderWord::Refused => exit_code::REFUSED,
        OrderWord::NoSuchResource => exit_code::NOINPUT,
    }
}

#[cfg(test)]
mod tests {
    use schrittmacher_api::ServiceLevel;
    use schrittmacher_testkit::status::resource;

    use super::*;

    #[test]
    fn a_dry_run_tells_both_sides() {
        let ready = resource("x", "hot", Some("standby"), ServiceLevel::Protected);
        assert_eq!(now(&ready), "now: hot here for 12 d 4 h; the peer is standby, heard 0.1 s ago");
        let alone = resource("x", "hot", None, ServiceLevel::Unprotected);
        assert_eq!(now(&alone), "now: hot here for 12 d 4 h; the peer is NOT HEARD");
    }

    #[test]
    fn a_dry_run_says_how_long_the_last_such_switch_took() {
        use schrittmacher_api::PlannedSwitches;
        let mut one = resource("x", "hot", Some("standby"), ServiceLevel::Protected);
        let unknown = "expected: not known, because there was no such switch since the daemon's start";
        assert_eq!(expected(&one, Target::Failover), unknown);
        one.planned = Some(PlannedSwitches {
            release_seconds: Some(0.25),
            away_seconds: Some(0.3),
            here_seconds: None,
        });
        assert_eq!(
            expected(&one, Target::Failover),
            "expected: 300 ms without service, as with the last such switch; stopping here took 250 ms"
        );
        assert_eq!(expected(&one, Target::Takeover), unknown);
    }
}
