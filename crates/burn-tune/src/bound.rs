//! A type with a space as the configuration of an objective: read through serde, by way of its params.

use std::fmt;
use std::marker::PhantomData;

use burn_tune_search::{ParamValue, Params};
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, Unexpected, Visitor};

use crate::param_error::{ParamError, ValueError};
use crate::space::Space;

/// A value with a space, read through serde from names with values: what an
/// [`Objective`](burn_tune_search::Objective) of the engine has as its `Config`.
///
/// A type of its own, since one with a space may derive `Deserialize` for other purposes, in another form.
///
/// ```
/// use burn_tune::Space;
/// use burn_tune::__private::Bound;
/// use burn_tune_search::{FoldScore, Objective, ObjectiveError, TaskHandle};
///
/// #[derive(Space, Debug)]
/// struct Point {
///     #[space(-5.0..=5.0)]
///     x: f64,
/// }
///
/// struct Parabola;
///
/// impl Objective for Parabola {
///     type Config = Bound<Point>;
///
///     fn evaluate(
///         &self,
///         Bound(point): &Bound<Point>,
///         _fold: usize,
///         _handle: &TaskHandle,
///     ) -> Result<FoldScore, ObjectiveError> {
///         Ok(FoldScore { score: -point.x.powi(2), ..FoldScore::default() })
///     }
/// }
///
/// let point: Bound<Point> = serde_json::from_str(r#"{ "x": 0.5 }"#)?;
/// assert_eq!(point.0.x, 0.5);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound<S>(pub S);

impl<'de, S: Space> Deserialize<'de> for Bound<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ParamsVisitor(PhantomData)).map(Bound)
    }
}

struct ParamsVisitor<S>(PhantomData<S>);

impl<'de, S: Space> Visitor<'de> for ParamsVisitor<S> {
    type Value = S;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("names of parameters with their values")
    }

    /// Each name and value is checked while it is read, so that the deserializer knows which is at fault.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<S, A::Error> {
        let mut params = Params::default();
        while let Some(name) = map.next_key_seed(NameSeed::<S>(PhantomData))? {
            params =
                map.next_value_seed(ValueSeed::<S> { name, before: params, of: PhantomData })?;
        }
        S::from_params(&params).map_err(serde_error::<S, _>)
    }
}

fn serde_error<S: Space, E: de::Error>(error: ParamError) -> E {
    let missing = match &error {
        ParamError::Missing { param, when: None } => {
            S::NAMES.iter().copied().find(|name| name == param)
        }
        _ => None,
    };
    match missing {
        Some(name) => E::missing_field(name),
        None => E::custom(format_args!("{error}: {}", error.help())),
    }
}

/// Reads the name of a parameter that there is.
struct NameSeed<S>(PhantomData<S>);

impl<'de, S: Space> DeserializeSeed<'de> for NameSeed<S> {
    type Value = &'static str;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<&'static str, D::Error> {
        let name = String::deserialize(deserializer)?;
        let known = S::NAMES.iter().find(|known| **known == name).copied();
        known.ok_or_else(|| de::Error::unknown_field(&name, S::NAMES))
    }
}

/// Reads a value that the field of this parameter can hold, beside those that stand before it.
struct ValueSeed<S> {
    name: &'static str,
    before: Params,
    of: PhantomData<S>,
}

impl<'de, S: Space> DeserializeSeed<'de> for ValueSeed<S> {
    type Value = Params;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Params, D::Error> {
        let value = ParamValue::deserialize(deserializer)?;
        S::check_value(self.name, &value).map_err(value_error)?;
        let read = self.before.into_iter().chain([(self.name.to_owned(), value)]);
        let read: Params = read.collect();
        // Whether it exists is known if all that stands above its field has been read, which is the order of most
        // files; else the error comes at the end, and has no place.
        match S::from_params(&read) {
            Err(error @ ParamError::NotHere { .. }) if error.param() == self.name => {
                Err(de::Error::custom(error.help()))
            }
            _ => Ok(read),
        }
    }
}

fn value_error<E: de::Error>(error: ValueError) -> E {
    match error {
        ValueError::Unfit { found, expected } => {
            E::invalid_value(unexpected(&found), &expected.as_str())
        }
        ValueError::UnknownName { found, known } => E::unknown_variant(&found, known),
    }
}

fn unexpected(value: &ParamValue) -> Unexpected<'_> {
    match value {
        ParamValue::Bool(value) => Unexpected::Bool(*value),
        ParamValue::Int(int) => Unexpected::Signed(*int),
        ParamValue::Float(float) => Unexpected::Float(*float),
        ParamValue::Str(text) => Unexpected::Str(text),
    }
}
