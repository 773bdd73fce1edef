//! One line of `[space]`: a list, a range, or a fixed value.

use std::ops::Range;

use toml::Spanned;
use toml::de::DeValue;

use burn_tune_search::spec::Place;
use burn_tune_search::{Domain, ParamValue};

use crate::error::SpaceError;
use crate::source::Source;
use crate::toml_view::TableView;

/// Every value of a list, both ends of a range and its step have a place.
type ValueSpans = Vec<(Place, Range<usize>)>;

pub fn parse_domain(
    source: &Source,
    name: &str,
    value: &Spanned<DeValue<'_>>,
) -> Result<(Domain, ValueSpans), SpaceError> {
    match value.get_ref() {
        DeValue::Array(array) => {
            let values: Result<Vec<ParamValue>, SpaceError> =
                array.iter().map(|item| parse_value(source, name, item)).collect();
            let spans = array.iter().enumerate();
            let spans =
                spans.map(|(place, item)| (Place::Value(name.to_owned(), place), item.span()));
            Ok((Domain::Choices(values?), spans.collect()))
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
        _ => {
            let spans = vec![(Place::Value(name.to_owned(), 0), value.span())];
            Ok((Domain::Choices(vec![parse_value(source, name, value)?]), spans))
        }
    }
}

pub fn parse_value(
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
    let mut spans = vec![
        (Place::Value(name.to_owned(), 0), low_span),
        (Place::Value(name.to_owned(), 1), high_span.clone()),
    ];
    spans.extend(step.iter().map(|(_, span)| (Place::Step(name.to_owned()), span.clone())));
    let domain = match (&low, &high) {
        (&ParamValue::Int(low), &ParamValue::Int(high)) => {
            let step = match step {
                None => 1,
                Some((ParamValue::Int(step), _)) => step,
                Some((other, span)) => return Err(mixed(&other, span)),
            };
            Domain::IntRange { low, high, step, log }
        }
        (&ParamValue::Float(low), &ParamValue::Float(high)) => {
            let step = match step {
                None => None,
                Some((ParamValue::Float(step), _)) => Some(step),
                Some((other, span)) => return Err(mixed(&other, span)),
            };
            Domain::FloatRange { low, high, step, log }
        }
        _ => return Err(mixed(&high, high_span)),
    };
    Ok((domain, spans))
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
}
