//! What can be wrong with the values that a parameter may take.

use std::collections::HashSet;

use super::{Domain, LARGEST_INT};
use crate::params::ParamValue;
use crate::spec_error::{Place, SpecError};

impl Domain {
    /// Whether a parameter called `name` can have this domain.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong: an empty list or range, values of mixed types, numbers that cannot be
    /// computed with.
    #[doc(hidden)]
    pub fn check(&self, name: &str) -> Result<(), SpecError> {
        match self {
            Domain::Choices(values) => check_choices(name, values),
            Domain::IntRange { low, high, step, log } => {
                check_step(name, *step > 0)?;
                let shown = format!("low = {low}, high = {high}");
                check_ends(name, low > high, *log && *low <= 0, &shown)?;
                check_whole(name, &ParamValue::Int(*low), Place::Value(name.to_owned(), 0))?;
                check_whole(name, &ParamValue::Int(*high), Place::Value(name.to_owned(), 1))
            }
            Domain::FloatRange { low, high, step, log } => {
                check_step(name, step.is_none_or(|step| step > 0.0))?;
                let shown = format!("low = {low:?}, high = {high:?}");
                check_ends(name, low > high, *log && *low <= 0.0, &shown)?;
                self.check_count(name, *low, *high, *log)
            }
        }
    }

    /// Refuses a range in which no computation stays finite, or whose points no 64 bits can count.
    fn check_count(&self, name: &str, low: f64, high: f64, log: bool) -> Result<(), SpecError> {
        let place = Place::Domain(name.to_owned());
        if !log && !(high - low).is_finite() {
            let problem = format!("the range of `{name}` is too wide: {low:e} to {high:e}");
            let help = "search a smaller range: its width has to be a finite number";
            return Err(SpecError::new(place, problem, help).labelled("no finite width"));
        }
        if self.points().is_some_and(|points| points > u128::from(u64::MAX)) {
            let problem = format!("the step of `{name}` gives more points than 64 bits can count");
            return Err(SpecError::new(place, problem, "write a larger step, or none"));
        }
        Ok(())
    }
}

fn check_choices(name: &str, values: &[ParamValue]) -> Result<(), SpecError> {
    let mut known = HashSet::with_capacity(values.len());
    for (place, value) in values.iter().enumerate() {
        let place = Place::Value(name.to_owned(), place);
        let first = &values[0];
        if first.kind() != value.kind() {
            let (of_first, of_value) = (first.kind(), value.kind());
            let problem =
                format!("the values of `{name}` are of mixed types: {of_first} and {of_value}");
            let help = match (first, value) {
                (ParamValue::Float(_), ParamValue::Int(int)) => format!("write {int}.0"),
                _ => "write all of them as one type".to_owned(),
            };
            let label = format!("a {of_value}");
            return Err(SpecError::new(place, problem, help).labelled(label));
        }
        if !known.insert(identity(value)) {
            let problem = format!("`{name}` lists {value} twice");
            let help = "no point is ever tried twice: take it out";
            return Err(SpecError::new(place, problem, help).labelled("the second one"));
        }
    }
    if values.is_empty() {
        let problem = format!("the list of `{name}` is empty");
        let place = Place::Domain(name.to_owned());
        return Err(
            SpecError::new(place, problem, "write at least one value").labelled("no value to try")
        );
    }
    Ok(())
}

/// A text that equal values share and different ones do not, of values of one type.
fn identity(value: &ParamValue) -> String {
    match value {
        // -0.0 equals 0.0, and is written otherwise.
        ParamValue::Float(float) => (float + 0.0).to_string(),
        value => value.to_string(),
    }
}

fn check_step(name: &str, is_positive: bool) -> Result<(), SpecError> {
    if is_positive {
        return Ok(());
    }
    let problem = format!("the step of `{name}` is not positive");
    Err(SpecError::new(Place::Step(name.to_owned()), problem, "write a step above 0"))
}

fn check_ends(
    name: &str,
    low_above_high: bool,
    log_of_nothing: bool,
    shown: &str,
) -> Result<(), SpecError> {
    if low_above_high {
        let problem = format!("the range of `{name}` is empty: {shown}");
        return Err(SpecError::new(Place::Domain(name.to_owned()), problem, "swap them")
            .labelled("low is above high"));
    }
    if log_of_nothing {
        let problem = format!("the range of `{name}` is logarithmic, and begins at or below 0");
        let help = "write a low above 0, or take `log = true` out";
        return Err(SpecError::new(Place::Value(name.to_owned(), 0), problem, help)
            .labelled("no logarithm"));
    }
    Ok(())
}

/// Refuses a whole number of a range that the databases of studies cannot hold.
pub fn check_whole(name: &str, value: &ParamValue, place: Place) -> Result<(), SpecError> {
    match value {
        ParamValue::Int(int) if int.unsigned_abs() > LARGEST_INT.unsigned_abs() => {
            let problem = format!(
                "`{name}`: {int} is too large: whole numbers are stored as floats, which are exact up to 2^53 = {LARGEST_INT}"
            );
            Err(SpecError::new(place, problem, "list the values, or search a smaller range"))
        }
        _ => Ok(()),
    }
}
