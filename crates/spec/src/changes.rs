//! A `[space]` that changes one which stands elsewhere: in a program's code.

use std::ops::Range;

use burn_tune_search::space::Condition;
use burn_tune_search::spec::{Place, shown};
use burn_tune_search::{Domain, ExplicitTrial, ParamValue, Space, StudySpec, did_you_mean};

use crate::domain::parse_domain;
use crate::error::SpaceError;
use crate::source::{Source, SourceMap};
use crate::toml_view::TableView;
use crate::when::parse_conditions;

/// A space in which the parameters of the table are as it says, and the others as in `base`. When a parameter
/// exists is for `base` to say.
pub fn parse_changes(
    source: &Source,
    table: &TableView,
    base: &Space,
    map: &mut SourceMap,
) -> Result<Space, SpaceError> {
    let mut space = base.clone();
    let mut named: Vec<(&str, Range<usize>)> = Vec::new();
    for (name, name_span, value) in table.entries() {
        let known: Vec<&str> = base.domains.iter().map(|(name, _)| name.as_str()).collect();
        let Some(index) = known.iter().position(|known| *known == name) else {
            let problem = format!("there is no parameter `{name}` to be changed");
            let help = did_you_mean::help(name, &known);
            return Err(source.error(name_span, &problem, "unknown parameter", &help));
        };
        let conditions = parse_conditions(source, name, value, &space)?;
        if !conditions.is_empty() {
            if !says_the_same(&conditions, base, &space) {
                return Err(other_condition(source, name, value.span(), base));
            }
            space.conditions.retain(|condition| condition.param != name);
            space.conditions.extend(conditions);
        }
        let (domain, spans) = parse_domain(source, name, value)?;
        let is_range = matches!(domain, Domain::IntRange { .. });
        // A single 1 where 1.0 is meant does no harm; of a range, only whole numbers would be tried.
        if base.domains[index].1.kind() == "float" && is_range {
            let problem = format!("`{name}` is a float, and this is a range of whole numbers");
            let help = "write both ends with a decimal point, such as 1.0";
            return Err(source.error(value.span(), &problem, "a range of integers", help));
        }
        space.domains[index].1 = domain;
        map.insert(Place::Param(name.to_owned()), name_span.clone());
        map.insert(Place::Domain(name.to_owned()), value.span());
        spans.into_iter().for_each(|(place, span)| map.insert(place, span));
        named.push((name, name_span));
    }
    leave_out_what_never_exists(&mut space);
    match named.into_iter().find(|(name, _)| space.get(name).is_none()) {
        None => Ok(space),
        Some((name, span)) => {
            let (problem, help) = never_exists(name, base);
            Err(source.error(span, &problem, "here", &help))
        }
    }
}

/// Whether all that explicit trials state exists in the changed space somewhere.
pub fn check_existence(
    trials: &[ExplicitTrial],
    base: &StudySpec,
    space: &Space,
    map: &SourceMap,
) -> Result<(), SpaceError> {
    let gone = |name: &str| base.space.get(name).is_some() && space.get(name).is_none();
    for (index, trial) in trials.iter().enumerate() {
        if let Some((name, _)) = trial.values.iter().find(|(name, _)| gone(name)) {
            let (problem, help) = never_exists(name, &base.space);
            let place = Place::TrialParam(index, name.clone());
            let Some(span) = map.span_of(&place) else {
                let trial = trial.name.clone().unwrap_or_else(|| format!("trial {index}"));
                let problem = format!("{problem}, and `{trial}`, which is tried first, has it");
                let help = format!("{help}; or write [[trial]]s, which then stand for those");
                return Err(map.source().error(0..0, &problem, "in this file", &help));
            };
            return Err(map.source().error(span, &problem, "here", &help));
        }
    }
    Ok(())
}

/// What is wrong with a parameter that is named, and what can be done.
fn never_exists(name: &str, base: &Space) -> (String, String) {
    let when = when(base, name).unwrap_or_default();
    (
        format!("`{name}` never exists beside the other values of this file"),
        format!("it exists only where {when}: take it out, or allow that"),
    )
}

/// Whether conditions on a parameter are those that it has, where its parents have values that they had before.
fn says_the_same(conditions: &[Condition], base: &Space, space: &Space) -> bool {
    let values_in = |space: &Space, parent: &str| {
        space.get(parent).and_then(Domain::values).unwrap_or_default()
    };
    let param = &conditions[0].param;
    let of_base: Vec<&Condition> = base.conditions_of(param).collect();
    let same = |condition: &Condition| {
        let mut of_base = of_base.iter();
        let Some(other) = of_base.find(|other| other.parent == condition.parent) else {
            return false;
        };
        let (before, now) = (values_in(base, &other.parent), values_in(space, &other.parent));
        let both = |value: &&ParamValue| before.contains(value) && now.contains(value);
        both_equal(&condition.values, &other.values, both)
    };
    conditions.len() == of_base.len() && conditions.iter().all(same)
}

/// Whether two lists have the same of those values that `count`.
fn both_equal(
    one: &[ParamValue],
    other: &[ParamValue],
    count: impl Fn(&&ParamValue) -> bool,
) -> bool {
    one.iter().filter(&count).all(|value| other.contains(value))
        && other.iter().filter(&count).all(|value| one.contains(value))
}

fn other_condition(source: &Source, name: &str, span: Range<usize>, base: &Space) -> SpaceError {
    let when = when(base, name).map_or("always".to_owned(), |when| format!("where {when}"));
    let problem = format!("`{name}` exists {when}, and a file cannot change that");
    source.error(span, &problem, "here", "take `when` out of it")
}

/// When a parameter exists, in words; `None` where it exists always.
fn when(space: &Space, name: &str) -> Option<String> {
    let conditions = space.conditions_of(name).map(|Condition { parent, values, .. }| {
        let one_of = if values.len() > 1 { "one of " } else { "" };
        format!("`{parent}` is {one_of}{}", shown(values))
    });
    let conditions: Vec<String> = conditions.collect();
    (!conditions.is_empty()).then(|| conditions.join(" and "))
}

/// Takes out of a narrowed space what depends on values that are no longer in it.
fn leave_out_what_never_exists(space: &mut Space) {
    // In their order: what a parameter depends on stands before it.
    let names: Vec<String> = space.domains.iter().map(|(name, _)| name.clone()).collect();
    for name in names {
        let Space { domains, conditions } = space;
        let values_of = |parent: &str| {
            let parent = domains.iter().find(|(known, _)| known == parent);
            parent.and_then(|(_, domain)| domain.values()).unwrap_or_default()
        };
        let of_param = conditions.iter_mut().filter(|condition| condition.param == name);
        let mut exists = true;
        for condition in of_param {
            let possible = values_of(&condition.parent);
            condition.values.retain(|value| possible.contains(value));
            exists &= !condition.values.is_empty();
        }
        if !exists {
            domains.retain(|(known, _)| *known != name);
            conditions.retain(|condition| condition.param != name);
        }
    }
}
