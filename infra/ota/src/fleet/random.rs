//! Numbers that look random and are a pure function of a seed (splitmix64), the same on every machine.
//! For casts, arrivals and firmware; nothing secret comes from here.

/// A stream of numbers.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// The stream of this seed for this purpose; streams for other purposes are independent of it.
    pub(crate) fn new(seed: u64, purpose: &str) -> Self {
        // FNV-1a.
        let purpose = purpose.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut stream = Self(seed ^ purpose);
        // Neighbouring seeds are far apart from the second step on.
        Self(stream.next())
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Above 0, up to and including 1.
    pub(crate) fn unit(&mut self) -> f64 {
        let high = u32::try_from(self.next() >> 32).unwrap_or(u32::MAX);
        (f64::from(high) + 1.0) / (f64::from(u32::MAX) + 1.0)
    }

    /// Below `bound`; 0 where that is 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let wide = u128::from(self.next()) * bound as u128;
        usize::try_from(wide >> 64).unwrap_or(0)
    }

    /// Bytes without pattern.
    pub(crate) fn bytes(mut self, length: usize) -> Vec<u8> {
        let words = std::iter::repeat_with(move || self.next());
        words.flat_map(u64::to_le_bytes).take(length).collect()
    }

    /// Puts `items` in any order, each as likely as another.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_a_function_of_seed_and_purpose() {
        let bytes = |seed, purpose| Random::new(seed, purpose).bytes(100);
        assert_eq!(bytes(1, "a"), bytes(1, "a"));
        assert_ne!(bytes(1, "a"), bytes(2, "a"));
        assert_ne!(bytes(1, "a"), bytes(1, "b"));
        assert_eq!(bytes(1, "a").len(), 100);
    }

    #[test]
    fn the_stream_stays_what_it_was_when_a_seed_was_written_down() {
        let mut stream = Random::new(7, "cast");
        assert_eq!([stream.next(), stream.next()], [10_925_644_412_705_678_137, 5_965_546_359_656_839_430]);
    }

    #[test]
    fn numbers_keep_to_their_bounds_and_spread_over_them() {
        let mut random = Random::new(7, "test");
        let units: Vec<f64> = (0..1000).map(|_| random.unit()).collect();
        assert!(units.iter().all(|unit| *unit > 0.0 && *unit <= 1.0));
        let mean = units.iter().sum::<f64>() / 1000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
        let mut seen = [0; 7];
        for _ in 0..7000 {
            seen[random.below(7)] += 1;
        }
        assert!(seen.iter().all(|times| (850..1150).contains(times)), "{seen:?}");
        assert_eq!(random.below(0), 0);
    }
}
