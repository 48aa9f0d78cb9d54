//! The printed report.

use std::fmt::Write as _;

use schrittmacher_protocol::Settings;
use serde::Serialize;

use super::SimulateArgs;
use super::alarms::{Alarms, Basis};
use super::availability::Availability;
use super::scenario::{Outcome, Pair, Scenario, Spread};

/// All that was found.
pub(super) struct Report<'a> {
    pub args: &'a SimulateArgs,
    pub resources: Vec<ResourceReport>,
}

/// The findings about resources that are configured alike.
#[derive(Serialize)]
pub(super) struct ResourceReport {
    pub names: Vec<String>,
    #[serde(skip)]
    settings: [Settings; 2],
    app_ends: Outcome,
    app_hangs: Outcome,
    host_lost: Outcome,
    failover: Outcome,
    false_alarm: Outcome,
    false_alarms: Alarms,
    /// Seconds a year without service.
    downtime: Availability,
}

impl ResourceReport {
    pub fn new(name: String, settings: &[Settings; 2], args: &SimulateArgs) -> ResourceReport {
        let pair = Pair { settings, args };
        let app_ends = pair.outcome(Scenario::AppEnds);
        let host_lost = pair.outcome(Scenario::HostLost);
        let false_alarm = pair.outcome(Scenario::FalseAlarm);
        let false_alarms = pair.alarms();
        ResourceReport {
            names: vec![name],
            settings: settings.clone(),
            app_hangs: pair.outcome(Scenario::AppHangs),
            failover: pair.outcome(Scenario::Failover),
            downtime: Availability::new(args, &app_ends, &host_lost, &false_alarms, &false_alarm),
            app_ends,
            host_lost,
            false_alarm,
            false_alarms,
        }
    }

    fn text(&self, args: &SimulateArgs) -> String {
        let mut text = format!("\n{}\n{}", self.title(), describe(&self.settings));
        let mut line = |what: &str, spread: &Spread, outcome: &Outcome| {
            let [median, p99, worst] = [spread.median, spread.p99, spread.worst].map(seconds);
            let _ = write!(text, "  {what:<46} {median:>9} {p99:>9} {worst:>9}");
            if outcome.never > 0 {
                let _ = write!(text, "  refused, or not in a time that is enough: {} runs", outcome.never);
            }
            text += if outcome.runs < args.runs { "  (fewer runs)\n" } else { "\n" };
        };
        line("nobody serves after its application ended", &self.app_ends.nobody, &self.app_ends);
        line("… fell silent", &self.app_hangs.nobody, &self.app_hangs);
        line("… its host was lost", &self.host_lost.nobody, &self.host_lost);
        line("planned failover: until the other side serves", &self.failover.done, &self.failover);
        line("… of it nobody serves", &self.failover.nobody, &self.failover);
        line("false alarm: until one side is left", &self.false_alarm.done, &self.false_alarm);
        line("… of it both serve", &self.false_alarm.two, &self.false_alarm);
        line("… of it nobody serves", &self.false_alarm.nobody, &self.false_alarm);
        text + &alarms(&self.false_alarms) + &downtime(&self.downtime)
    }

    /// Its name, or the first one of many.
    fn title(&self) -> String {
        match &self.names[..] {
            [] => String::new(),
            [name] => format!("resource {name}"),
            [name, rest @ ..] => format!("resource {name}, and {} more with the same values", rest.len()),
        }
    }
}

impl Report<'_> {
    pub fn render(&self) -> String {
        if self.args.json { self.json() } else { self.text() }
    }

    fn json(&self) -> String {
        #[derive(Serialize)]
        struct Json<'a> {
            file: String,
            runs: u32,
            loss_percent: f64,
            latency: f64,
            jitter: f64,
            resources: &'a [ResourceReport],
        }
        let json = Json {
            file: self.args.file.display().to_string(),
            runs: self.args.runs,
            loss_percent: self.args.loss,
            latency: self.args.latency.as_secs_f64(),
            jitter: self.args.jitter.as_secs_f64(),
            resources: &self.resources,
        };
        // Strings and numbers always have a JSON form.
        serde_json::to_string_pretty(&json).unwrap_or_default() + "\n"
    }

    fn text(&self) -> String {
        let args = self.args;
        let mut text = format!(
            "Simulated {} times each: {}, {} latency, {} jitter; commands take {}, applications switch in {}.\n\
             Not in the figures: the machines' own time, a few milliseconds.\n",
            args.runs,
            losses(args),
            seconds(args.latency.as_secs_f64()),
            seconds(args.jitter.as_secs_f64()),
            seconds(args.commands.as_secs_f64()),
            seconds(args.switching.as_secs_f64()),
        );
        let _ = writeln!(text, "{:<48} {:>9} {:>9} {:>9}", "", "median", "99 %", "worst");
        for resource in &self.resources {
            text += &resource.text(args);
        }
        let days = |time: std::time::Duration| seconds(time.as_secs_f64());
        let _ = write!(
            text,
            "\nThe year: a host is lost every {} for {}, an application ends every {} for {}.\n",
            days(args.host_mtbf),
            days(args.host_mttr),
            days(args.app_mtbf),
            days(args.app_mttr),
        );
        text
    }
}

fn losses(args: &SimulateArgs) -> String {
    if args.loss > 0.0 { format!("loss {}", args.losses()) } else { "no loss".to_owned() }
}

fn describe(settings: &[Settings; 2]) -> String {
    let one = |settings: &Settings| {
        format!(
            "heartbeat {}, timeout {}, app-timeout {}, priority {}",
            seconds(settings.heartbeat.as_secs_f64()),
            seconds(settings.timeout.as_secs_f64()),
            seconds(settings.app_timeout.as_secs_f64()),
            settings.priority
        )
    };
    let [a, b] = settings.each_ref().map(one);
    if a == b { format!("  both sides: {a}\n") } else { format!("  this side: {a}\n  the other: {b}\n") }
}

fn alarms(alarms: &Alarms) -> String {
    let a_year = number(alarms.a_year);
    let hours = number(alarms.hours);
    let rate = match alarms.basis {
        Basis::Seen => format!("{a_year} a year: {} were seen in {hours} hours", alarms.seen),
        Basis::Computed => format!(
            "at most {a_year} a year: so often {} heartbeats are lost in a row (computed; {} seen in {hours} hours)",
            alarms.in_a_row, alarms.seen
        ),
        Basis::Unseen => format!("at most {a_year} a year: {} were seen in {hours} hours", alarms.seen),
        Basis::Perfect => "none, as nothing is lost or late".to_owned(),
    };
    format!("  false alarms: {rate}\n")
}

fn downtime(downtime: &Availability) -> String {
    format!(
        "  availability {:.6} %: {} a year without service (applications {}, hosts {}, both sides at once {}, \
         false alarms {})\n",
        100.0 * downtime.availability,
        seconds(downtime.gone()),
        seconds(downtime.applications),
        seconds(downtime.hosts),
        seconds(downtime.both_sides),
        seconds(downtime.false_alarms),
    )
}

fn number(number: f64) -> String {
    if (0.01..1e6).contains(&number) { format!("{number:.2}") } else { format!("{number:.0e}") }
}

/// A time, in the unit that suits it.
fn seconds(seconds: f64) -> String {
    match seconds {
        0.0 => "0".to_owned(),
        s if s < 0.001 => format!("{:.1} µs", s * 1e6),
        s if s < 1.0 => format!("{:.1} ms", s * 1e3),
        s if s < 120.0 => format!("{s:.1} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.0} h", s / 3600.0),
        s => format!("{:.0} d", s / 86_400.0),
    }
}
