//! `when`: the values of other parameters for which a parameter exists.

use toml::Spanned;
use toml::de::DeValue;

use burn_tune_search::space::{Condition, LISTED};
use burn_tune_search::spec::shown;
use burn_tune_search::{ParamValue, Space, did_you_mean};

use crate::domain::parse_value;
use crate::error::SpaceError;
use crate::source::Source;
use crate::toml_view::TableView;

/// The conditions that the line of `param` states, on parameters that stand before it, in `space`.
pub fn parse_conditions(
    source: &Source,
    param: &str,
    line: &Spanned<DeValue<'_>>,
    space: &Space,
) -> Result<Vec<Condition>, SpaceError> {
    let DeValue::Table(table) = line.get_ref() else { return Ok(Vec::new()) };
    let Some(when) = TableView::new(source, "the range", table).value("when") else {
        return Ok(Vec::new());
    };
    let example = "such as when = { optimizer = \"sgd\" }";
    let DeValue::Table(parents) = when.get_ref() else {
        let problem = format!("`when` of `{param}` must be a table");
        return Err(source.error(when.span(), &problem, "here", example));
    };
    let parents = TableView::new(source, &format!("`when` of `{param}`"), parents);
    if parents.entries().next().is_none() {
        let problem = format!("`when` of `{param}` says nothing");
        return Err(source.error(when.span(), &problem, "here", example));
    }
    let condition = |(parent, span, value)| {
        let values = match values_of(space, parent) {
            Ok(values) => values,
            Err(help) => {
                let problem = format!("`{param}` cannot depend on `{parent}`");
                return Err(source.error(span, &problem, "here", &help));
            }
        };
        let values = accepted(source, parent, value, &values)?;
        Ok(Condition { param: param.to_owned(), parent: parent.to_owned(), values })
    };
    parents.entries().map(condition).collect()
}

/// All values of a parameter that others may depend on; or what is wrong with it.
fn values_of(space: &Space, parent: &str) -> Result<Vec<ParamValue>, String> {
    let names: Vec<&str> = space.domains.iter().map(|(name, _)| name.as_str()).collect();
    let Some(domain) = space.get(parent) else {
        let above = "a parameter may depend on those that stand above it";
        return Err(match names.is_empty() {
            true => format!("{above}: there is none"),
            false => format!("{above}: {}", did_you_mean::help(parent, &names)),
        });
    };
    domain.values().ok_or_else(|| {
        format!("a parameter may depend on a list, or a range of at most {LISTED} values")
    })
}

/// Those of the parent's values that `value` accepts: one, a list, or a range.
fn accepted(
    source: &Source,
    parent: &str,
    value: &Spanned<DeValue<'_>>,
    values: &[ParamValue],
) -> Result<Vec<ParamValue>, SpaceError> {
    let accepted = match value.get_ref() {
        DeValue::Table(table) => {
            let range = TableView::new(source, &format!("the range of `{parent}`"), table);
            range.allow_only(&["low", "high"])?;
            let (low, high) = (range.number("low")?, range.number("high")?);
            let within = |value: &ParamValue| {
                let number = match value {
                    ParamValue::Int(value) => *value as f64,
                    ParamValue::Float(value) => *value,
                    ParamValue::Bool(_) | ParamValue::Str(_) => return false,
                };
                low.is_none_or(|low| number >= low) && high.is_none_or(|high| number <= high)
            };
            values.iter().filter(|value| within(value)).cloned().collect()
        }
        DeValue::Array(array) => array
            .iter()
            .map(|item| one_of(source, parent, item, values))
            .collect::<Result<_, _>>()?,
        _ => vec![one_of(source, parent, value, values)?],
    };
    if accepted.is_empty() {
        let problem = format!("no value of `{parent}` is accepted");
        let help = format!("its values are {}", shown(values));
        return Err(source.error(value.span(), &problem, "here", &help));
    }
    Ok(accepted)
}

fn one_of(
    source: &Source,
    parent: &str,
    item: &Spanned<DeValue<'_>>,
    values: &[ParamValue],
) -> Result<ParamValue, SpaceError> {
    let value = parse_value(source, parent, item)?;
    if values.contains(&value) {
        return Ok(value);
    }
    let problem = format!("`{parent}` is never {value}");
    let texts: Vec<String> = values.iter().map(ParamValue::to_string).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let help = match values.len() {
        0..=20 => did_you_mean::help(&value.to_string(), &texts),
        _ => format!("its values are {}", shown(values)),
    };
    Err(source.error(item.span(), &problem, "here", &help))
}
