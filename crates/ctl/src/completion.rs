//! `schrittmacherctl completion`: what a shell needs to complete our command lines.

use clap::CommandFactory;
use clap_complete::Shell;

use super::Output;
use super::options::CommandLine;

/// Print the completions for a shell
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  schrittmacherctl completion bash >/etc/bash_completion.d/schrittmacherctl")]
pub(crate) struct CompletionArgs {
    /// The shell
    pub shell: Shell,
}

pub(super) fn run(args: &CompletionArgs, output: &mut Output<'_>) {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut CommandLine::command(), "schrittmacherctl", &mut script);
    output.bytes(&script);
}
