//! Numbers that look random, the same ones for the same seed on every machine.

/// SplitMix64.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A sequence of its own for each seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `end`, each as likely.
    pub fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.any()) * u128::from(end)) >> 64) as u64
    }

    /// True so many times in a thousand.
    pub fn per_mille(&mut self, share: u64) -> bool {
        self.below(1000) < share
    }

    /// A rank below 2 to the power of `bits`: half as likely where it is twice as high, as
    /// talkers are in a network (Zipf's law). Integers only, so that no machine rounds differently.
    pub fn zipf(&mut self, bits: u32) -> u64 {
        let octave = 1 << self.below(u64::from(bits));
        octave - 1 + self.below(octave)
    }

    /// One of these, the first ones more often, as in [`Self::zipf`].
    pub fn one_of<T: Copy>(&mut self, items: &[T]) -> T {
        let bits = items.len().ilog2() + 1;
        items[self.zipf(bits) as usize % items.len()]
    }
}

/// Scatters a number over all of the 64-bit numbers, without any two becoming one.
pub fn mix(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_published_algorithm() {
        let mut random = Random::new(1_234_567);
        let first = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!([random.any(), random.any(), random.any()], first);
    }

    #[test]
    fn low_ranks_are_frequent_and_high_ones_happen() {
        let mut random = Random::new(1);
        let ranks: Vec<u64> = (0..100_000).map(|_| random.zipf(12)).collect();
        let share = |from, to| ranks.iter().filter(|r| (from..to).contains(*r)).count();
        // Twelve octaves, each as likely.
        for octave in [1, 2, 64, 2048] {
            let n = share(octave - 1, 2 * octave - 1);
            assert!((7_500..9_200).contains(&n), "{octave}: {n}");
        }
        assert_eq!(share(4095, u64::MAX), 0);
    }
}
