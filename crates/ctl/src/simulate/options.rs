//! The options of `simulate`.

use std::path::PathBuf;
use std::time::Duration;

use jiff::{Span, SpanRelativeTo, Unit};
use schrittmacher_simulator::{Durations, Link, Loss, Spread};

/// Say what failover time, false alarms and availability a configuration gives
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Example:
  schrittmacherctl simulate my.conf --loss 1 --burst 3")]
pub struct SimulateArgs {
    /// The configuration file of one node
    pub file: PathBuf,

    /// That of the other node; without it, the same values with the addresses exchanged
    #[arg(long, value_name = "FILE")]
    pub peer: Option<PathBuf>,

    /// How much of what is sent gets lost, 0 to 90
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = percent)]
    pub loss: f64,

    /// How many datagrams are lost in a row, in the mean; less than independent losses would give counts as that
    #[arg(long, value_name = "N", default_value = "1", value_parser = at_least_one)]
    pub burst: f64,

    /// How long every datagram takes
    #[arg(long, value_name = "MS", default_value = "0.5", value_parser = milliseconds)]
    pub latency: Duration,

    /// How long it takes on top in the mean, exponentially distributed
    #[arg(long, value_name = "MS", default_value = "0", value_parser = milliseconds)]
    pub jitter: Duration,

    /// How long the application takes to follow an order. A TIME has a unit: ms, s, m, h or d; without one it is
    /// in seconds
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = time)]
    pub switching: Duration,

    /// How long each of the four commands takes
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = time)]
    pub commands: Duration,

    /// The time from one loss of a host to the next, in the mean
    #[arg(long, value_name = "TIME", default_value = "365d", value_parser = time)]
    pub host_mtbf: Duration,

    /// How long a lost host is away
    #[arg(long, value_name = "TIME", default_value = "4h", value_parser = time)]
    pub host_mttr: Duration,

    /// The time from one end of an application to the next, in the mean
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = time)]
    pub app_mtbf: Duration,

    /// How long it takes until an application that ended runs again
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = time)]
    pub app_mttr: Duration,

    /// How often each failure is simulated
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(10..=1_000_000))]
    pub runs: u32,

    /// Seed of the random numbers; the same seed repeats the run
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// Print JSON; times are in seconds
    #[arg(long)]
    pub json: bool,
}

/// A host that fails more often than this is broken.
const SHORTEST: Duration = Duration::from_millis(1);

impl SimulateArgs {
    /// The link between the two nodes.
    pub(super) fn link(&self) -> Link {
        let mut link = Link::new(self.latency.max(Duration::from_micros(1)));
        for direction in &mut link.directions {
            direction.loss = self.losses();
            if !self.jitter.is_zero() {
                direction.spread = Spread::Exponential(self.jitter);
            }
        }
        link
    }

    pub(super) fn losses(&self) -> Loss {
        if self.loss > 0.0 { Loss::in_bursts(self.loss / 100.0, self.burst) } else { Loss::NONE }
    }

    pub(super) fn durations(&self) -> Durations {
        let takes = self.commands;
        Durations { activate: takes, start: takes, stop: takes, deactivate: takes }
    }
}

fn percent(text: &str) -> Result<f64, String> {
    let number: f64 = text.trim_end_matches('%').parse().map_err(|_| "no number".to_owned())?;
    if (0.0..=90.0).contains(&number) { Ok(number) } else { Err("not from 0 to 90".to_owned()) }
}

fn at_least_one(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "no number".to_owned())?;
    if (1.0..=10_000.0).contains(&number) { Ok(number) } else { Err("not from 1 to 10000".to_owned()) }
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.trim_end_matches("ms").trim_end().parse().map_err(|_| "no number".to_owned())?;
    if (0.0..=60_000.0).contains(&number) {
        Ok(Duration::from_secs_f64(number / 1000.0))
    } else {
        Err("not from 0 to 60000".to_owned())
    }
}

/// A time with its unit; zero or from a millisecond up to a thousand years.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    let seconds = match text.parse::<f64>() {
        Ok(seconds) => seconds,
        Err(_) => {
            let span: Span = text.parse().map_err(|_| "no time; 500ms, 2s, 5m, 1h, 30d …".to_owned())?;
            span.total((Unit::Second, SpanRelativeTo::days_are_24_hours()))
                .map_err(|_| "years and months are not all of one length: say it in days".to_owned())?
        }
    };
    if !(0.0..=3.2e10).contains(&seconds) {
        return Err("not from 0 to a thousand years".to_owned());
    }
    let time = Duration::from_secs_f64(seconds);
    if !time.is_zero() && time < SHORTEST { Err("less than a millisecond".to_owned()) } else { Ok(time) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        let fine = [
            ("500ms", 0.5),
            ("2s", 2.0),
            ("5m", 300.0),
            ("1h 30m", 5400.0),
            ("30d", 2_592_000.0),
            ("1.5", 1.5),
        ];
        for (text, seconds) in fine {
            assert_eq!(time(text), Ok(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in ["", "s", "-1s", "1y", "soon", "1e99", "inf", "NaN", "1ns"] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_have_limits() {
        assert_eq!(percent("5%"), Ok(5.0));
        assert!(["91", "-1", "NaN", "x"].iter().all(|text| percent(text).is_err()));
        assert!(["0", "NaN", "1e9"].iter().all(|text| at_least_one(text).is_err()));
        assert_eq!(milliseconds("20 ms"), Ok(Duration::from_millis(20)));
        assert!(["-1", "NaN", "61000"].iter().all(|text| milliseconds(text).is_err()));
    }
}
