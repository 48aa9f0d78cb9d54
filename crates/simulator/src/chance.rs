//! Chance with a seed: the same seed gives the same run.

use std::time::Duration;

use crate::Xorshift;

/// Random numbers, in the shapes that faults and networks need.
#[derive(Clone, Debug)]
pub struct Chance(Xorshift);

impl Chance {
    /// The chance of a seed; any value will do.
    pub fn new(seed: u64) -> Chance {
        // Neighbouring seeds must not begin alike.
        let mut chance = Chance(Xorshift::new(seed.wrapping_add(1).wrapping_mul(0xD134_2543_DE82_EF95)));
        (0..8).for_each(|_| {
            chance.draw();
        });
        chance
    }

    /// Any number.
    pub fn draw(&mut self) -> u32 {
        self.0.draw()
    }

    /// A number below `bound`; 0 if that is 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        u32::try_from((u64::from(self.draw()) * u64::from(bound)) >> 32).unwrap_or(0)
    }

    /// An index into something of this length; 0 if it is empty.
    pub fn index(&mut self, length: usize) -> usize {
        self.below(u32::try_from(length).unwrap_or(u32::MAX)) as usize
    }

    /// One of these, of which there must be one at least.
    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.index(choices.len())]
    }

    /// True in `chance` of a thousand cases.
    pub fn permille(&mut self, chance: u32) -> bool {
        self.below(1000) < chance
    }

    /// A number from 0 to below 1.
    pub fn unit(&mut self) -> f64 {
        f64::from(self.draw()) / 4_294_967_296.0
    }

    /// True with this probability.
    pub fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Between nothing and `longest`, which counts up to 71 minutes.
    pub fn duration(&mut self, longest: Duration) -> Duration {
        let micros = u32::try_from(longest.as_micros()).unwrap_or(u32::MAX);
        Duration::from_micros(u64::from(self.below(micros.saturating_add(1))))
    }
}
