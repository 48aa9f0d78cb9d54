//! Chance with a seed: the same seed gives the same run.

use std::time::Duration;

use schrittmacher_legacy_double::Xorshift;

/// Random numbers, in the shapes that faults need.
#[derive(Clone)]
pub struct Chance(Xorshift);

impl Chance {
    pub fn new(seed: u64) -> Chance {
        // Neighbouring seeds must not begin alike.
        let mut chance = Chance(Xorshift::new(seed.wrapping_add(1).wrapping_mul(0xD134_2543_DE82_EF95)));
        (0..8).for_each(|_| {
            chance.draw();
        });
        chance
    }

    pub fn draw(&mut self) -> u32 {
        self.0.draw()
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u32) -> u32 {
        u32::try_from((u64::from(self.draw()) * u64::from(bound)) >> 32).unwrap_or(0)
    }

    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(u32::try_from(choices.len()).unwrap_or(u32::MAX)) as usize]
    }

    /// True in so many cases of a thousand.
    pub fn permille(&mut self, chance: u32) -> bool {
        self.below(1000) < chance
    }

    /// Between nothing and `longest`.
    pub fn duration(&mut self, longest: Duration) -> Duration {
        let micros = u32::try_from(longest.as_micros()).unwrap_or(u32::MAX);
        Duration::from_micros(u64::from(self.below(micros.saturating_add(1))))
    }
}
