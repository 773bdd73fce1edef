//! The space that is searched: for each parameter, the values that it may take.

mod check;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, SerializeMap, Serializer};

pub(crate) use self::check::check_whole;
use crate::params::{ParamValue, Params, entries};

/// The values that one parameter may take. [`Domain::check`] holds them against what the variants state.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum Domain {
    /// One of these: not empty, all of one type, none twice. A single one is a fixed value.
    Choices(Vec<ParamValue>),
    /// A whole number from `low` to `high`, both included.
    IntRange {
        /// The smallest value.
        low: i64,
        /// The largest value, if `step` leads to it.
        high: i64,
        /// The distance between neighbours; at least 1, and 1 where `log` is set.
        step: i64,
        /// Whether each factor is as likely as any other, as against each difference.
        log: bool,
    },
    /// A number from `low` to `high`.
    FloatRange {
        /// The smallest value; above 0 where `log` is set.
        low: f64,
        /// The largest value.
        high: f64,
        /// The distance between neighbours, where only a grid of values is wanted; never with `log`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<f64>,
        /// Whether each factor is as likely as any other, as against each difference.
        log: bool,
    },
}

/// Whole numbers beyond this are not all floats, which is what the databases of studies hold.
pub const LARGEST_INT: i64 = 1 << 53;

/// So many values are listed where others depend on them.
pub const LISTED: u128 = 10_000;

impl Domain {
    /// How many values there are to list; `None` for a range that is drawn from rather than listed
    /// (a float range without step, or a logarithmic one).
    pub fn points(&self) -> Option<u128> {
        match self {
            Domain::Choices(values) => Some(values.len() as u128),
            Domain::IntRange { low, high, step, log: false } => {
                Some(((i128::from(*high) - i128::from(*low)) / i128::from(*step)) as u128 + 1)
            }
            Domain::FloatRange { low, high, .. } if low == high => Some(1),
            Domain::FloatRange { low, high, step: Some(step), .. } => {
                // A hair of slack: (0.5 - 0.1) / 0.1 is 4 to a reader, 3.9999… to a float.
                Some((((high - low) / step + 1e-9).floor() as u128).saturating_add(1))
            }
            Domain::IntRange { .. } | Domain::FloatRange { .. } => None,
        }
    }

    /// All values, if there are no more than [`LISTED`]; those of a logarithmic range of whole numbers, too.
    pub fn values(&self) -> Option<Vec<ParamValue>> {
        if let Domain::IntRange { low, high, log: true, .. } = self {
            let few = high.checked_sub(*low).is_some_and(|steps| steps < LISTED as i64);
            return few.then(|| (*low..=*high).map(ParamValue::Int).collect());
        }
        let points = self.points().filter(|points| *points <= LISTED)?;
        Some((0..points as u64).map(|index| self.value(index)).collect())
    }

    /// The value at `index` of those that [`Domain::points`] counts.
    ///
    /// # Panics
    ///
    /// Where there is no list, or `index` is not in it.
    #[doc(hidden)]
    pub fn value(&self, index: u64) -> ParamValue {
        match self {
            Domain::Choices(values) => values[index as usize].clone(),
            Domain::IntRange { low, step, .. } => {
                ParamValue::Int((i128::from(*low) + i128::from(index) * i128::from(*step)) as i64)
            }
            Domain::FloatRange { low, high, step: Some(step), .. } => {
                // 0.1 + 2 · 0.1 is a hair above 0.3, and 0.3 is what a reader asks for.
                let value = low + index as f64 * step;
                ParamValue::Float(rounded(value, decimals(*low).max(decimals(*step))).min(*high))
            }
            Domain::FloatRange { low, high, .. } if low == high => ParamValue::Float(*low),
            Domain::FloatRange { .. } => unreachable!("a range without step is drawn from"),
        }
    }

    /// The value at `u` in `[0, 1)` of a range that is drawn from.
    ///
    /// Floats as scipy's `uniform` and `loguniform` compute them. Whole numbers as Optuna's
    /// `IntDistribution(log=True)`: the logarithm of `low - 1/2 … high + 1/2`, rounded.
    ///
    /// # Panics
    ///
    /// Where the domain is one to list.
    #[doc(hidden)]
    pub fn quantile(&self, u: f64) -> ParamValue {
        match self {
            Domain::FloatRange { low, high, step: None, log: true } => {
                let (ln_low, ln_high) = (low.ln(), high.ln());
                // At the ends of what a float can be, the exponential leaves the range, up to infinity.
                let value = (ln_low + u * (ln_high - ln_low)).exp();
                ParamValue::Float(value.clamp(*low, *high))
            }
            Domain::FloatRange { low, high, step: None, log: false } => {
                ParamValue::Float(u * (high - low) + low)
            }
            Domain::IntRange { low, high, log: true, .. } => {
                let (ln_low, ln_high) = ((*low as f64 - 0.5).ln(), (*high as f64 + 0.5).ln());
                let value = (ln_low + u * (ln_high - ln_low)).exp().round() as i64;
                ParamValue::Int(value.clamp(*low, *high))
            }
            _ => unreachable!("{self:?} is a list"),
        }
    }

    /// The values at which a model can refuse the domain: all of a list, both ends of a range.
    #[doc(hidden)]
    pub fn extremes(&self) -> Vec<ParamValue> {
        match self {
            Domain::Choices(values) => values.clone(),
            Domain::IntRange { low, high, .. } => {
                vec![ParamValue::Int(*low), ParamValue::Int(*high)]
            }
            Domain::FloatRange { low, high, .. } => {
                vec![ParamValue::Float(*low), ParamValue::Float(*high)]
            }
        }
    }

    /// The first of [`Domain::extremes`].
    #[doc(hidden)]
    pub fn first(&self) -> ParamValue {
        match self {
            Domain::Choices(values) => {
                values.first().cloned().expect("a list of choices is never empty")
            }
            Domain::IntRange { low, .. } => ParamValue::Int(*low),
            Domain::FloatRange { low, .. } => ParamValue::Float(*low),
        }
    }

    /// What a reader of the range may not expect: a step that does not lead to its high end, so that this is
    /// never tried. Optuna warns of it, too.
    #[doc(hidden)]
    pub fn note(&self, name: &str) -> Option<String> {
        let (high, last, points) = match self {
            Domain::IntRange { high, log: false, .. }
            | Domain::IntRange { high, step: 2.., .. } => {
                let points = self.points()?;
                (ParamValue::Int(*high), self.value(u64::try_from(points - 1).ok()?), points)
            }
            Domain::FloatRange { high, step: Some(_), .. } => {
                let points = self.points()?;
                (ParamValue::Float(*high), self.value(u64::try_from(points - 1).ok()?), points)
            }
            _ => return None,
        };
        if last == high {
            return None;
        }
        Some(match points {
            1 => format!(
                "`{name}`: the step is wider than the range, so {last} is the only value, and {high} is never tried"
            ),
            _ => format!(
                "`{name}`: the steps end at {last}, so the high end, {high}, is never tried"
            ),
        })
    }

    /// What kind of value the domain holds, in the words of an error message.
    #[doc(hidden)]
    pub fn kind(&self) -> &'static str {
        match self {
            Domain::Choices(values) => values.first().map_or("nothing", ParamValue::kind),
            Domain::IntRange { .. } => "integer",
            Domain::FloatRange { .. } => "float",
        }
    }
}

/// How many digits behind the point it takes to write a number such that it is read back as the same.
fn decimals(number: f64) -> usize {
    let text = format!("{number:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let behind_point = mantissa.split_once('.').map_or(0, |(_, behind)| behind.len() as i64);
    let exponent: i64 = exponent.parse().unwrap_or(0);
    usize::try_from(behind_point - exponent).unwrap_or(0)
}

fn rounded(number: f64, decimals: usize) -> f64 {
    format!("{number:.decimals$}").parse().unwrap_or(number)
}

/// When a parameter exists: only where another one, which stands before it, has one of some values.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The parameter that depends.
    pub param: String,
    /// The one that it depends on, whose values can be listed.
    pub parent: String,
    /// The parent's values for which it exists; all of them in the parent's domain.
    pub values: Vec<ParamValue>,
}

/// The parameters that are searched, in the order of the file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Space {
    /// Each parameter's name and values; no name twice.
    pub domains: Vec<(String, Domain)>,
    /// What exists only sometimes. All conditions of one parameter have to hold.
    pub conditions: Vec<Condition>,
}

impl Space {
    /// A space whose parameters exist always.
    pub fn of(domains: impl IntoIterator<Item = (String, Domain)>) -> Self {
        Space { domains: domains.into_iter().collect(), conditions: Vec::new() }
    }

    /// The conditions of the parameter called `name`.
    #[doc(hidden)]
    pub fn conditions_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Condition> {
        self.conditions.iter().filter(move |condition| condition.param == name)
    }

    /// The values that the parameter called `name` may take.
    pub fn get(&self, name: &str) -> Option<&Domain> {
        self.domains.iter().find(|(n, _)| n == name).map(|(_, domain)| domain)
    }

    /// Leaves out the parameters that do not exist where the others have these values.
    #[doc(hidden)]
    pub fn existing(&self, params: Params) -> Params {
        if self.conditions.is_empty() {
            return params;
        }
        let mut kept: Vec<(String, ParamValue)> = Vec::new();
        for (name, value) in params.into_iter() {
            let holds = |condition: &Condition| {
                let parent = kept.iter().find(|(known, _)| *known == condition.parent);
                parent.is_some_and(|(_, value)| condition.values.contains(value))
            };
            if self.conditions_of(&name).all(holds) {
                kept.push((name, value));
            }
        }
        kept.into_iter().collect()
    }

    /// How many points there are, where all of them can be listed. One for a space without
    /// parameters; `None` too where 128 bits cannot count them, or too much depends on too many values.
    pub fn points(&self) -> Option<u128> {
        if self.conditions.is_empty() {
            return self.grid_points();
        }
        self.grid_points()?;
        // Only the values that others depend on matter for what exists.
        let is_parent = |name: &str| self.conditions.iter().any(|c| c.parent == name);
        let mut partial: Vec<(Vec<(String, ParamValue)>, u128)> = vec![(Vec::new(), 1)];
        for (name, domain) in &self.domains {
            let mut next = Vec::new();
            for (values, count) in partial {
                let exists = self.conditions_of(name).all(|condition| {
                    let parent = values.iter().find(|(known, _)| *known == condition.parent);
                    parent.is_some_and(|(_, value)| condition.values.contains(value))
                });
                if !exists {
                    next.push((values, count));
                } else if is_parent(name) {
                    for value in domain.values()? {
                        let mut values = values.clone();
                        values.push((name.clone(), value));
                        next.push((values, count));
                    }
                } else {
                    next.push((values, count.checked_mul(domain.points()?)?));
                }
            }
            if next.len() as u128 > LISTED {
                return None;
            }
            partial = next;
        }
        partial.into_iter().try_fold(0u128, |sum, (_, count)| sum.checked_add(count))
    }

    /// How many points the grid has whose parameters exist always.
    pub(crate) fn grid_points(&self) -> Option<u128> {
        self.domains
            .iter()
            .try_fold(1u128, |product, (_, domain)| product.checked_mul(domain.points()?))
    }

    /// Whether there is nothing to search: no parameter at all.
    pub fn is_empty(&self) -> bool {
        self.domains.is_empty()
    }

    /// Positions in [`Space::domains`], sorted by name: the order in which scikit-learn visits them.
    #[doc(hidden)]
    pub fn sorted_positions(&self) -> Vec<usize> {
        let mut positions: Vec<usize> = (0..self.domains.len()).collect();
        positions.sort_by(|&a, &b| self.domains[a].0.cmp(&self.domains[b].0));
        positions
    }

    /// The point at `index` of the whole grid, counted as scikit-learn's `ParameterGrid` does: names
    /// sorted, the last one fastest.
    ///
    /// # Panics
    ///
    /// Where the space has no list of points, or `index` is not in it.
    #[doc(hidden)]
    pub fn point(&self, index: u128) -> Params {
        let mut rest = index;
        let mut values = vec![None; self.domains.len()];
        for position in self.sorted_positions().into_iter().rev() {
            let domain = &self.domains[position].1;
            let len = domain.points().expect("a point is asked of a space that can be listed");
            values[position] = Some(domain.value((rest % len) as u64));
            rest /= len;
        }
        assert_eq!(rest, 0, "point {index} is outside of the grid");
        self.named(values.into_iter().flatten())
    }

    /// Puts names to values that stand in the order of the space.
    #[doc(hidden)]
    pub fn named(&self, values: impl IntoIterator<Item = ParamValue>) -> Params {
        self.domains.iter().map(|(name, _)| name.clone()).zip(values).collect()
    }
}

/// A parameter's domain together with when it exists.
#[derive(serde::Serialize, serde::Deserialize)]
struct Conditional {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    values: Option<Vec<ParamValue>>,
    #[serde(flatten)]
    range: Option<Domain>,
    when: When,
}

/// For each parent, in their order, the values for which a parameter exists.
struct When(Vec<(String, Vec<ParamValue>)>);

impl Serialize for When {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(parent, values)| (parent, values)))
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        entries(deserializer).map(When)
    }
}

/// As in the TOML file: lists, tables of a range, the bare value of a fixed parameter, and tables with
/// `when` for what exists only sometimes.
impl Serialize for Space {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.domains.len()))?;
        for (name, domain) in &self.domains {
            let conditions = self.conditions_of(name);
            let when: Vec<(String, Vec<ParamValue>)> =
                conditions.map(|c| (c.parent.clone(), c.values.clone())).collect();
            match domain {
                domain if !when.is_empty() => {
                    let (values, range) = match domain {
                        Domain::Choices(values) => (Some(values.clone()), None),
                        range => (None, Some(range.clone())),
                    };
                    map.serialize_entry(name, &Conditional { values, range, when: When(when) })
                }
                Domain::Choices(values) if values.len() == 1 => {
                    map.serialize_entry(name, &values[0])
                }
                domain => map.serialize_entry(name, domain),
            }?;
        }
        map.end()
    }
}

/// What [`Serialize`] writes, read back.
impl<'de> Deserialize<'de> for Space {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Written {
            Fixed(ParamValue),
            Conditional(Conditional),
            Domain(Domain),
        }
        let mut space = Space::default();
        for (name, written) in entries(deserializer)? {
            let domain = match written {
                Written::Fixed(value) => Domain::Choices(vec![value]),
                Written::Domain(domain) => domain,
                Written::Conditional(Conditional { values, range, when }) => {
                    let condition =
                        |(parent, values)| Condition { param: name.clone(), parent, values };
                    space.conditions.extend(when.0.into_iter().map(condition));
                    values.map(Domain::Choices).or(range).unwrap_or(Domain::Choices(Vec::new()))
                }
            };
            space.domains.push((name, domain));
        }
        Ok(space)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tiny_step_makes_many_points_and_no_overflow() {
        let step = Some(f64::from_bits(1));
        let domain = Domain::FloatRange { low: 0.0, high: 1.0, step, log: false };
        assert_eq!(domain.points(), Some(u128::MAX));
    }

    #[test]
    fn values_of_a_step_have_the_decimals_of_their_range() {
        let check = |low: f64, high: f64, step: f64, expected: &[f64]| {
            let domain = Domain::FloatRange { low, high, step: Some(step), log: false };
            let values: Vec<ParamValue> = domain.values().unwrap();
            let expected: Vec<ParamValue> =
                expected.iter().copied().map(ParamValue::Float).collect();
            assert_eq!(values, expected);
        };
        check(0.1, 0.9, 0.1, &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]);
        check(0.0, 1.0, 0.3, &[0.0, 0.3, 0.6, 0.9]);
        check(0.25, 1.0, 0.25, &[0.25, 0.5, 0.75, 1.0]);
        check(-0.3, 0.3, 0.1, &[-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3]);
        check(1e-7, 4e-7, 1e-7, &[1e-7, 2e-7, 3e-7, 4e-7]);
        check(1e300, 4e300, 1e300, &[1e300, 2e300, 3e300, 4e300]);
        check(5.0, 5.5, 1.0, &[5.0]);
    }

    #[test]
    fn no_draw_leaves_a_range_at_the_ends_of_what_a_float_can_be() {
        for (low, high) in [(5e-324, f64::MAX), (1e-300, 2e-300), (f64::MAX / 2.0, f64::MAX)] {
            let domain = Domain::FloatRange { low, high, step: None, log: true };
            for u in [0.0, 1e-17, 0.5, 1.0 - f64::EPSILON / 2.0] {
                let ParamValue::Float(value) = domain.quantile(u) else { unreachable!() };
                assert!((low..=high).contains(&value), "{value} of {low} to {high}");
            }
        }
    }

    #[test]
    fn points_are_counted_once_where_parameters_do_not_exist() {
        let points = |text: &str| {
            let spec = crate::fixtures::try_spec(&format!("[space]\n{text}"));
            spec.unwrap().space.points()
        };
        let sgd = "opt = ['sgd', 'adam', 'adamw']\nm = { values = [0.0, 0.5, 0.9], when = { opt = 'sgd' } }";
        assert_eq!(points(sgd), Some(3 + 1 + 1));
        let nested = format!(
            "{sgd}\nnesterov = {{ values = [true, false], when = {{ m = [0.5, 0.9] }} }}\nx = [1, 2]"
        );
        assert_eq!(points(&nested), Some((1 + 2 + 2 + 1 + 1) * 2));
        let widths = "depth = { low = 0, high = 3 }\n\
            w1 = { values = [1, 2], when = { depth = { low = 1 } } }\n\
            w2 = { values = [1, 2], when = { depth = { low = 2 } } }\n\
            w3 = { values = [1, 2], when = { depth = 3 } }";
        assert_eq!(points(widths), Some(1 + 2 + 4 + 8));
    }

    #[test]
    fn a_space_is_read_from_json_as_it_was_written() {
        let text = "[space]\nz = [1, 2]\nlr = { low = 1e-4, high = 1, log = true }\n\
                    n = { low = 1, high = 9 }\nstep = { low = 0.0, high = 1.0, step = 0.25 }\n\
                    epochs = 5\nact = ['relu', 'tanh']\nsoft = [false, true]\nx = [1.0, 2.5]\n\
                    a = { values = [1, 2], when = { act = 'relu', z = 2 } }\n\
                    b = { low = 0.0, high = 1.0, when = { n = { low = 3 } } }";
        let text = text.replace("high = 1,", "high = 1.0,");
        let space = crate::fixtures::spec(&text).space;
        assert_eq!(space.conditions.len(), 3);
        let json = serde_json::to_string(&space).unwrap();
        assert_eq!(serde_json::from_str::<Space>(&json).unwrap(), space, "{json}");
        let params = space.named(space.domains.iter().map(|(_, d)| d.extremes().swap_remove(0)));
        let json = serde_json::to_string(&params).unwrap();
        assert_eq!(serde_json::from_str::<Params>(&json).unwrap(), params, "{json}");
    }
}
