//! Values as a person reads them in a line: short, where the files have all digits.

use burn_tune_search::ParamValue;

/// `lr=0.001 batch_size=100`.
pub fn brief_params<'a>(params: impl Iterator<Item = (&'a str, &'a ParamValue)>) -> String {
    let pairs: Vec<String> =
        params.map(|(name, value)| format!("{name}={}", brief(value))).collect();
    pairs.join(" ")
}

/// A value in at most a few characters: floats to three significant digits.
pub fn brief(value: &ParamValue) -> String {
    match value {
        ParamValue::Float(float) if *float != 0.0 => {
            let exponent = float.abs().log10().floor() as i32;
            if (-4..6).contains(&exponent) {
                let digits = usize::try_from(2 - exponent).unwrap_or(0);
                let text = format!("{float:.digits$}");
                if text.contains('.') {
                    text.trim_end_matches('0').trim_end_matches('.').to_owned()
                } else {
                    text
                }
            } else {
                format!("{float:.2e}")
            }
        }
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shortened_to_what_tells_them_apart() {
        let shown = |float| brief(&ParamValue::Float(float));
        let floats = [shown(0.012_345_6), shown(0.001), shown(1.0), shown(123_456.0)];
        assert_eq!(floats, ["0.0123", "0.001", "1", "123456"]);
        assert_eq!([shown(1.23e-7), shown(0.0)], ["1.23e-7", "0.0"]);
    }
}
