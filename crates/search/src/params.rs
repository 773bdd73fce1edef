//! Params: one point of a search space, as names with values.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// The value of one parameter.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum ParamValue {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A finite number with a decimal point.
    Float(f64),
    /// A text.
    Str(String),
}

impl ParamValue {
    /// What kind of value this is, in the words of an error message.
    #[doc(hidden)]
    pub fn kind(&self) -> &'static str {
        match self {
            ParamValue::Bool(_) => "boolean",
            ParamValue::Int(_) => "integer",
            ParamValue::Float(_) => "float",
            ParamValue::Str(_) => "string",
        }
    }

    /// The value in at most a few characters: floats to three significant digits, where files have all.
    #[doc(hidden)]
    pub fn brief(&self) -> String {
        match self {
            ParamValue::Float(float) => brief_float(*float),
            value => value.to_string(),
        }
    }
}

fn brief_float(float: f64) -> String {
    if float == 0.0 {
        return "0".into();
    }
    let exponent = float.abs().log10().floor();
    if !(-4.0..6.0).contains(&exponent) {
        return format!("{float:.2e}");
    }
    let decimals = (2.0 - exponent).max(0.0) as usize;
    let text = format!("{float:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// As a person reads it in a table: `0.001`, `relu`, `true`.
impl fmt::Display for ParamValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParamValue::Bool(value) => write!(f, "{value}"),
            ParamValue::Int(value) => write!(f, "{value}"),
            // Debug keeps the point of 1.0 and is the shortest text that reads back as this number.
            ParamValue::Float(value) => write!(f, "{value:?}"),
            ParamValue::Str(value) => f.write_str(value),
        }
    }
}

/// One point of a [`Space`](crate::Space): a value for each of its parameters that exists there, in its
/// order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Params(Vec<(String, ParamValue)>);

impl Params {
    /// The value of the parameter called `name`.
    pub fn get(&self, name: &str) -> Option<&ParamValue> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    /// The names of those parameters that are not the same in `all`, in the order of the first, and then
    /// those that it lacks.
    #[doc(hidden)]
    pub fn varying<'a>(all: impl IntoIterator<Item = &'a Params>) -> Vec<&'a str> {
        let all: Vec<&Params> = all.into_iter().collect();
        let Some(first) = all.first() else { return Vec::new() };
        let varies = |name: &str| all.iter().any(|params| params.get(name) != first.get(name));
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in all.iter().flat_map(|params| params.iter()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        // Each name once: a study may have many thousands of trials.
        names.retain(|name| varies(name));
        names
    }

    /// Names and values, in the order of the space.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ParamValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl IntoIterator for Params {
    type Item = (String, ParamValue);
    type IntoIter = std::vec::IntoIter<(String, ParamValue)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<(String, ParamValue)> for Params {
    fn from_iter<I: IntoIterator<Item = (String, ParamValue)>>(iter: I) -> Self {
        Params(iter.into_iter().collect())
    }
}

/// As a JSON object, in the order of the space.
impl Serialize for Params {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// From a JSON object, whose order is kept.
impl<'de> Deserialize<'de> for Params {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        entries(deserializer).map(Params)
    }
}

/// The entries of a map in their order.
pub(crate) fn entries<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<(String, T)>, D::Error> {
    struct Entries<T>(std::marker::PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
        type Value = Vec<(String, T)>;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("names with values")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut entries = Vec::new();
            while let Some(entry) = map.next_entry()? {
                entries.push(entry);
            }
            Ok(entries)
        }
    }

    deserializer.deserialize_map(Entries(std::marker::PhantomData))
}

/// `batch_size=100 lr=0.001`: for logs and progress lines.
impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.0.iter().enumerate() {
            let gap = if i == 0 { "" } else { " " };
            write!(f, "{gap}{name}={value}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_shortened_to_what_tells_them_apart() {
        let shown = |float| ParamValue::Float(float).brief();
        let floats = [shown(0.012_345_6), shown(0.001), shown(1.0), shown(123_456.0)];
        assert_eq!(floats, ["0.0123", "0.001", "1", "123456"]);
        let floats = [shown(1.23e-7), shown(0.0), shown(-2.5e9), shown(1e-4)];
        assert_eq!(floats, ["1.23e-7", "0", "-2.50e9", "0.0001"]);
    }
}
