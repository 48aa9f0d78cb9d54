//! `schrittmacherctl freeze` and `thaw`.

use std::time::Duration;

use schrittmacher_api::{DaemonStatus, OrderAnswer, OrderWord, RESOURCES, STATUS};

use super::options::DaemonArgs;
use super::order::path_of;
use super::simulate::options::time;
use super::{CtlError, Output, ask};
use schrittmacher_text::{Escaped, exit_code};
use schrittmacher_wire::FREEZE_MAX;

/// Forbid automatic switches of a resource for a time, on both sides
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  schrittmacherctl freeze --all --for 2h --reason 'kernel update'

A frozen side takes no role by itself, whatever fails or is silent: it goes hot only by an order,
or if its application is hot already. A daemon that ends leaves a frozen service alone. Orders are
obeyed. The freeze reaches the other side, survives restarts and reboots, and ends by itself.
An older program on the other side knows no freeze, and the answer says so.

Exit status:
  0  frozen                  66 there is no such resource
  69 no daemon runs")]
pub(crate) struct FreezeArgs {
    #[command(flatten)]
    pub which: WhichArgs,

    /// For how long, like 30m or 2h; at most seven days
    #[arg(long = "for", value_name = "TIME", value_parser = length)]
    pub length: Duration,

    /// Why; shown in status and log
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub reason: String,
}

/// End a freeze on both sides
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  schrittmacherctl thaw --all

Exit status:
  0  thawed, or not frozen   66 there is no such resource
  69 no daemon runs")]
pub(crate) struct ThawArgs {
    #[command(flatten)]
    pub which: WhichArgs,
}

/// The resources that are meant.
#[derive(clap::Args)]
pub(crate) struct WhichArgs {
    #[command(flatten)]
    pub daemon: DaemonArgs,

    /// The answers in JSON, one object for each resource (docs/http-api.md)
    #[arg(short, long)]
    pub json: bool,

    /// All resources
    #[arg(long, conflicts_with = "resources")]
    pub all: bool,

    /// The resources
    #[arg(value_name = "RESOURCE", required_unless_present = "all")]
    pub resources: Vec<String>,
}

/// The daemon's own bounds.
fn length(text: &str) -> Result<Duration, String> {
    let length = time(text)?;
    if length.is_zero() || length > FREEZE_MAX {
        return Err("a freeze lasts for seven days at most, and not for no time; `thaw` ends one".to_owned());
    }
    Ok(length)
}

pub(super) fn freeze(args: &FreezeArgs, output: &mut Output<'_>) -> Result<u8, CtlError> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("seconds", &args.length.as_secs_f64().to_string()).append_pair("reason", &args.reason);
    order(&args.which, &format!("freeze?{}", query.finish()), output)
}

pub(super) fn thaw(args: &ThawArgs, output: &mut Output<'_>) -> Result<u8, CtlError> {
    order(&args.which, "thaw", output)
}

fn order(which: &WhichArgs, action: &str, output: &mut Output<'_>) -> Result<u8, CtlError> {
    let names = if which.all {
        let status = ask::get::<DaemonStatus>(&which.daemon, STATUS)?.value;
        status.resources.into_iter().map(|one| one.name).collect()
    } else {
        which.resources.clone()
    };
    let mut worst = exit_code::OK;
    for name in &names {
        let target = format!("{RESOURCES}/{}/{action}", path_of(name));
        let answer: ask::JsonAnswer<OrderAnswer> = ask::post(&which.daemon, &target)?;
        let message = Escaped(&answer.value.message);
        match (which.json, answer.value.outcome) {
            (true, _) => output.text(&answer.text),
            (false, OrderWord::Ordered) => output.line(&message),
            (false, _) => Output::new(std::io::stderr()).line(&format_args!("schrittmacherctl: {message}")),
        }
        if answer.value.outcome != OrderWord::Ordered {
            worst = exit_code::NOINPUT;
        }
    }
    Ok(worst)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freeze_has_an_end_and_is_not_over_at_once() {
        assert_eq!(length("7d"), Ok(FREEZE_MAX));
        for text in ["0", "0s", "8d"] {
            assert!(length(text).is_err(), "{text}");
        }
    }
}
