//! What keeps a page small: fewer points than steps, and numbers no longer than a screen can show.

use burn_tune_ranking::format::significant;
use serde::{Serialize, Serializer};

/// How many points a line has at most.
pub const MOST_POINTS: usize = 160;

/// Which of `len` points to draw: the first, the last, and evenly spaced ones between.
pub fn places(len: usize) -> Vec<usize> {
    let count = len.min(MOST_POINTS);
    match count {
        0 | 1 => (0..count).collect(),
        _ => (0..count).map(|point| point * (len - 1) / (count - 1)).collect(),
    }
}

/// A number of four significant digits; whole ones are left as they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rounded(f64);

impl From<f64> for Rounded {
    fn from(value: f64) -> Self {
        let whole = value.fract() == 0.0;
        Rounded(if whole { value } else { significant(value, 4) })
    }
}

impl Serialize for Rounded {
    /// A whole number goes without its `.0`: those are a tenth of a page.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.fract() == 0.0 && self.0.abs() < 1e9 {
            serializer.serialize_i64(self.0 as i64)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_point_are_always_drawn() {
        assert_eq!(places(0), [0; 0]);
        assert_eq!(places(1), [0]);
        assert_eq!(places(3), [0, 1, 2]);
        let places = places(3000);
        assert_eq!((places.len(), places[0], places[MOST_POINTS - 1]), (MOST_POINTS, 0, 2999));
        assert!(places.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn numbers_keep_four_digits_and_whole_ones_all() {
        let numbers: Vec<Rounded> =
            [0.123456, 1.0, 123456.0, -0.0000123456, 0.0, f64::NAN].map(Rounded::from).into();
        let text = serde_json::to_string(&numbers).unwrap();
        assert_eq!(text, "[0.1235,1,123456,-0.00001235,0,null]");
    }
}
