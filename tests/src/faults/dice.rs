//! Random numbers from a seed: the same on every machine and with every compiler.

use sheaf_common::fit;

/// A SplitMix64 generator: <https://prng.di.unimi.it/splitmix64.c>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dice {
    state: u64,
}

impl Dice {
    pub fn new(seed: u64) -> Self {
        Dice { state: seed }
    }

    /// Dice for `name`. Different names give different numbers for the same seed.
    pub fn named(seed: u64, name: &str) -> Self {
        // FNV-1a, as the hash of the standard library may change between versions.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });

        Dice::new(Dice::new(seed).roll() ^ hash)
    }

    pub fn roll(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);

        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.roll() % (high - low + 1)
    }

    /// An index into something of `length` elements, which must not be 0.
    pub fn index(&mut self, length: usize) -> usize {
        fit::size(self.roll() % length as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_published_generator() {
        let mut dice = Dice::new(1_234_567);
        let drawn = [dice.roll(), dice.roll(), dice.roll()];
        assert_eq!(
            drawn,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn names_differ_and_bounds_hold() {
        assert_ne!(Dice::named(1, "a").roll(), Dice::named(1, "b").roll());
        assert_ne!(Dice::named(1, "a").roll(), Dice::named(2, "a").roll());

        let mut dice = Dice::named(1, "a");
        for _ in 0..1_000 {
            assert!((3..=5).contains(&dice.between(3, 5)));
            assert!(dice.index(7) < 7);
        }
    }
}
