//! `[study] pruner`: a name, or a table with the name and settings.

use std::ops::Range;

use burn_tune_search::did_you_mean;
use burn_tune_search::pruner::{Fault, PrunerSettings, StepName};

use crate::error::SpaceError;
use crate::source::Source;
use crate::toml_view::{NameOrTable, TableView};

/// Reads the pruner at `key` of a table; `None` where the key is not there, or says `none`.
pub fn parse_pruner(
    source: &Source,
    table: &TableView,
    key: &str,
    steps: StepName,
) -> Result<Option<PrunerSettings>, SpaceError> {
    let at_fault = |span: Range<usize>, fault: Fault| {
        source.error(span, &fault.problem, "this pruner", &fault.help)
    };
    match table.name_or_table(key, "the pruner")? {
        None => Ok(None),
        Some(NameOrTable::Name(name)) => {
            let span = table.span_of(key);
            let pruner = by_name(source, &name, span.clone())?;
            if let Some(Err(fault)) = pruner.as_ref().map(|pruner| pruner.check(steps)) {
                return Err(at_fault(span, fault));
            }
            Ok(pruner)
        }
        Some(NameOrTable::Table(settings)) => {
            let Some(name) = settings.string("name")? else {
                return Err(source.error(
                    table.span_of(key),
                    "the pruner has no `name`",
                    "this pruner",
                    &format!("add one: {}", PrunerSettings::NAMES.join(", ")),
                ));
            };
            let Some(mut pruner) = by_name(source, &name, settings.span_of("name"))? else {
                settings.allow_only(&["name"])?;
                return Ok(None);
            };
            read_settings(source, &settings, &mut pruner, steps)?;
            pruner.check(steps).map_err(|fault| at_fault(settings.span_of(fault.key), fault))?;
            Ok(Some(pruner))
        }
    }
}

fn by_name(
    source: &Source,
    name: &str,
    span: Range<usize>,
) -> Result<Option<PrunerSettings>, SpaceError> {
    if name == "none" {
        return Ok(None);
    }
    match PrunerSettings::by_name(name) {
        Some(pruner) => Ok(Some(pruner)),
        None => {
            let known = [&["none"][..], &PrunerSettings::NAMES].concat();
            let problem = format!("there is no pruner `{name}`");
            Err(source.error(span, &problem, "unknown", &did_you_mean::help(name, &known)))
        }
    }
}

/// Replaces the defaults by what the table says, and refuses keys that this pruner does not have.
fn read_settings(
    source: &Source,
    table: &TableView,
    pruner: &mut PrunerSettings,
    steps: StepName,
) -> Result<(), SpaceError> {
    let mut keys = Keys { table, known: vec!["name"] };
    match pruner {
        PrunerSettings::Median {
            n_startup_trials,
            n_warmup_steps,
            interval_steps,
            n_min_trials,
        } => {
            keys.whole("n_startup_trials", n_startup_trials)?;
            keys.whole("n_warmup_steps", n_warmup_steps)?;
            keys.whole("interval_steps", interval_steps)?;
            keys.whole("n_min_trials", n_min_trials)?;
        }
        PrunerSettings::Percentile {
            percentile,
            n_startup_trials,
            n_warmup_steps,
            interval_steps,
            n_min_trials,
        } => {
            keys.number("percentile", percentile)?;
            keys.whole("n_startup_trials", n_startup_trials)?;
            keys.whole("n_warmup_steps", n_warmup_steps)?;
            keys.whole("interval_steps", interval_steps)?;
            keys.whole("n_min_trials", n_min_trials)?;
        }
        PrunerSettings::Asha {
            min_resource,
            reduction_factor,
            min_early_stopping_rate,
            bootstrap_count,
        } => {
            keys.whole("min_resource", min_resource)?;
            keys.whole("reduction_factor", reduction_factor)?;
            keys.whole("min_early_stopping_rate", min_early_stopping_rate)?;
            keys.whole("bootstrap_count", bootstrap_count)?;
        }
        PrunerSettings::Hyperband { min_resource, max_resource, reduction_factor } => {
            keys.whole("min_resource", min_resource)?;
            keys.whole("max_resource", max_resource)?;
            keys.whole("reduction_factor", reduction_factor)?;
        }
        PrunerSettings::Patient { patience, min_delta, wraps } => {
            keys.whole("patience", patience)?;
            keys.number("min_delta", min_delta)?;
            keys.known.push("wraps");
            *wraps = parse_pruner(source, table, "wraps", steps)?.map(Box::new);
        }
        PrunerSettings::Threshold { lower, upper, n_warmup_steps, interval_steps } => {
            keys.number("lower", lower)?;
            keys.number("upper", upper)?;
            keys.whole("n_warmup_steps", n_warmup_steps)?;
            keys.whole("interval_steps", interval_steps)?;
        }
        PrunerSettings::Wilcoxon { p_threshold, n_startup_steps } => {
            keys.number("p_threshold", p_threshold)?;
            keys.whole("n_startup_steps", n_startup_steps)?;
        }
    }
    table.allow_only(&keys.known)
}

/// Reads one key after the other, and remembers which a table may have.
struct Keys<'a> {
    table: &'a TableView<'a>,
    known: Vec<&'static str>,
}

impl Keys<'_> {
    fn whole<T: From<u64>>(&mut self, key: &'static str, value: &mut T) -> Result<(), SpaceError> {
        self.known.push(key);
        if let Some(whole) = self.table.whole(key, PrunerSettings::least(key))? {
            *value = whole.into();
        }
        Ok(())
    }

    fn number<T: From<f64>>(&mut self, key: &'static str, value: &mut T) -> Result<(), SpaceError> {
        self.known.push(key);
        if let Some(number) = self.table.number(key)? {
            *value = number.into();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
