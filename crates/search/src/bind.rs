//! From params to the objective's own `Config`, through serde: TOML names become fields of a
//! user's struct, and a name or type that does not fit is found before the first trial.

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, Visitor};
use thiserror::Error;

use crate::did_you_mean;
use crate::metric::{ObjectiveFault, resolve_objectives};
use crate::objective::{Objective, Rejection};
use crate::params::{ParamValue, Params};
use crate::space::{Domain, Space};
use crate::spec::{ExplicitTrial, Place, SpecError, SpecFault, StudySpec};

/// Why params are no configuration of an objective.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("{problem}")]
pub struct BindError {
    /// The parameter at fault, where one is.
    pub param: Option<String>,
    /// Whether its name is at fault, as against its value.
    pub name_is_wrong: bool,
    /// The parameter that there has to be, where one is missing.
    pub missing: Option<String>,
    /// What is wrong.
    pub problem: String,
    /// What is allowed.
    pub help: String,
}

/// Makes the configuration that `params` describe, and has the objective check it.
///
/// # Errors
///
/// Where a name or type does not fit the fields of the configuration, or the objective rejects it.
pub fn bind<O: Objective>(objective: &O, params: &Params) -> Result<O::Config, BindError> {
    let config = from_params(params)?;
    match objective.check(&config) {
        Ok(()) => Ok(config),
        Err(Rejection { param, problem, allowed }) => Err(BindError {
            param: Some(param),
            ..BindError::new(problem, format!("allowed: {allowed}"))
        }),
    }
}

/// Tries every value that a study can take on the objective: all of each list, both ends of each
/// range, all explicit trials, and the names of what is searched for. So that no trial fails later for what
/// the study says.
///
/// # Errors
///
/// The first value that does not fit, with its place.
pub fn check_spec<O: Objective>(objective: &O, spec: &StudySpec) -> Result<(), SpecError> {
    let space = &spec.space;
    for (name, domain) in &space.domains {
        for value in domain.extremes() {
            let params = example(space, name, value);
            if let Err(error) = bind(objective, &params) {
                return Err(at_param(space, &params, error));
            }
        }
    }
    resolve_objectives(&spec.settings.objectives, &objective.metrics()).map_err(
        |ObjectiveFault { objective, problem, help }| {
            SpecError::new(Place::Objective(objective), problem, help)
        },
    )?;
    for (index, trial) in spec.trials.iter().enumerate() {
        let explicit = |name: &str| trial.values.iter().find(|(n, _)| n == name).map(|(_, v)| v);
        if let Err(error) = bind(objective, &point_of(space, trial)) {
            let name = error.param.clone().unwrap_or_default();
            let place = match explicit(&name) {
                Some(_) => Place::TrialValue(index, name),
                None => Place::Param(name),
            };
            return Err(error.at(place));
        }
    }
    Ok(())
}

/// The most times that a fold reports, of all that the study's space and explicit trials allow; `None` where
/// nobody knows. A number of steps is taken to grow or fall with each parameter: so it is largest at the end
/// of a range.
pub fn max_steps<O: Objective>(objective: &O, spec: &StudySpec) -> Option<u64> {
    let space = &spec.space;
    let sampled = space.domains.iter().flat_map(|(name, domain)| {
        domain.extremes().into_iter().map(move |value| example(space, name, value))
    });
    let explicit = spec.trials.iter().map(|trial| point_of(space, trial));
    let steps = |params: Params| objective.steps(&bind(objective, &params).ok()?);
    sampled.chain(explicit).filter_map(steps).max()
}

/// An explicit trial with the first value of each parameter that it does not state.
fn point_of(space: &Space, trial: &ExplicitTrial) -> Params {
    let stated = |name: &str| trial.values.iter().find(|(known, _)| known == name);
    let values = space.domains.iter().map(|(name, domain)| {
        stated(name).map_or_else(|| domain.first(), |(_, value)| value.clone())
    });
    space.existing(space.named(values))
}

/// A point at which the parameter called `name` exists and has this value; the others have the first that
/// they may.
fn example(space: &Space, name: &str, value: ParamValue) -> Params {
    let mut needed: Vec<(&str, ParamValue)> = vec![(name, value)];
    // From the last parameter to the first: what one depends on stands before it.
    for (name, _) in space.domains.iter().rev() {
        if !needed.iter().any(|(known, _)| known == name) {
            continue;
        }
        for condition in space.conditions_of(name) {
            if !needed.iter().any(|(known, _)| *known == condition.parent)
                && let Some(first) = condition.values.first()
            {
                needed.push((&condition.parent, first.clone()));
            }
        }
    }
    let values = space.domains.iter().map(|(name, domain)| {
        let stated = needed.iter().find(|(known, _)| known == name);
        stated.map_or_else(|| domain.first(), |(_, value)| value.clone())
    });
    space.existing(space.named(values))
}

fn at_param(space: &Space, params: &Params, error: BindError) -> SpecError {
    let Some(name) = error.param.clone() else { return error.at(Place::Space) };
    let extremes = space.get(&name).map(Domain::extremes).unwrap_or_default();
    let value = params.get(&name).filter(|_| !error.name_is_wrong);
    let value = value.and_then(|value| extremes.iter().position(|extreme| extreme == value));
    let place = match value {
        Some(value) => Place::Value(name, value),
        None => Place::Param(name),
    };
    error.at(place)
}

/// Makes the configuration that `params` describe, without asking the objective.
///
/// # Errors
///
/// Where a name or type does not fit the fields of the configuration.
pub fn from_params<T: DeserializeOwned>(params: &Params) -> Result<T, BindError> {
    let access = ParamsAccess { rest: params.iter().collect(), value: None };
    T::deserialize(MapAccessDeserializer::new(access))
}

/// Params as a map with their names as keys.
struct ParamsAccess<'a> {
    rest: std::collections::VecDeque<(&'a str, &'a ParamValue)>,
    value: Option<(&'a str, &'a ParamValue)>,
}

impl<'de> MapAccess<'de> for ParamsAccess<'_> {
    type Error = BindError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, BindError> {
        self.value = self.rest.pop_front();
        let Some((name, _)) = self.value else { return Ok(None) };
        let named = |error: BindError| BindError { param: Some(name.to_owned()), ..error };
        seed.deserialize(name.into_deserializer()).map(Some).map_err(named)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, BindError> {
        let (name, value) =
            self.value.ok_or_else(|| <BindError as de::Error>::custom("a value without a name"))?;
        seed.deserialize(ValueDeserializer(value)).map_err(|error| BindError {
            param: Some(name.to_owned()),
            problem: format!("`{name}`: {}", error.problem),
            ..error
        })
    }
}

struct ValueDeserializer<'a>(&'a ParamValue);

impl<'de> de::Deserializer<'de> for ValueDeserializer<'_> {
    type Error = BindError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BindError> {
        match self.0 {
            ParamValue::Bool(value) => visitor.visit_bool(*value),
            ParamValue::Int(value) => visitor.visit_i64(*value),
            ParamValue::Float(value) => visitor.visit_f64(*value),
            ParamValue::Str(value) => visitor.visit_str(value),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BindError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, BindError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, BindError> {
        match self.0 {
            ParamValue::Str(text) => {
                let text: de::value::StrDeserializer<BindError> = text.as_str().into_deserializer();
                text.deserialize_enum(name, variants, visitor)
            }
            other => Err(BindError::new(
                format!("this is of type {}, where one of a few strings is expected", other.kind()),
                format!("allowed: {}", variants.join(", ")),
            )),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl BindError {
    fn new(problem: String, help: String) -> Self {
        BindError { param: None, name_is_wrong: false, missing: None, problem, help }
    }

    /// The same as what is wrong with a study, there.
    fn at(self, place: Place) -> SpecError {
        let error = SpecError::new(place, self.problem, self.help);
        match self.missing {
            Some(name) => error.about(SpecFault::MissingParam(name)),
            None => error,
        }
    }
}

impl de::Error for BindError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        BindError::new(message.to_string(), "see the model's parameters".into())
    }

    fn invalid_type(found: de::Unexpected, expected: &dyn de::Expected) -> Self {
        BindError::new(format!("this is {found}"), format!("allowed: {expected}"))
    }

    fn invalid_value(found: de::Unexpected, expected: &dyn de::Expected) -> Self {
        BindError::new(format!("this is {found}"), format!("allowed: {expected}"))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        BindError::new(format!("there is no `{variant}`"), did_you_mean::help(variant, expected))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        BindError {
            name_is_wrong: true,
            ..BindError::new(
                format!("the model has no parameter `{field}`"),
                did_you_mean::help(field, expected),
            )
        }
    }

    fn missing_field(field: &'static str) -> Self {
        BindError {
            missing: Some(field.to_owned()),
            ..BindError::new(
                format!("the model's parameter `{field}` is not in the space"),
                format!("add `{field}` to the space, with a list, a range or a fixed value"),
            )
        }
    }
}
