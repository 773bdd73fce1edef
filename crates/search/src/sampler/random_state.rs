//! numpy's legacy generator, as far as scikit-learn's samplers draw from it.

use rand_mt::Mt;

/// `numpy.random.RandomState(seed)`: MT19937 with numpy's ways to make numbers of its words.
///
/// Source: numpy `random/mtrand.pyx`, `random/src/distributions/distributions.c`.
#[derive(Debug)]
pub struct RandomState(Mt);

impl RandomState {
    /// The generator that numpy seeds with `seed`.
    pub fn new(seed: u32) -> Self {
        RandomState(Mt::new(seed))
    }

    /// `randint(0, bound)`: a whole number below `bound`, by masking and rejection. A bound of 1
    /// draws nothing.
    ///
    /// # Panics
    ///
    /// Where `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert_ne!(bound, 0, "no whole number is below 0");
        let largest = bound - 1;
        if largest == 0 {
            return 0;
        }
        let mask = u64::MAX >> largest.leading_zeros();
        loop {
            let word = match u32::try_from(largest) {
                Ok(_) => u64::from(self.0.next_u32()),
                Err(_) => (u64::from(self.0.next_u32()) << 32) | u64::from(self.0.next_u32()),
            };
            if word & mask <= largest {
                return word & mask;
            }
        }
    }

    /// `random_sample()`: a float in `[0, 1)` with 53 random bits.
    pub fn unit(&mut self) -> f64 {
        let high = u64::from(self.0.next_u32() >> 5);
        let low = u64::from(self.0.next_u32() >> 6);
        ((high << 26) | low) as f64 / (1u64 << 53) as f64
    }

    /// `permutation(len)`.
    pub fn permutation(&mut self, len: u64) -> Vec<u64> {
        let mut values: Vec<u64> = (0..len).collect();
        for i in (1..values.len()).rev() {
            let j = self.below(i as u64 + 1);
            values.swap(i, j as usize);
        }
        values
    }
}
