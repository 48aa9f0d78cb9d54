//! The command line of `schrittmacherctl`.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

const AFTER: &str = "\
Examples:
  schrittmacherctl explain                  what happened on this host, and why?
  schrittmacherctl record -o host-a.record  keep it, or send it to somebody
  schrittmacherctl replay host-a.record     read it again, and check it against this program
  schrittmacherctl simulate my.conf --loss 1  what is this configuration good for?

Reading it:
  A line has a time, what came in, how the state changed, and what was ordered about it.
  What comes all the time is counted and stands where it came last. A daemon keeps the
  last sixteen heartbeats of each resource or more, and of the time before only what led to
  the last changes of state, four failovers as a rule. When it is started anew it knows
  nothing of what was. An answer of the daemon ends after five seconds: over a slow link ask
  for single resources.

Exit status:
  0   all is well            69  the daemon does not answer
  1   replay: different      74  the output cannot be written
  64  wrong command line     78  wrong configuration
  65  not a flight record    73  the file of --output cannot be made
  66  no such file or resource  71  the system refuses";

/// The operator's command.
#[derive(Parser)]
#[command(
    name = "schrittmacherctl",
    version,
    about = "Shows what happened to the resources of a schrittmacher daemon, and why,\nand says what a configuration is good for.",
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
    Simulate(crate::simulate::SimulateArgs),
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use roff::Roff;

    use super::*;
    use crate::man;

    #[test]
    fn the_definition_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_daemon_is_named_in_one_way() {
        let parsed = |args: &[&str]| Args::try_parse_from([&["schrittmacherctl"], args].concat());
        for command in ["explain", "record"] {
            assert!(parsed(&[command, "-c", "x.conf", "some", "resources"]).is_ok());
            assert!(parsed(&[command, "--address", "host:7700"]).is_ok());
            assert!(parsed(&[command, "-c", "x.conf", "-a", "host:7700"]).is_err());
        }
        assert!(parsed(&["replay"]).is_err());
        assert!(parsed(&["replay", "-", "-r", "x", "--resource=y", "-q"]).is_ok());
    }

    /// Each command with its options, then what `--help` says after them, a section for each of its paragraphs.
    #[test]
    fn manual_page() {
        let mut page = Roff::new();
        let title = ["schrittmacherctl", "8", man::VERSION, "schrittmacher", "System Administration"];
        page.control("TH", title);
        man::section(&mut page, "NAME");
        page.text(man::inlines(
            "schrittmacherctl - shows what happened to the resources of schrittmacher(8), and what a configuration is good for",
        ));
        man::section(&mut page, "SYNOPSIS");
        let mut text = page.render().into_bytes();
        let mut whole = Args::command();
        whole.build();
        let commands: Vec<_> =
            whole.get_subcommands().filter(|command| command.get_name() != "help").cloned().collect();
        for command in &commands {
            let mut usage = Roff::new();
            usage.text(man::inlines(&format!(
                "`{}`",
                command.clone().render_usage().to_string().replace("Usage: ", "")
            )));
            usage.control("br", []);
            text.extend(usage.render().into_bytes());
        }
        for command in commands {
            let mut head = Roff::new();
            man::section(&mut head, &command.get_name().to_uppercase());
            head.text(man::inlines(&format!("{}.", command.get_about().unwrap())));
            text.extend(head.render().into_bytes());
            let mut options = Vec::new();
            clap_mangen::Man::new(command).render_options_section(&mut options).unwrap();
            text.extend(String::from_utf8(options).unwrap().replace(".SH OPTIONS\n", "").into_bytes());
        }
        let mut rest = Roff::new();
        for paragraph in AFTER.split("\n\n") {
            let (title, lines) = paragraph.split_once(":\n").unwrap();
            man::section(&mut rest, &title.to_uppercase());
            man::verbatim(&mut rest, lines);
        }
        man::section(&mut rest, "SEE ALSO");
        rest.text(man::inlines("`schrittmacher`(8), `schrittmacher.conf`(5)"));
        text.extend(rest.render().into_bytes());
        man::compare("schrittmacherctl.8", &String::from_utf8(text).unwrap());
    }
}
