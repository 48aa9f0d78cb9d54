//! The command line of `schrittmacherctl`.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

const FAILOVER: &str = "\
Examples:
  schrittmacherctl failover smsc-1 --wait
  schrittmacherctl failover smsc-1 --undo-after 30s

The hot side stops the service first; then the other side starts it. An order that comes while
a switch is under way joins it, or is refused if it wants the other direction.

Exit status:
  0  ordered, or under way already; with --wait: the other side is hot
  1  refused, with the reason
  3  --wait: the service is hot where it was: the switch was undone, or came back
  4  --wait: neither within its time
  66 there is no such resource
  69 no daemon runs";

const TAKEOVER: &str = "\
Example:
  schrittmacherctl takeover smsc-1 --wait

Give it on the side that shall be hot. The other side stops the service first, if it answers.
An order that comes while a switch is under way joins it, or is refused if it wants the other
direction.

Exit status:
  0  ordered, or under way already; with --wait: this side is hot
  1  refused, with the reason
  3  --wait: the other side is hot again: the switch was undone, or came back
  4  --wait: neither within its time
  66 there is no such resource
  69 no daemon runs";

const AFTER: &str = "\
Examples:
  schrittmacherctl status                   which side is hot, and is the pair protected?
  schrittmacherctl failover smsc-1 --wait   the other side shall serve
  schrittmacherctl check                    are the file, this host and the daemon as they should be?
  schrittmacherctl reload                   put the changed configuration in force
  schrittmacherctl explain                  what happened to the resources, and why?
  schrittmacherctl record -o host-a.record  to keep it or to send it
  schrittmacherctl replay host-a.record     read it again, and check it against this program
  schrittmacherctl check --peer             and does it fit the other host?
  schrittmacherctl simulate my.conf --loss 1  what is this configuration good for?
  schrittmacherctl init --help              how to make the configuration of a first pair
  schrittmacherctl keygen peer.key          make a key by which both hosts believe each other

Reading replay and explain --messages:
  A line has a time, what came in, how the state changed, and what was ordered about it.
  Repeated messages are one line with a count, at the time of the last one. A daemon keeps
  at least the last sixteen heartbeats of each resource. Of the time before it keeps only
  what led to the last changes of state: four failovers as a rule. A restart empties it.
  The page ends an answer after five seconds: over a slow link ask for single resources.

Exit status:
  0   all is well            69  no daemon runs, or it does not answer
  1   status: a resource is not protected; an order: refused; replay: different
  2   status: no side is hot, or both are
  3   an order with --wait: the service is where it was; 4: the switch is not over
  64  wrong command line     74  the output cannot be written
  65  not a flight record    73  the file of --output cannot be made
  66  no such file or resource  77  not permitted
  71  the system refuses     78  wrong configuration";

/// The operator's command.
#[derive(Parser)]
#[command(
    name = "schrittmacherctl",
    version,
    about = "Shows and switches the resources of a schrittmacher daemon, tells what happened to\nthem, and says what a configuration is good for.",
    after_help = AFTER
)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    Status(super::status::StatusArgs),
    Top(super::top::TopArgs),
    /// Order the other side to be hot, and this one standby
    #[command(after_help = FAILOVER)]
    Failover(super::order::OrderArgs),
    /// Order this side to be hot, and the other one standby
    #[command(after_help = TAKEOVER)]
    Takeover(super::order::OrderArgs),
    Freeze(super::freeze::FreezeArgs),
    Thaw(super::freeze::ThawArgs),
    Reload(super::reload::ReloadArgs),
    Check(super::check::CheckArgs),
    History(super::history::HistoryArgs),
    Explain(super::explain::ExplainArgs),
    Logs(super::logs::LogsArgs),
    Record(super::record::RecordArgs),
    Replay(super::replay::ReplayArgs),
    Simulate(crate::simulate::SimulateArgs),
    Init(super::init::InitArgs),
    Convert(super::convert::ConvertArgs),
    Keygen(super::keygen::KeygenArgs),
    Completion(super::completion::CompletionArgs),
}

/// Which daemon is asked.
#[derive(clap::Args)]
pub(crate) struct DaemonArgs {
    /// The daemon's configuration file, which says where its control socket is; looked for in the daemon's own
    /// places if it is not named
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["address", "socket"])]
    pub config: Option<PathBuf>,

    /// The daemon's control socket itself
    #[arg(short, long, value_name = "PATH", conflicts_with = "address")]
    pub socket: Option<PathBuf>,

    /// The daemon's status page, which may be on another host: an address or a name, and the port
    #[arg(short, long, value_name = "HOST:PORT")]
    pub address: Option<String>,

    /// A file of the page's tokens (`order-token-file`): the first one in it is shown with an order at the page
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use roff::Roff;

    use super::*;
    use schrittmacher_testkit::man;

    #[test]
    fn the_definition_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn a_daemon_is_named_in_one_way() {
        let parsed = |args: &[&str]| CommandLine::try_parse_from([&["schrittmacherctl"], args].concat());
        for command in ["explain", "record", "status", "reload"] {
            assert!(parsed(&[command, "-c", "x.conf"]).is_ok());
            assert!(parsed(&[command, "--address", "host:7700"]).is_ok());
            assert!(parsed(&[command, "--socket", "/run/x.sock"]).is_ok());
            assert!(parsed(&[command, "-c", "x.conf", "-a", "host:7700"]).is_err());
            assert!(parsed(&[command, "-c", "x.conf", "-s", "/run/x.sock"]).is_err());
        }
        assert!(parsed(&["explain", "some", "resources"]).is_ok());
        assert!(parsed(&["failover", "--force", "x"]).is_ok());
        assert!(parsed(&["failover"]).is_err(), "all resources are never meant by silence");
        assert!(parsed(&["failover", "--all"]).is_ok());
        assert!(parsed(&["failover", "--all", "x"]).is_err());
        assert!(parsed(&["failover", "--wait", "x"]).is_ok(), "x is the resource");
        assert!(parsed(&["failover", "--wait=2h", "--undo-after", "500ms", "x"]).is_ok());
        assert!(parsed(&["failover", "--dry-run", "--wait", "x"]).is_err());
        assert!(parsed(&["replay"]).is_err());
        assert!(parsed(&["replay", "-", "-r", "x", "--resource=y", "-q"]).is_ok());
    }

    #[test]
    fn every_command_has_an_example() {
        let mut whole = CommandLine::command();
        whole.build();
        for command in whole.get_subcommands().filter(|command| command.get_name() != "help") {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(
                help.contains(&format!("schrittmacherctl {}", command.get_name())),
                "{}",
                command.get_name()
            );
        }
    }

    /// Each command with its options, then what `--help` says after them, a section for each of its paragraphs.
    #[test]
    fn manual_page() {
        let about = "shows and switches the resources of schrittmacher(8), and tells what happened to them";
        let mut page = man::begin("schrittmacherctl", "8", "System Administration", about);
        let mut synopsis = Roff::new();
        man::section(&mut synopsis, "SYNOPSIS");
        let mut whole = CommandLine::command();
        whole.build();
        let commands: Vec<_> =
            whole.get_subcommands().filter(|command| command.get_name() != "help").cloned().collect();
        for (index, command) in commands.iter().enumerate() {
            if index > 0 {
                synopsis.control("br", []);
            }
            let usage = command.clone().render_usage().to_string();
            synopsis.text(man::inlines(&format!("`{}`", usage.replace("Usage: ", ""))));
        }
        page.extend(synopsis.render().into_bytes());
        for command in commands {
            let mut head = Roff::new();
            man::section(&mut head, &command.get_name().to_uppercase());
            head.text(man::inlines(&format!("{}.", command.get_about().unwrap())));
            page.extend(head.render().into_bytes());
            let mut options = Vec::new();
            clap_mangen::Man::new(command).render_options_section(&mut options).unwrap();
            // clap_mangen breaks the line around an empty one; mandoc says that this does nothing.
            let options = String::from_utf8(options)
                .unwrap()
                .replace(".SH OPTIONS\n", "")
                .replace(".br\n\n.br\n", ".sp\n");
            page.extend(options.into_bytes());
        }
        man::end(page, "schrittmacherctl.8", AFTER, "`schrittmacher`(8), `schrittmacher.conf`(5)");
    }
}
