//! `schrittmacherctl check`: the file, this host, and the daemon that runs with it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use schrittmacher_api::{DaemonStatus, STATUS};
use serde_json::{Value, json};

use super::options::DaemonArgs;
use super::{CtlError, Output, ask, check_peer};
use schrittmacher_config::{Loaded, failure, failure_json, findings, report_json};
use schrittmacher_text::{Escaped, exit_code};

/// Look at a configuration file, at this host, and at the daemon that runs with the file
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  schrittmacherctl check && schrittmacherctl reload
  schrittmacherctl check --peer
  ssh host-b schrittmacherctl status --json | schrittmacherctl check --peer=-

`schrittmacher --check FILE` shows every value of a file as well.

Exit status:
  0  the file can be used; warnings and notes do not count
  1  --peer: the other host does not answer, or something does not fit
  66 there is no such file
  78 something is wrong with the file")]
pub(crate) struct CheckArgs {
    /// The whole answer, for programs
    #[arg(short, long)]
    pub json: bool,

    /// Ask the daemon of the other host at its status page as well, and compare: resources, addresses, times, program. Without
    /// HOST:PORT it is asked at `remote-address` and our own `http-port`. With `-` its `status --json` is read from standard input
    #[arg(short, long, value_name = "HOST:PORT", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub peer: Option<String>,

    /// The configuration file; looked for in the daemon's own places if it is not named
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
}

pub(super) fn run(args: &CheckArgs, output: &mut Output<'_>) -> Result<u8, CtlError> {
    let path = match &args.file {
        Some(path) => path.clone(),
        None => schrittmacher_config::find()
            .map_err(|error| CtlError::new(exit_code::NOINPUT, &format_args!("{error}; name it")))?,
    };
    let loaded = schrittmacher_config::load(&path);
    let daemon = running(&path);
    let differences = match (&loaded, &daemon) {
        (Ok(loaded), Ok(status)) => differences(loaded, status),
        (_, _) => Vec::new(),
    };
    let peer = args.peer.as_deref().map(|place| match (&loaded, &daemon) {
        (Ok(loaded), Ok(status)) => check_peer::compare(place, &loaded.config.core, status),
        (_, _) => Err("it is compared with the daemon of this host, which has to run".to_owned()),
    });
    if args.json {
        let file = match &loaded {
            Ok(loaded) => report_json(loaded),
            Err(error) => failure_json(&path, error),
        };
        let file: Value = serde_json::from_str(&file).unwrap_or_default();
        let status = daemon.as_ref().ok();
        let unfit = peer.as_ref().map(|found| match found {
            Ok(unfit) => json!({ "answers": true, "unfit": unfit }),
            Err(why) => json!({ "answers": false, "why": why }),
        });
        output.line(&json!({ "file": file, "daemon": status, "not_in_force": differences, "peer": unfit }));
    } else {
        match &loaded {
            Ok(loaded) => output.text(&format_args!("{}: can be used\n{}", path.display(), findings(loaded))),
            Err(error) => output.text(&failure(error)),
        }
        output.line(&daemon_line(&daemon));
        for difference in &differences {
            output.line(&format_args!("  {}", Escaped(difference)));
        }
        match &peer {
            Some(Ok(unfit)) if unfit.is_empty() => output.line(&"peer: it answers, and everything fits"),
            Some(Ok(unfit)) => {
                output.line(&format_args!("peer: it answers, and {} thing(s) do not fit", unfit.len()));
                unfit.iter().for_each(|text| output.line(&format_args!("  {}", Escaped(text))));
            }
            Some(Err(why)) => output.line(&format_args!("peer: NOT COMPARED: {}", Escaped(why))),
            None => {}
        }
    }
    let fits = peer.is_none_or(|found| found.is_ok_and(|unfit| unfit.is_empty()));
    Ok(match loaded {
        Err(error) => error.exit_code(),
        Ok(_) if fits => exit_code::OK,
        Ok(_) => exit_code::DIFFERENT,
    })
}

fn running(path: &Path) -> Result<DaemonStatus, CtlError> {
    let daemon = DaemonArgs { config: Some(path.to_owned()), socket: None, address: None, token_file: None };
    ask::get::<DaemonStatus>(&daemon, STATUS).map(|answer| answer.value)
}

fn daemon_line(daemon: &Result<DaemonStatus, CtlError>) -> String {
    match daemon {
        Ok(status) => {
            let peer = if status.peer.heard { "the peer is heard" } else { "THE PEER IS NOT HEARD" };
            format!("daemon: version {} runs, {peer}", Escaped(&status.program))
        }
        Err(error) => format!("daemon: {}", error.why),
    }
}

/// Settings of the file that the daemon does not have yet: it needs a reload.
fn differences(loaded: &Loaded, status: &DaemonStatus) -> Vec<String> {
    let written: BTreeSet<&str> = loaded.config.resources.iter().map(|one| &*one.name).collect();
    let running: BTreeSet<&str> = status.resources.iter().map(|one| one.name.as_str()).collect();
    let added =
        written.difference(&running).map(|name| format!("resource {name} is in the file and does not run"));
    let removed =
        running.difference(&written).map(|name| format!("resource {name} runs and is not in the file"));
    let priority = loaded.config.resources.iter().filter_map(|one| {
        let known = status.resources.iter().find(|known| known.name == *one.name)?;
        let (written, running) = (one.priority, known.priority);
        let name = &one.name;
        (written != running)
            .then(|| format!("resource {name} has priority {written} in the file, and runs with {running}"))
    });
    let named: Vec<String> = added.chain(removed).chain(priority).collect();
    let same_program = status.program == env!("CARGO_PKG_VERSION");
    let ours = schrittmacher_config::fingerprint(&loaded.config);
    let differs = same_program && status.config_hash.as_ref().is_some_and(|running| *running != ours);
    let others = (differs && named.is_empty())
        .then(|| "other settings of the file; `schrittmacherctl reload --dry-run` names them".to_owned());
    named.into_iter().chain(others).map(|text| format!("not in force: {text}")).collect()
}
