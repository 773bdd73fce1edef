//! One line of `[space]`: a list, a range, or a fixed value.

use std::collections::HashSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::DeValue;

use super::error::SpaceError;
use super::toml_view::{Source, TableView};
use crate::params::ParamValue;
use crate::space::{Domain, LARGEST_INT};

/// Every value of a list, and both ends of a range, have a place.
type ValueSpans = Vec<Range<usize>>;

pub(super) fn parse_domain(
    source: &Source,
    name: &str,
    value: &Spanned<DeValue<'_>>,
) -> Result<(Domain, ValueSpans), SpaceError> {
    match value.get_ref() {
        DeValue::Array(array) => {
            let items: Vec<_> = array.iter().collect();
            parse_choices(source, name, value.span(), &items)
        }
        DeValue::Table(table) => {
            let table = TableView::new(source, &format!("the range of `{name}`"), table);
            match table.value("values") {
                Some(values) => {
                    table.allow_only(&["values", "when"])?;
                    parse_domain(source, name, values)
                }
                None => parse_range(source, name, value.span(), &table),
            }
        }
        _ => Ok((Domain::Choices(vec![parse_value(source, name, value)?]), vec![value.span()])),
    }
}

pub(super) fn parse_value(
    source: &Source,
    name: &str,
    value: &Spanned<DeValue<'_>>,
) -> Result<ParamValue, SpaceError> {
    let refuse = |problem: &str, help: &str| {
        Err(source.error(value.span(), &format!("`{name}`: {problem}"), "here", help))
    };
    match value.get_ref() {
        DeValue::Boolean(flag) => Ok(ParamValue::Bool(*flag)),
        DeValue::String(text) => Ok(ParamValue::Str(text.clone().into_owned())),
        DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(whole) => Ok(ParamValue::Int(whole)),
            Err(_) => refuse("this integer does not fit in 64 bits", "allowed: -2^63 … 2^63-1"),
        },
        DeValue::Float(float) => match float.as_str().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(ParamValue::Float(number)),
            _ => refuse("this is not a finite number", "write a finite number"),
        },
        other => refuse(
            &format!("a parameter cannot take a value of type {}", other.type_str()),
            "allowed: integer, float, string, boolean",
        ),
    }
}

fn parse_choices(
    source: &Source,
    name: &str,
    span: Range<usize>,
    items: &[&Spanned<DeValue<'_>>],
) -> Result<(Domain, ValueSpans), SpaceError> {
    let mut choices: Vec<ParamValue> = Vec::with_capacity(items.len());
    let mut known = HashSet::with_capacity(items.len());
    for item in items {
        let value = parse_value(source, name, item)?;
        if let Some(first) = choices.first()
            && first.kind() != value.kind()
        {
            let problem = format!(
                "the values of `{name}` are of mixed types: {} and {}",
                first.kind(),
                value.kind()
            );
            let help = match (first, &value) {
                (ParamValue::Float(_), ParamValue::Int(int)) => format!("write {int}.0"),
                _ => "write all of them as one type".to_owned(),
            };
            return Err(source.error(item.span(), &problem, &format!("a {}", value.kind()), &help));
        }
        if !known.insert(identity(&value)) {
            let problem = format!("`{name}` lists {value} twice");
            return Err(source.error(
                item.span(),
                &problem,
                "the second one",
                "no point is ever tried twice: take it out",
            ));
        }
        choices.push(value);
    }
    if choices.is_empty() {
        let problem = format!("the list of `{name}` is empty");
        return Err(source.error(span, &problem, "no value to try", "write at least one value"));
    }
    let spans = items.iter().map(|item| item.span()).collect();
    Ok((Domain::Choices(choices), spans))
}

/// A text that equal values share and different ones do not, of values of one type.
fn identity(value: &ParamValue) -> String {
    match value {
        // -0.0 equals 0.0, and is written otherwise.
        ParamValue::Float(float) => (float + 0.0).to_string(),
        value => value.to_string(),
    }
}

fn parse_range(
    source: &Source,
    name: &str,
    span: Range<usize>,
    table: &TableView,
) -> Result<(Domain, ValueSpans), SpaceError> {
    table.allow_only(&["low", "high", "step", "log", "values", "when"])?;
    let range = RangeTable { source, name, table };
    let (Some((low, low_span)), Some((high, high_span))) =
        (range.number("low")?, range.number("high")?)
    else {
        let problem = format!("the range of `{name}` needs both `low` and `high`");
        let help = "such as { low = 1e-4, high = 1e-1, log = true }";
        return Err(source.error(span, &problem, "here", help));
    };
    let step = range.number("step")?;
    let log = table.boolean("log")?.unwrap_or(false);
    if let (Some((_, step_span)), true) = (&step, log) {
        let problem = format!("the range of `{name}` has both `log` and `step`");
        let help = "take one of them out, or list the values";
        return Err(source.error(step_span.clone(), &problem, "here", help));
    }
    let mixed = |found: &ParamValue, span: Range<usize>| range.mixed(&low, found, span);
    let domain = match (&low, &high) {
        (&ParamValue::Int(low), &ParamValue::Int(high)) => {
            let step = match step {
                None => 1,
                Some((ParamValue::Int(step), span)) => range.positive(step, span)?,
                Some((other, span)) => return Err(mixed(&other, span)),
            };
            Domain::IntRange { low, high, step, log }
        }
        (&ParamValue::Float(low), &ParamValue::Float(high)) => {
            let step = match step {
                None => None,
                Some((ParamValue::Float(step), span)) => Some(range.positive(step, span)?),
                Some((other, span)) => return Err(mixed(&other, span)),
            };
            Domain::FloatRange { low, high, step, log }
        }
        _ => return Err(mixed(&high, high_span)),
    };
    check_ends(source, name, span.clone(), &domain, low_span.clone())?;
    for (end, end_span) in [(&low, &low_span), (&high, &high_span)] {
        check_whole(source, name, end, end_span.clone())?;
    }
    check_count(source, name, span, &domain)?;
    Ok((domain, vec![low_span, high_span]))
}

/// The table of a range, and what can be wrong with its numbers.
struct RangeTable<'a> {
    source: &'a Source,
    name: &'a str,
    table: &'a TableView<'a>,
}

impl RangeTable<'_> {
    fn number(&self, key: &str) -> Result<Option<(ParamValue, Range<usize>)>, SpaceError> {
        let RangeTable { source, name, table } = self;
        let Some((_, _, value)) = table.entries().find(|(known, ..)| *known == key) else {
            return Ok(None);
        };
        let number = parse_value(source, name, value)?;
        if matches!(number, ParamValue::Int(_) | ParamValue::Float(_)) {
            return Ok(Some((number, value.span())));
        }
        let problem = format!("`{key}` of `{name}` must be a number");
        let found = format!("a {}", number.kind());
        Err(source.error(value.span(), &problem, &found, "write an integer or a float"))
    }

    fn mixed(&self, first: &ParamValue, found: &ParamValue, span: Range<usize>) -> SpaceError {
        let (name, first, found) = (self.name, first.kind(), found.kind());
        let problem = format!("the range of `{name}` has mixed types: {first} and {found}");
        let help = "write all of them as integers, or all with a decimal point";
        self.source.error(span, &problem, &format!("a {found}"), help)
    }

    fn positive<T: PartialOrd + Default>(
        &self,
        step: T,
        span: Range<usize>,
    ) -> Result<T, SpaceError> {
        if step > T::default() {
            return Ok(step);
        }
        let problem = format!("the step of `{}` is not positive", self.name);
        Err(self.source.error(span, &problem, "here", "write a step above 0"))
    }
}

/// Refuses a whole number of a range that the databases of studies cannot hold.
pub(super) fn check_whole(
    source: &Source,
    name: &str,
    value: &ParamValue,
    span: Range<usize>,
) -> Result<(), SpaceError> {
    match value {
        ParamValue::Int(int) if int.unsigned_abs() > LARGEST_INT.unsigned_abs() => {
            let problem = format!(
                "`{name}`: {int} is too large: whole numbers are stored as floats, which are exact up to 2^53 = {LARGEST_INT}"
            );
            let help = "list the values, or search a smaller range";
            Err(source.error(span, &problem, "here", help))
        }
        _ => Ok(()),
    }
}

/// Refuses a range in which no computation stays finite, or whose points no 64 bits can count.
fn check_count(
    source: &Source,
    name: &str,
    span: Range<usize>,
    domain: &Domain,
) -> Result<(), SpaceError> {
    let Domain::FloatRange { low, high, log, .. } = domain else { return Ok(()) };
    if !log && !(high - low).is_finite() {
        let problem = format!("the range of `{name}` is too wide: {low:e} to {high:e}");
        let help = "search a smaller range: its width has to be a finite number";
        return Err(source.error(span, &problem, "no finite width", help));
    }
    if domain.points().is_some_and(|points| points > u128::from(u64::MAX)) {
        let problem = format!("the step of `{name}` gives more points than 64 bits can count");
        let help = "write a larger step, or none";
        return Err(source.error(span, &problem, "here", help));
    }
    Ok(())
}

fn check_ends(
    source: &Source,
    name: &str,
    span: Range<usize>,
    domain: &Domain,
    low_span: Range<usize>,
) -> Result<(), SpaceError> {
    let (low_above_high, log_of_nothing, shown) = match domain {
        Domain::IntRange { low, high, log, .. } => {
            (low > high, *log && *low <= 0, format!("low = {low}, high = {high}"))
        }
        Domain::FloatRange { low, high, log, .. } => {
            (low > high, *log && *low <= 0.0, format!("low = {low:?}, high = {high:?}"))
        }
        Domain::Choices(_) => return Ok(()),
    };
    if low_above_high {
        let problem = format!("the range of `{name}` is empty: {shown}");
        return Err(source.error(span, &problem, "low is above high", "swap them"));
    }
    if log_of_nothing {
        let problem = format!("the range of `{name}` is logarithmic, and begins at or below 0");
        return Err(source.error(
            low_span,
            &problem,
            "no logarithm",
            "write a low above 0, or take `log = true` out",
        ));
    }
    Ok(())
}
