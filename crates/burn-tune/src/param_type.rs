//! The types that a parameter may have: how each becomes the value of a parameter, and back.

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex, PoisonError};

use burn_tune_search::{Domain, ParamValue};

use crate::param_error::ValueError;

/// A type that a field of a [`Space`](crate::Space) may have: `f64`, `f32`, `bool`, `String`, `&'static str`,
/// all integers, and enums that derive `Space`. Implement it for one of your own that is a single value.
///
/// What is written is read back as the same: `T::from_value(&x.to_value())` is `x`.
///
/// ```
/// use burn_tune::search::ParamValue;
/// use burn_tune::{ParamType, ValueError};
///
/// #[derive(Debug, PartialEq)]
/// struct Percent(u8);
///
/// impl ParamType for Percent {
///     fn from_value(value: &ParamValue) -> Result<Self, ValueError> {
///         match u8::from_value(value) {
///             Ok(percent @ 0..=100) => Ok(Percent(percent)),
///             _ => Err(ValueError::unfit(value, "a whole number from 0 to 100")),
///         }
///     }
///
///     fn to_value(&self) -> ParamValue {
///         self.0.to_value()
///     }
/// }
///
/// assert_eq!(Percent::from_value(&ParamValue::Int(7)), Ok(Percent(7)));
/// assert!(Percent::from_value(&ParamValue::Int(101)).is_err());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the type of a parameter",
    label = "no type of a parameter",
    note = "allowed: f64, f32, bool, String, &'static str, all integers, and enums that derive `Space`",
    note = "a struct within a struct is no parameter: write its fields into the outer one"
)]
pub trait ParamType: Sized {
    /// Reads a value.
    ///
    /// # Errors
    ///
    /// Where the value is of another kind, or this type cannot hold it.
    fn from_value(value: &ParamValue) -> Result<Self, ValueError>;

    /// The value as files and databases have it.
    ///
    /// # Panics
    ///
    /// For a whole number beyond what 64 bits with a sign hold: no parameter has one.
    fn to_value(&self) -> ParamValue;
}

/// A type whose values can be listed, so that a bare `#[space]` takes all of them: `bool`, and enums that derive
/// `Space`.
///
/// ```
/// use burn_tune::{Choices, Space};
///
/// #[derive(Space)]
/// enum Optimizer {
///     Sgd,
///     #[space("adam_w")]
///     AdamW2019,
/// }
///
/// let names: Vec<String> = Optimizer::choices().iter().map(ToString::to_string).collect();
/// assert_eq!(names, ["sgd", "adam_w"]);
/// ```
#[diagnostic::on_unimplemented(
    message = "a bare `#[space]` does not say which values of `{Self}` to try",
    label = "say which: `#[space(…)]`, or derive `Space` for this enum"
)]
pub trait Choices: ParamType {
    /// All values, in the order of the variants.
    fn choices() -> Vec<ParamValue>;
}

/// A number, so that a range of it makes sense.
///
/// ```
/// use burn_tune::Number;
/// use burn_tune::search::Domain;
///
/// let steps = Domain::IntRange { low: 64, high: 1024, step: 64, log: false };
/// assert_eq!(usize::range(64, 1024, Some(64), false), steps);
/// ```
#[diagnostic::on_unimplemented(
    message = "a range is one of numbers, and `{Self}` is none",
    label = "no number"
)]
pub trait Number: ParamType {
    /// The domain from `low` to `high`, both included.
    fn range(low: Self, high: Self, step: Option<Self>, log: bool) -> Domain;
}

/// A type that a string literal may be a value of.
///
/// ```
/// use burn_tune::Text;
///
/// assert_eq!(String::from_literal("adam"), "adam");
/// ```
#[diagnostic::on_unimplemented(
    message = "a string is no value of the type `{Self}`",
    label = "no string"
)]
pub trait Text: ParamType {
    /// The value that a literal stands for.
    fn from_literal(text: &'static str) -> Self;
}

/// A whole number is a float, too, as in space files.
impl ParamType for f64 {
    fn from_value(value: &ParamValue) -> Result<Self, ValueError> {
        match value {
            ParamValue::Float(float) if float.is_finite() => Ok(*float),
            ParamValue::Int(int) => Ok(*int as f64),
            _ => Err(ValueError::unfit(value, "a number")),
        }
    }

    fn to_value(&self) -> ParamValue {
        ParamValue::Float(*self)
    }
}

impl Number for f64 {
    fn range(low: Self, high: Self, step: Option<Self>, log: bool) -> Domain {
        Domain::FloatRange { low, high, step, log }
    }
}

impl ParamType for f32 {
    fn from_value(value: &ParamValue) -> Result<Self, ValueError> {
        let expected = || format!("a number from {:e} to {:e}", f32::MIN, f32::MAX);
        let wide = f64::from_value(value).map_err(|_| ValueError::unfit(value, expected()))?;
        Some(wide as f32)
            .filter(|narrow| narrow.is_finite())
            .ok_or_else(|| ValueError::unfit(value, expected()))
    }

    fn to_value(&self) -> ParamValue {
        ParamValue::Float(widened(*self))
    }
}

impl Number for f32 {
    fn range(low: Self, high: Self, step: Option<Self>, log: bool) -> Domain {
        f64::range(widened(low), widened(high), step.map(widened), log)
    }
}

/// The `f64` with the decimals of an `f32`: a user who writes 0.1 sees 0.1, where a cast gives
/// 0.10000000149011612.
fn widened(narrow: f32) -> f64 {
    let exact = f64::from(narrow);
    let short = narrow.to_string().parse().unwrap_or(exact);
    // In principle the detour could round to a neighbour; then the ugly number is the right one.
    if short as f32 == narrow { short } else { exact }
}

/// What an integer type can hold of what a parameter can be.
fn whole_number<E>(min: Result<i64, E>, max: Result<i64, E>) -> String {
    let min = min.ok().filter(|min| *min > i64::MIN);
    let max = max.ok().filter(|max| *max < i64::MAX);
    match (min, max) {
        (Some(min), Some(max)) => format!("a whole number from {min} to {max}"),
        (Some(min), None) => format!("a whole number, at least {min}"),
        _ => "a whole number".to_owned(),
    }
}

macro_rules! integers {
    ($($int:ty)*) => { $(
        impl ParamType for $int {
            fn from_value(value: &ParamValue) -> Result<Self, ValueError> {
                let expected = || whole_number(i64::try_from(<$int>::MIN), i64::try_from(<$int>::MAX));
                match value {
                    ParamValue::Int(int) => <$int>::try_from(*int).ok(),
                    _ => None,
                }
                .ok_or_else(|| ValueError::unfit(value, expected()))
            }

            fn to_value(&self) -> ParamValue {
                let int = i64::try_from(*self);
                ParamValue::Int(int.unwrap_or_else(|_| {
                    panic!("{self} is no value of a parameter: 64 bits with a sign do not hold it")
                }))
            }
        }

        impl Number for $int {
            fn range(low: Self, high: Self, step: Option<Self>, log: bool) -> Domain {
                // What is too large stays so: `StudySpec::check` refuses it with the name of the parameter.
                #[expect(clippy::allow_attributes, reason = "unsigned types alone never are below 0")]
                #[allow(unused_comparisons, reason = "unsigned types alone never are below 0")]
                let saturated = |int: $int| {
                    i64::try_from(int).unwrap_or(if int < 0 { i64::MIN } else { i64::MAX })
                };
                let (low, high) = (saturated(low), saturated(high));
                Domain::IntRange { low, high, step: step.map_or(1, saturated), log }
            }
        }
    )* };
}

integers!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);

impl ParamType for bool {
    fn from_value(value: &ParamValue) -> Result<Self, ValueError> {
        match value {
            ParamValue::Bool(value) => Ok(*value),
            _ => Err(ValueError::unfit(value, "true or false")),
        }
    }

    fn to_value(&self) -> ParamValue {
        ParamValue::Bool(*self)
    }
}

impl Choices for bool {
    fn choices() -> Vec<ParamValue> {
        vec![ParamValue::Bool(false), ParamValue::Bool(true)]
    }
}

impl ParamType for String {
    fn from_value(value: &ParamValue) -> Result<Self, ValueError> {
        match value {
            ParamValue::Str(text) => Ok(text.clone()),
            _ => Err(ValueError::unfit(value, "a string")),
        }
    }

    fn to_value(&self) -> ParamValue {
        ParamValue::Str(self.clone())
    }
}

impl Text for String {
    fn from_literal(text: &'static str) -> Self {
        text.to_owned()
    }
}

/// Each text that is read is kept until the program ends, once.
impl ParamType for &'static str {
    fn from_value(value: &ParamValue) -> Result<Self, ValueError> {
        String::from_value(value).map(kept)
    }

    fn to_value(&self) -> ParamValue {
        ParamValue::Str((*self).to_owned())
    }
}

impl Text for &'static str {
    fn from_literal(text: &'static str) -> Self {
        text
    }
}

fn kept(text: String) -> &'static str {
    static TEXTS: LazyLock<Mutex<HashSet<&'static str>>> = LazyLock::new(Mutex::default);
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = texts.get(text.as_str()) {
        return known;
    }
    let text: &'static str = text.leak();
    texts.insert(text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comes_back<T: ParamType + PartialEq + std::fmt::Debug>(value: T) {
        assert_eq!(T::from_value(&value.to_value()), Ok(value));
    }

    #[test]
    fn what_is_written_is_read_back_at_the_ends_of_each_type() {
        comes_back(i8::MIN);
        comes_back(i64::MIN);
        comes_back(u32::MAX);
        comes_back(i64::MAX as u64);
        comes_back(i128::from(i64::MAX));
        comes_back(f64::MIN_POSITIVE);
        comes_back(f64::MAX);
        for value in [f32::MAX, f32::MIN_POSITIVE, 1e-45, -0.0, 16_777_216.0, 0.1, 1.0 / 3.0] {
            comes_back(value);
        }
        comes_back("text");
        comes_back("text".to_owned());
        comes_back(true);
    }

    #[test]
    fn an_f32_has_the_decimals_that_its_author_wrote() {
        assert_eq!(0.1f32.to_value(), ParamValue::Float(0.1));
        let range = Domain::FloatRange { low: 1e-4, high: 0.3, step: Some(0.05), log: false };
        assert_eq!(f32::range(1e-4, 0.3, Some(0.05), false), range);
    }

    #[test]
    fn values_of_another_kind_or_beyond_the_type_are_refused() {
        let refused = |error: Option<ValueError>| error.expect("it is refused").to_string();
        assert_eq!(
            refused(u8::from_value(&ParamValue::Int(256)).err()),
            "256 is not a whole number from 0 to 255"
        );
        assert_eq!(
            refused(i64::from_value(&ParamValue::Float(2.0)).err()),
            "2.0 is not a whole number"
        );
        assert_eq!(
            refused(f32::from_value(&ParamValue::Float(1e39)).err()),
            "1e39 is not a number from -3.4028235e38 to 3.4028235e38"
        );
        assert_eq!(
            refused(f64::from_value(&ParamValue::Float(f64::NAN)).err()),
            "NaN is not a number"
        );
        assert_eq!(refused(bool::from_value(&ParamValue::Int(1)).err()), "1 is not true or false");
        assert_eq!(
            refused(String::from_value(&ParamValue::Bool(true)).err()),
            "true is not a string"
        );
    }

    #[test]
    #[should_panic(expected = "18446744073709551615 is no value of a parameter")]
    fn a_number_beyond_64_bits_with_a_sign_is_no_value() {
        u64::MAX.to_value();
    }

    #[test]
    fn a_range_that_is_too_large_stays_so_for_the_check_of_the_space() {
        let range = Domain::IntRange { low: 0, high: i64::MAX, step: 1, log: false };
        assert_eq!(u64::range(0, u64::MAX, None, false), range);
        assert!(range.check("a").is_err());
        let range = Domain::IntRange { low: i64::MIN, high: 0, step: 1, log: false };
        assert_eq!(i128::range(i128::MIN, 0, None, false), range);
    }

    #[test]
    fn a_text_is_kept_once() {
        let read = || <&'static str>::from_value(&ParamValue::Str("kept once".into())).unwrap();
        assert!(std::ptr::eq(read(), read()));
    }
}
