//! Params as a person reads them in a line.

use burn_tune_search::ParamValue;

use crate::columns::one_line;

/// `lr=0.001 batch_size=100`.
pub fn params_line<'a>(params: impl Iterator<Item = (&'a str, &'a ParamValue)>) -> String {
    let pairs: Vec<String> =
        params.map(|(name, value)| format!("{name}={}", value.brief())).collect();
    one_line(&pairs.join(" "))
}
