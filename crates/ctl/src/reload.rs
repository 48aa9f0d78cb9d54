//! `schrittmacherctl reload`.

use schrittmacher_api::{RELOAD, ReloadAnswer, Remark};

use super::options::DaemonArgs;
use super::{CtlError, Output, ask};
use schrittmacher_text::{Escaped, exit_code};

/// Have the daemon read its configuration again, and say what became of it
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  schrittmacherctl reload && schrittmacherctl status

The file is put in force as a whole or, if anything is wrong with it, not at all.

Exit status:
  0  the file is in force; with --dry-run: it could be
  69 no daemon runs
  78 something is wrong with the file, and nothing has changed")]
pub(crate) struct ReloadArgs {
    #[command(flatten)]
    pub daemon: DaemonArgs,

    /// Only say what would change
    #[arg(long)]
    pub dry_run: bool,

    /// The daemon's whole answer, for programs (docs/http-api.md)
    #[arg(short, long)]
    pub json: bool,
}

pub(super) fn run(args: &ReloadArgs, output: &mut Output<'_>) -> Result<u8, CtlError> {
    let target = if args.dry_run { format!("{RELOAD}?dry-run=yes") } else { RELOAD.to_owned() };
    let answer: ask::JsonAnswer<ReloadAnswer> = ask::reload(&args.daemon, &target)?;
    // An older daemon knows no dry run, and has put the file in force.
    let is_good = answer.value.in_force || (answer.value.dry_run && answer.value.errors.is_empty());
    let status = if is_good { exit_code::OK } else { exit_code::CONFIG };
    if args.json {
        output.text(&answer.text);
        return Ok(status);
    }
    if !is_good {
        return Err(CtlError::new(status, &refusal(&answer.value)));
    }
    for warning in &answer.value.warnings {
        output.line(&format_args!("warning: {}", shown(warning)));
    }
    if answer.value.dry_run {
        for line in &answer.value.details {
            output.line(&Escaped(line));
        }
        let verdict =
            if answer.value.details.is_empty() { "nothing would change" } else { "nothing has changed yet" };
        output.line(&format_args!("a dry run: the file can be put in force, {verdict}"));
        return Ok(status);
    }
    output.line(&format_args!("the file is in force; {}", changes(&answer.value)));
    Ok(status)
}

fn refusal(answer: &ReloadAnswer) -> String {
    let mut text = "nothing has changed, because the file is refused".to_owned();
    for error in &answer.errors {
        text += &format!("\n{}", shown(error));
    }
    for warning in &answer.warnings {
        text += &format!("\nwarning: {}", shown(warning));
    }
    text
}

fn changes(answer: &ReloadAnswer) -> String {
    let lists = [("added", &answer.added), ("removed", &answer.removed), ("changed", &answer.changed)];
    let lists = lists.into_iter().filter(|(_, names)| !names.is_empty());
    let lists: Vec<_> =
        lists.map(|(what, names)| format!("{what}: {}", Escaped(&names.join(", ")))).collect();
    if lists.is_empty() { "no resource has changed".into() } else { lists.join("; ") }
}

fn shown(remark: &Remark) -> String {
    Escaped(&remark.to_string()).to_string()
}
