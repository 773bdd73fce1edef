//! What derived code calls, so that there is little of it: made once here, and tested here.

use std::sync::OnceLock;

use burn_tune_search::space::Condition;
use burn_tune_search::spec::shown;
use burn_tune_search::{Domain, ParamValue, Params, Space};

use crate::param_error::{ParamError, ValueError};
use crate::param_type::{Choices, Number, ParamType, Text};
use crate::space::Space as DerivedSpace;

/// How a type becomes the value of a parameter, and back. Derived code asks for it at each field several times
/// in one and the same way, so that a type which cannot be one is one error.
pub struct Codec<T> {
    from_value: fn(&ParamValue) -> Result<T, ValueError>,
    to_value: fn(&T) -> ParamValue,
}

/// That of `T`.
pub fn codec<T: ParamType>() -> Codec<T> {
    Codec { from_value: T::from_value, to_value: T::to_value }
}

/// The value itself, of a type that is stated.
pub fn typed<T>(value: T) -> T {
    value
}

/// The domain of `low..=high`.
pub fn range<T: Number>(low: T, high: T, step: Option<T>, log: bool) -> Domain {
    T::range(low, high, step, log)
}

/// The domain of a list, or of the one value that a fixed parameter has.
pub fn list<T>(codec: Codec<T>, values: &[T]) -> Domain {
    Domain::Choices(values.iter().map(codec.to_value).collect())
}

/// The domain of a bare `#[space]`.
pub fn choices<T: Choices>() -> Domain {
    Domain::Choices(T::choices())
}

/// The value of a string literal.
pub fn text<T: Text>(text: &'static str) -> T {
    T::from_literal(text)
}

/// The value of a field that always exists.
pub fn value<T>(codec: Codec<T>, field: &T) -> Option<ParamValue> {
    Some((codec.to_value)(field))
}

/// The value of a field that exists only sometimes.
pub fn optional_value<T>(codec: Codec<T>, field: &Option<T>) -> Option<ParamValue> {
    field.as_ref().map(codec.to_value)
}

/// Those of the values that are there, with their names.
pub fn params<const N: usize>(values: [(&'static str, Option<ParamValue>); N]) -> Params {
    let there = values.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    there.collect()
}

/// Whether a type can hold the value.
pub fn check<T>(codec: Codec<T>, value: &ParamValue) -> Result<(), ValueError> {
    (codec.from_value)(value).map(|_| ())
}

/// Of the variants of an enum the one whose name is the value.
pub fn variant<T, const N: usize>(
    value: &ParamValue,
    names: &'static [&'static str],
    variants: [T; N],
) -> Result<T, ValueError> {
    let ParamValue::Str(text) = value else {
        return Err(ValueError::unfit(value, format!("one of {}", names.join(", "))));
    };
    let mut variants = names.iter().zip(variants);
    let found = variants.find(|(name, _)| **name == text).map(|(_, variant)| variant);
    found.ok_or_else(|| ValueError::UnknownName { found: text.clone(), known: names })
}

/// The value of a variant with this name.
pub fn name(name: &str) -> ParamValue {
    ParamValue::Str(name.to_owned())
}

/// The values of all variants.
pub fn names(names: &[&str]) -> Vec<ParamValue> {
    names.iter().copied().map(name).collect()
}

/// The space of `S`, made once: params are read more often than spaces change.
pub fn space_in<S: DerivedSpace>(cell: &'static OnceLock<Space>) -> &'static Space {
    cell.get_or_init(S::space)
}

/// A space in the making. Conditions belong to the parameter that was added last.
#[derive(Default)]
pub struct SpaceBuilder(Space);

impl SpaceBuilder {
    /// A space without parameters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a parameter.
    pub fn param(&mut self, name: &str, domain: Domain) {
        self.0.domains.push((name.to_owned(), domain));
    }

    /// It exists only where `parent` has one of these values.
    pub fn when<T>(&mut self, parent: &str, codec: Codec<T>, values: &[T]) {
        self.push_condition(parent, values.iter().map(codec.to_value).collect());
    }

    /// It exists only where `parent` lies in this range. Of a parent whose values cannot be listed, nothing is
    /// within: the check of the whole space refuses that.
    pub fn when_within<T: Number>(&mut self, parent: &str, low: Option<T>, high: Option<T>) {
        let [low, high] = [low, high].map(|end| end.and_then(|end| number(&end.to_value())));
        let within = |value: &ParamValue| {
            number(value).is_some_and(|value| {
                low.is_none_or(|low| value >= low) && high.is_none_or(|high| value <= high)
            })
        };
        let values = self.0.get(parent).and_then(Domain::values).unwrap_or_default();
        self.push_condition(parent, values.into_iter().filter(within).collect());
    }

    fn push_condition(&mut self, parent: &str, values: Vec<ParamValue>) {
        let Some((param, _)) = self.0.domains.last() else { return };
        let (param, parent) = (param.clone(), parent.to_owned());
        self.0.conditions.push(Condition { param, parent, values });
    }

    /// The space.
    pub fn finish(self) -> Space {
        self.0
    }
}

fn number(value: &ParamValue) -> Option<f64> {
    match value {
        ParamValue::Int(int) => Some(*int as f64),
        ParamValue::Float(float) => Some(*float),
        ParamValue::Bool(_) | ParamValue::Str(_) => None,
    }
}

/// Params that are read field by field.
pub struct Reader<'a> {
    params: &'a Params,
    space: &'a Space,
}

impl<'a> Reader<'a> {
    /// Begins, if there is no parameter that the space of `S` has not.
    pub fn new<S: DerivedSpace>(params: &'a Params, space: &'a Space) -> Result<Self, ParamError> {
        match params.iter().find(|(name, _)| !S::NAMES.contains(name)) {
            Some((name, _)) => Err(ParamError::Unknown { param: name.to_owned(), known: S::NAMES }),
            None => Ok(Reader { params, space }),
        }
    }

    /// The value of a parameter that exists always.
    pub fn required<T>(&self, name: &str, codec: Codec<T>) -> Result<T, ParamError> {
        self.read(name, codec)?
            .ok_or_else(|| ParamError::Missing { param: name.to_owned(), when: None })
    }

    /// The value of a parameter that exists where its conditions hold; there it has to be, and else it may not.
    pub fn optional<T>(&self, name: &str, codec: Codec<T>) -> Result<Option<T>, ParamError> {
        let param = || name.to_owned();
        match (self.read(name, codec)?, self.exists(name)) {
            (Some(_), Some(false)) => {
                Err(ParamError::NotHere { param: param(), when: self.when(name) })
            }
            (None, Some(true)) => {
                Err(ParamError::Missing { param: param(), when: Some(self.when(name)) })
            }
            (value, _) => Ok(value),
        }
    }

    fn read<T>(&self, name: &str, codec: Codec<T>) -> Result<Option<T>, ParamError> {
        let value = self.params.get(name).map(codec.from_value).transpose();
        value.map_err(|error| ParamError::Value { param: name.to_owned(), error })
    }

    /// Whether a parameter exists; `None` where nobody can know.
    fn exists(&self, name: &str) -> Option<bool> {
        let hold: Vec<Option<bool>> =
            self.space.conditions_of(name).map(|condition| self.holds(condition)).collect();
        if hold.contains(&Some(false)) {
            return Some(false);
        }
        hold.into_iter().all(|holds| holds.is_some()).then_some(true)
    }

    /// Conditions list values of the parent's domain: of a value beyond it, which a file may have, they say
    /// nothing.
    fn holds(&self, condition: &Condition) -> Option<bool> {
        let Some(given) = self.params.get(&condition.parent) else { return Some(false) };
        // A file may state 1 where the field is a float.
        let equals = |value: &ParamValue| match (value, given) {
            (ParamValue::Float(value), ParamValue::Int(int)) => *value == *int as f64,
            (value, given) => value == given,
        };
        if condition.values.iter().any(equals) {
            return Some(true);
        }
        let known = self.space.get(&condition.parent).and_then(Domain::values);
        known.is_some_and(|known| known.iter().any(equals)).then_some(false)
    }

    /// When a parameter exists, in words.
    fn when(&self, name: &str) -> String {
        let conditions = self.space.conditions_of(name).map(|condition| {
            let one_of = if condition.values.len() > 1 { "one of " } else { "" };
            format!("`{}` is {one_of}{}", condition.parent, shown(&condition.values))
        });
        conditions.collect::<Vec<_>>().join(" and ")
    }
}
