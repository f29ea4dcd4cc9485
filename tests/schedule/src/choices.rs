//! The choices that make a schedule: numbers, drawn from a seed or written down, each read as one decision.

/// A list of choices that is read once.
///
/// When it is over, everything is the first of what there is to choose from.
#[derive(Debug)]
pub(crate) struct Choices<'s> {
    script: &'s [u16],
    at: usize,
}

impl<'s> Choices<'s> {
    pub(crate) fn new(script: &'s [u16]) -> Self {
        Self { script, at: 0 }
    }

    /// Whether nothing is left to choose.
    pub(crate) fn are_over(&self) -> bool {
        self.at >= self.script.len()
    }

    /// A number below `count`.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        let choice = self.script.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        usize::from(choice) % count.max(1)
    }

    /// One of `options`.
    pub(crate) fn of<T: Copy>(&mut self, options: &[T]) -> T {
        options[self.below(options.len())]
    }

    /// Whether something happens that does `times` in a hundred; not when the choices are over.
    pub(crate) fn happens(&mut self, times: usize) -> bool {
        self.below(100) >= 100 - times
    }

    /// One of `options`, each as often as its weight says. `None` when nothing has a weight.
    pub(crate) fn weighted<T: Copy>(&mut self, options: &[(usize, T)]) -> Option<T> {
        let all = options.iter().map(|(weight, _)| weight).sum();
        if all == 0 {
            return None;
        }
        let mut left = self.below(all);
        for (weight, option) in options {
            if left < *weight {
                return Some(*option);
            }
            left -= weight;
        }
        None
    }
}

/// The script that a seed stands for: 200 to 1 600 choices.
pub(crate) fn script(seed: u64) -> Vec<u16> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scrambled(state)
    };
    let length = 200 + next() % 1400;
    #[expect(clippy::cast_possible_truncation, reason = "the low bits are as random as the others")]
    (0..length).map(|_| next() as u16).collect()
}

/// `number` as if it were random (`SplitMix64`).
pub(crate) fn scrambled(number: u64) -> u64 {
    let mut z = number;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
