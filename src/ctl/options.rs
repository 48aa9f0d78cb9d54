//! The command line of `schrittmacherctl`.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

const AFTER: &str = "\
Examples:
  schrittmacherctl explain                 what happened on this host, and why?
  schrittmacherctl record -o host-a.record keep it, or send it to somebody
  schrittmacherctl replay host-a.record    read it again, and check it against this program

Exit status:
  0   all is well            69  the daemon does not answer
  1   replay: different      74  the output cannot be written
  64  wrong command line     78  wrong configuration
  65  not a flight record
  66  no such file or resource";

/// The operator's command.
#[derive(Parser)]
#[command(
    name = "schrittmacherctl",
    version,
    about = "Shows what happened to the resources of a schrittmacher daemon, and why.",
    after_help = AFTER
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    Explain(super::explain::Args),
    Record(super::record::Args),
    Replay(super::replay::Args),
}

/// Which daemon is asked.
#[derive(clap::Args)]
pub(crate) struct Daemon {
    /// The daemon's configuration file, which says where its page is; looked for in the daemon's own places if
    /// it is not named
    #[arg(short, long, value_name = "FILE", conflicts_with = "address")]
    pub config: Option<PathBuf>,

    /// Where the daemon's page is, instead: an address or a name, and the port
    #[arg(short, long, value_name = "HOST:PORT")]
    pub address: Option<String>,
}
