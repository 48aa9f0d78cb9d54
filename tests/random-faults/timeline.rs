//! A run, line by line, for a reader who looks for the reason.

use std::time::Duration;

use schrittmacher_protocol::{Action, Command, Event};
use schrittmacher_simulator::{Host, Spread, Step};
use schrittmacher_testkit::program::Program;
use schrittmacher_wire::PeerCode;

use crate::faults::{Fault, Mark, Weather};

/// The lines of a run.
#[derive(Default)]
pub struct Timeline {
    pub lines: Vec<String>,
    /// Broken promises that have their line.
    told: usize,
}

impl Timeline {
    /// Something goes wrong, is mended or ordered.
    pub fn fault(&mut self, now: Duration, fault: Fault) {
        self.note(now, &in_words(fault));
    }

    pub fn note(&mut self, now: Duration, what: &str) {
        self.lines.push(format!("{}  --    {what}", seconds(now)));
    }

    pub fn mark(&mut self, now: Duration, mark: Mark) {
        let what = match mark {
            Mark::Calm => "calm: everything is mended, and no order is under way",
            Mark::Settled => {
                "from here on the pair has to be settled; single losses, duplicates, small delays"
            }
            Mark::Over => "the calm is over",
            Mark::Ends => "daemons are told to end soon; none of them was set back to an earlier state",
            Mark::Ended => "the daemons that were told to end have ended",
        };
        self.lines.push(format!("{}  ==    {what}", seconds(now)));
    }

    /// A step that changes something, or that an operator would be told of.
    pub fn step(&mut self, now: Duration, step: &Step<'_>, hosts: &[Host<Program>; 2]) {
        let told = step.actions.iter().any(|action| matches!(action, Action::Refuse(_) | Action::Notice(_)));
        let starts = step.event.is_none();
        if step.before == step.after && !told && !starts {
            return;
        }
        let change = match (starts, step.before == step.after) {
            (true, _) => "daemon starts".to_owned(),
            (false, true) => step.after.to_string(),
            (false, false) => format!("{} -> {}", step.before, step.after),
        };
        let serving = ["A", "B"].into_iter().zip(hosts);
        let serving: String = serving
            .map(|(name, host)| if host.nodes[step.resource].app().is_serving() { name } else { "-" })
            .collect();
        let line = format!(
            "{}  {}{}  {serving}  {:<24} {change:<24} {}",
            seconds(now),
            name(step.side),
            step.resource,
            step.event.map_or_else(String::new, cause),
            done(step.actions),
        );
        self.lines.push(line.trim_end().to_owned());
    }

    /// Broken promises that are not told yet.
    pub fn broken(&mut self, broken: &[(Duration, String)]) {
        for (at, what) in &broken[self.told..] {
            self.lines.push(format!("{}  ##    BROKEN {what}", seconds(*at)));
        }
        self.told = broken.len();
    }
}

fn name(side: usize) -> &'static str {
    ["A", "B"][side]
}

fn seconds(at: Duration) -> String {
    format!("{:>9.3} s", at.as_secs_f64())
}

fn cause(event: Event) -> String {
    match event {
        Event::Peer(report) => format!("peer says {}", report.code.map_or("?", PeerCode::as_str)),
        Event::App(code) => format!("application says {}", code.map_or("?", |code| code.as_str())),
        Event::AppFailed(failure) => format!("application failed: {failure:?}"),
        Event::StartBegan => "start command begins".to_owned(),
        Event::Released => "commands are over".to_owned(),
        Event::ActivateFailed => "activate has failed".to_owned(),
        Event::CutOff => "clients cannot reach it".to_owned(),
        Event::Reconnected => "clients can reach it again".to_owned(),
        Event::HostSilent(_) => "the peer's host is silent".to_owned(),
        Event::Isolated(true) => "no target answers".to_owned(),
        Event::Isolated(false) => "a target answers again".to_owned(),
        Event::Activated => "activate works again".to_owned(),
        Event::StopFailed => "stop has failed".to_owned(),
        Event::DeactivateFailed => "deactivate has failed".to_owned(),
        Event::Failover { force: false } => "order: failover".to_owned(),
        Event::Failover { force: true } => "order: failover, forced".to_owned(),
        Event::Takeover { force: false } => "order: takeover".to_owned(),
        Event::Takeover { force: true } => "order: takeover, forced".to_owned(),
        Event::Shutdown => "SIGTERM".to_owned(),
        Event::Epochs(epochs) => format!("knows epoch {}", epochs.greatest),
        Event::LeftHot(ago) => format!("was left hot {ago:?} ago"),
        Event::Freeze(true) => "frozen".to_owned(),
        Event::Freeze(false) => "thawed".to_owned(),
        Event::Bond(bond) => format!("its set: {bond:?}"),
        Event::Follow { force: false } => "follows its set".to_owned(),
        Event::Follow { force: true } => "follows its set, by force".to_owned(),
        Event::Reloaded => "SIGHUP".to_owned(),
        Event::CommandWaits => "its command waits for its turn".to_owned(),
        Event::Witness(answer) => format!("witness: {answer:?}"),
        Event::Fenced(_, outcome) => format!("fence: {outcome:?}"),
        Event::Tick => "time".to_owned(),
    }
}

fn done(actions: &[Action]) -> String {
    let word = |action: &Action| match action {
        Action::Send { code, random, .. } if *random == schrittmacher_protocol::FORCED_RANDOM => {
            format!("says {code}, forced")
        }
        Action::Send { code, .. } => format!("says {code}"),
        Action::Command(Command::Activate) => "activate".to_owned(),
        Action::Command(Command::Start) => "start".to_owned(),
        Action::Command(Command::Stop) => "stop".to_owned(),
        Action::Command(Command::Deactivate { .. }) => "deactivate".to_owned(),
        Action::Command(Command::Barrier) => "waits for the commands".to_owned(),
        Action::Refuse(why) => format!("refused: {why:?}"),
        Action::Notice(what) => format!("notice: {what:?}"),
        Action::Exit => "exit".to_owned(),
        Action::Witness(order) => format!("witness: {order:?}"),
        Action::Fence(_) => "fences the peer's host".to_owned(),
    };
    actions.iter().map(word).collect::<Vec<_>>().join("; ")
}

fn in_words(fault: Fault) -> String {
    let app = |side: usize, resource: usize| format!("application {}{resource}", name(side));
    match fault {
        Fault::Failovers(resource) => format!("operator: failovers of {resource} in a row"),
        Fault::Cut(side) => format!("link cut: nothing of {} arrives", name(side)),
        Fault::Heal(side) => format!("link mended: {} is heard again", name(side)),
        Fault::Weather(side, weather) => format!("link of {}: {}", name(side), weather_in_words(weather)),
        Fault::GoodWeather(side) => format!("link of {}: good again", name(side)),
        Fault::KillApp(side, resource) => format!("{} is killed", app(side, resource)),
        Fault::StartApp(side, resource, report, switching) => format!(
            "{} is started if it does not work, as {report:?}, switching in {switching:.1?}",
            app(side, resource)
        ),
        Fault::HangApp(side, resource) => format!("{} hangs", app(side, resource)),
        Fault::WakeApp(side, resource) => format!("{} hangs no longer", app(side, resource)),
        Fault::FailApp(side, resource) => format!("{} fails", app(side, resource)),
        Fault::SlowApp(side, resource, switching) => {
            format!("{} is slow: {switching:.1?} to switch", app(side, resource))
        }
        Fault::Commands(side, resource, disorders) => {
            format!("commands of {}{resource}: {disorders:?}", name(side))
        }
        Fault::KillDaemon(side) => format!("daemon {} is killed", name(side)),
        Fault::StartDaemon(side) => format!("daemon {} is started if it does not run", name(side)),
        Fault::KillHost(side) => format!("host {} loses power", name(side)),
        Fault::Pause(side) => format!("daemon {} is stopped (SIGSTOP)", name(side)),
        Fault::Resume(side) => format!("daemon {} goes on (SIGCONT)", name(side)),
        Fault::Clock(side, by, back) => {
            format!("clock of {} is set {} by {by:?}", name(side), if back { "back" } else { "forward" })
        }
        Fault::Failover(side, resource, force) => {
            let force = if force { ", forced" } else { "" };
            format!("operator of {} orders a failover of {resource}{force}", name(side))
        }
        Fault::Takeover(side, resource) => {
            format!("operator of {} orders a takeover of {resource}", name(side))
        }
        Fault::Freeze(resource) => format!("resource {resource} is frozen on both sides"),
        Fault::Thaw(resource) => format!("resource {resource} is thawed"),
        Fault::Shutdown(side) => format!("daemon {} gets SIGTERM", name(side)),
        Fault::CutOff(side) => format!("clients cannot reach {}", name(side)),
        Fault::Reconnect(side) => format!("clients can reach {} again", name(side)),
        Fault::BreakFile(side) => {
            format!("the configuration file of {} is broken: it starts nothing", name(side))
        }
        Fault::MendFile(side) => format!("the configuration file of {} is good", name(side)),
        Fault::Reload(side, heartbeat) => format!("daemon {} reads heartbeat = {heartbeat:?}", name(side)),
    }
}

fn weather_in_words(weather: Weather) -> String {
    let late = match weather.spread {
        Spread::None => "none late".to_owned(),
        Spread::Uniform(longest) => format!("up to {longest:.1?} late"),
        Spread::Exponential(mean) => format!("{mean:.1?} late in the mean"),
        Spread::HeavyTail(median) => format!("{median:.1?} late or more, with a long tail"),
    };
    let loss = weather.loss;
    format!("loses {loss}, doubles {:.0} %, {late}", f64::from(weather.doubles) / 10.0)
}
