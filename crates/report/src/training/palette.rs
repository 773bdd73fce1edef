//! Which colour stands for what: a model has one in all figures.

use crate::figure::{COLORS, INK};

/// How much of what is behind it a band lets through is one minus this.
const BAND_OPACITY: f64 = 0.15;

/// The colour of a model: the first, which the others are compared with, has that of the text.
pub fn of_model(number: usize) -> &'static str {
    match number.checked_sub(1) {
        None => INK,
        Some(other) => COLORS[other % COLORS.len()],
    }
}

/// The colour of a layer, from the input, where a plot shows a single model.
pub fn of_layer(number: usize) -> &'static str {
    COLORS[number % COLORS.len()]
}

/// The same colour, to be seen through. What the page puts in the place of [`INK`] is not known here, so
/// its band is grey.
pub fn faint(color: &str) -> String {
    let part = |from| color.get(from..from + 2).and_then(|part| u8::from_str_radix(part, 16).ok());
    match (part(1), part(3), part(5)) {
        (Some(red), Some(green), Some(blue)) => {
            format!("rgba({red},{green},{blue},{BAND_OPACITY})")
        }
        _ => "rgba(128,128,128,0.2)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_model_is_ink_and_a_tenth_has_the_color_of_the_second() {
        assert_eq!([of_model(0), of_model(1), of_model(9)], [INK, COLORS[0], COLORS[0]]);
    }

    #[test]
    fn bands_are_faint() {
        assert_eq!(faint("#3b82f6"), "rgba(59,130,246,0.15)");
        assert_eq!(faint(INK), "rgba(128,128,128,0.2)");
    }
}
