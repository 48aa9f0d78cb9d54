//! Random numbers.

/// A small generator (xorshift64). The seed is the whole state, so a run can be repeated.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Xorshift(u64);

impl Xorshift {
    /// Starts from a seed; any value will do.
    pub fn new(seed: u64) -> Xorshift {
        // Zero is the one state it can't leave.
        Xorshift(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    /// The next number, 0 … 4294967295.
    pub fn draw(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from(self.0 >> 32).unwrap_or(u32::MAX)
    }
}
