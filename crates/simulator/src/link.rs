//! The link between two nodes: it loses, doubles and delays datagrams, and can be cut.

use std::fmt;
use std::time::Duration;

use crate::Chance;

/// Both directions. `directions[0]` carries what node 0 sends.
#[derive(Clone, Debug)]
pub struct Link {
    /// By sender.
    pub directions: [Direction; 2],
}

/// The way of one sender's datagrams.
#[derive(Clone, Debug)]
pub struct Direction {
    /// Nothing arrives, not even what is on the way.
    pub cut: bool,
    /// The shortest time a datagram takes.
    pub latency: Duration,
    /// The delay on top. If it is large enough, datagrams overtake each other.
    pub spread: Spread,
    pub loss: Loss,
    /// How many of a thousand arrive twice.
    pub doubles: u32,
    /// What arrives is believed. A side that has just started cannot believe a signed message before the other side has
    /// heard it.
    pub believed: bool,
    /// When a datagram arrived last that had been delayed.
    pub late: Duration,
    /// In the middle of a burst of losses.
    losing: bool,
    /// The number lost in a row, by resource.
    in_a_row: Vec<u32>,
}

/// How delays beyond the latency are distributed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spread {
    /// There are none.
    None,
    /// Everything up to this is equally likely.
    Uniform(Duration),
    /// Exponential, with this mean: a queue now and then.
    Exponential(Duration),
    /// Pareto with exponent 1.5 and this median, up to 30 s: most are short, and a few very long.
    HeavyTail(Duration),
}

/// The longest delay of [`Spread::HeavyTail`].
const LONGEST_TAIL: Duration = Duration::from_secs(30);

/// Losses in bursts: a link that loses loses everything until it works again (the model of Gilbert).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss {
    /// How likely a burst begins with a datagram.
    begins: f64,
    /// How likely a burst is over with the next datagram.
    ends: f64,
    /// The most that is lost in a row of one resource's datagrams.
    most: u32,
}

impl Loss {
    /// Nothing is lost.
    pub const NONE: Loss = Loss { begins: 0.0, ends: 1.0, most: u32::MAX };

    /// Each datagram alone is lost with this probability, 0 … 1.
    pub fn independent(rate: f64) -> Loss {
        Loss { begins: rate, ends: 1.0 - rate, most: u32::MAX }
    }

    /// This part of all datagrams is lost, 0 … below 1, in bursts of this mean length. Shorter ones than those of
    /// [`Loss::independent`], which are 1 / (1 - `rate`) long, count as those.
    pub fn in_bursts(rate: f64, length: f64) -> Loss {
        let ends = (1.0 / length).min(1.0 - rate);
        Loss { begins: ends * rate / (1.0 - rate), ends, most: u32::MAX }
    }

    /// The same, with at most `most` in a row of one resource.
    #[must_use]
    pub fn at_most(self, in_a_row: u32) -> Loss {
        Loss { most: in_a_row, ..self }
    }

    /// How likely a datagram is the first of `length` or more lost in a row.
    pub fn run_begins(&self, length: u32) -> f64 {
        if length > self.most || self.begins == 0.0 {
            return 0.0;
        }
        // The share of datagrams that arrive, each of which may be followed by a burst.
        let arrive = self.ends / (self.ends + self.begins);
        let exponent = i32::try_from(length.saturating_sub(1)).unwrap_or(i32::MAX);
        arrive * self.begins * (1.0 - self.ends).powi(exponent)
    }

    /// Nothing is ever lost.
    pub fn is_none(&self) -> bool {
        self.begins == 0.0
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = 100.0 * self.begins / (self.begins + self.ends);
        write!(f, "{rate:.1} % in bursts of {:.1}", 1.0 / self.ends)
    }
}

impl Spread {
    fn draw(self, chance: &mut Chance) -> Duration {
        match self {
            Spread::None => Duration::ZERO,
            Spread::Uniform(longest) => chance.duration(longest),
            Spread::Exponential(mean) => mean.mul_f64(-(1.0 - chance.unit()).ln()),
            Spread::HeavyTail(median) => {
                let tail = |unit: f64| (1.0 - unit).powf(-1.0 / 1.5) - 1.0;
                median.mul_f64(tail(chance.unit()) / tail(0.5)).min(LONGEST_TAIL)
            }
        }
    }
}

impl Direction {
    /// A direction in which nothing goes wrong.
    pub fn new(latency: Duration) -> Direction {
        Direction {
            cut: false,
            latency,
            spread: Spread::None,
            loss: Loss::NONE,
            doubles: 0,
            believed: true,
            late: Duration::ZERO,
            losing: false,
            in_a_row: Vec::new(),
        }
    }

    /// The delays after which a datagram of these resources arrives: none, once or twice.
    pub fn delays(
        &mut self,
        resources: &[usize],
        chance: &mut Chance,
    ) -> impl Iterator<Item = Duration> + use<> {
        let copies = if self.cut || self.loses(resources, chance) {
            0
        } else if self.doubles > 0 && chance.permille(self.doubles) {
            2
        } else {
            1
        };
        let mut delay = |wanted: bool| wanted.then(|| self.latency + self.spread.draw(chance));
        [delay(copies > 0), delay(copies > 1)].into_iter().flatten()
    }

    fn is_good(&self) -> bool {
        !self.cut && self.loss.is_none() && self.doubles == 0 && self.spread == Spread::None
    }

    fn loses(&mut self, resources: &[usize], chance: &mut Chance) -> bool {
        if self.loss.is_none() {
            self.losing = false;
            return false;
        }
        self.losing =
            if self.losing { !chance.happens(self.loss.ends) } else { chance.happens(self.loss.begins) };
        let needed = resources.iter().max().map_or(0, |last| last + 1);
        if self.in_a_row.len() < needed {
            self.in_a_row.resize(needed, 0);
        }
        let lost = self.losing && resources.iter().all(|resource| self.in_a_row[*resource] < self.loss.most);
        for resource in resources {
            let in_a_row = &mut self.in_a_row[*resource];
            *in_a_row = if lost { *in_a_row + 1 } else { 0 };
        }
        lost
    }
}

impl Link {
    /// A link on which nothing goes wrong.
    pub fn new(latency: Duration) -> Link {
        Link { directions: [Direction::new(latency), Direction::new(latency)] }
    }

    /// Cuts both directions, or mends them.
    pub fn set_cut(&mut self, cut: bool) {
        self.directions.iter_mut().for_each(|direction| direction.cut = cut);
    }

    /// Every datagram arrives once and in time.
    pub fn is_good(&self) -> bool {
        self.directions.iter().all(Direction::is_good)
    }

    /// Both paths as one: of each direction the one that works, or works better.
    #[must_use]
    pub fn joined(&self, other: &Link) -> Link {
        let better = |side: usize| {
            let (one, other) = (&self.directions[side], &other.directions[side]);
            let is_better = other.is_good() || one.cut;
            let mut joined = if is_better && !one.is_good() { other.clone() } else { one.clone() };
            joined.late = one.late.max(other.late);
            joined
        };
        Link { directions: [better(0), better(1)] }
    }

    /// When a datagram arrived last that had been delayed. It may say what is no longer true.
    pub fn last_late(&self) -> Duration {
        self.directions[0].late.max(self.directions[1].late)
    }

    /// The side of which nothing arrives, while from the other one everything does, and is believed.
    pub fn unheard(&self) -> Option<usize> {
        let is_heard = |direction: &Direction| direction.is_good() && direction.believed;
        (0..2).find(|side| self.directions[*side].cut && is_heard(&self.directions[1 - side]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The losses among `datagrams`, as the number of runs of each length.
    fn runs(loss: Loss, datagrams: u32) -> Vec<u32> {
        let mut direction = Direction { loss, ..Direction::new(Duration::ZERO) };
        let mut chance = Chance::new(1);
        let (mut runs, mut run) = (vec![0; 1000], 0);
        for _ in 0..datagrams {
            if direction.delays(&[0], &mut chance).next().is_none() {
                run += 1;
            } else {
                runs[run] += u32::from(run > 0);
                run = 0;
            }
        }
        runs
    }

    fn lost(runs: &[u32]) -> f64 {
        runs.iter().zip(0..).map(|(number, length)| f64::from(*number) * f64::from(length)).sum()
    }

    #[test]
    fn loses_as_much_as_it_shall_and_in_bursts_of_that_length() {
        for (rate, length) in [(0.3, 1.0 / 0.7), (0.1, 5.0), (0.01, 20.0)] {
            let runs = runs(Loss::in_bursts(rate, length), 2_000_000);
            let found = lost(&runs) / 2e6;
            assert!((found / rate - 1.0).abs() < 0.05, "{rate}: {found}");
            let mean = lost(&runs) / f64::from(runs.iter().sum::<u32>());
            assert!((mean / length - 1.0).abs() < 0.05, "{length}: {mean}");
        }
    }

    #[test]
    fn says_beforehand_how_often_so_many_are_lost_in_a_row() {
        for loss in [Loss::independent(0.2), Loss::in_bursts(0.1, 3.0)] {
            let runs = runs(loss, 2_000_000);
            for length in 1..5 {
                let found = f64::from(runs[length as usize..].iter().sum::<u32>());
                let said = 2e6 * loss.run_begins(length);
                assert!((found / said - 1.0).abs() < 0.1, "{loss:?}, {length}: {found} of {said}");
            }
        }
    }

    #[test]
    fn never_loses_more_in_a_row_than_is_allowed() {
        let runs = runs(Loss::in_bursts(0.5, 10.0).at_most(2), 100_000);
        assert!(runs[2] > 1000);
        assert_eq!(runs[3..].iter().sum::<u32>(), 0);
    }

    #[test]
    fn delays_have_the_mean_or_median_that_they_are_named_after() {
        let of = |spread: Spread| {
            let mut chance = Chance::new(7);
            let mut all: Vec<f64> = (0..50_000).map(|_| spread.draw(&mut chance).as_secs_f64()).collect();
            all.sort_by(f64::total_cmp);
            (all.iter().sum::<f64>() / 5e4, all[25_000])
        };
        let second = Duration::from_secs(1);
        assert!((of(Spread::Uniform(second)).0 - 0.5).abs() < 0.02);
        assert!((of(Spread::Exponential(second)).0 - 1.0).abs() < 0.02);
        assert!((of(Spread::HeavyTail(second)).1 - 1.0).abs() < 0.02);
    }
}
