//! What a study is: settings, a space and explicit trials, as values; and what can be wrong with them.
//!
//! ```
//! use burn_tune_search::{Domain, Space, StudySpec};
//!
//! let lr = Domain::FloatRange { low: 1e-4, high: 1e-1, step: None, log: true };
//! let spec = StudySpec { space: Space::of([("lr".to_owned(), lr)]), ..StudySpec::default() };
//! spec.check()?;
//!
//! let wrong = Domain::FloatRange { low: 0.0, high: 1.0, step: None, log: true };
//! let spec = StudySpec { space: Space::of([("lr".to_owned(), wrong)]), ..StudySpec::default() };
//! let error = spec.check().unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "low of `lr`: the range of `lr` is logarithmic, and begins at or below 0"
//! );
//! # Ok::<(), burn_tune_search::SpecError>(())
//! ```

use crate::constraint::Constraint;
use crate::did_you_mean;
use crate::params::{ParamValue, Params};
use crate::pruner::StepName;
use crate::settings::{StudySettings, check_name};
use crate::space::{Condition, Domain, Space, check_whole};
pub use crate::spec_error::{Place, SpecError, SpecFault};

/// A study: what is searched, and how.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StudySpec {
    /// How the search is done.
    pub settings: StudySettings,
    /// What is searched.
    pub space: Space,
    /// What is tried before anything is sampled, in order.
    pub trials: Vec<ExplicitTrial>,
    /// Which combinations of the space's values are allowed; all of them by default. No part of what is stored.
    /// Whether it allows any is found out by [`allowed::check`](crate::allowed::check).
    pub constraint: Option<Constraint>,
    /// What messages call the steps that its trainings report. No part of what is stored, either.
    pub step_name: StepName,
}

/// An explicit configuration, tried before anything is sampled.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExplicitTrial {
    /// What the user calls it.
    pub name: Option<String>,
    /// The parameters it states; the others are drawn from the space.
    pub values: Vec<(String, ParamValue)>,
    /// The scores that somebody else has published for it, to be set beside ours.
    pub reported: Vec<f64>,
}

/// What an explicit trial has besides parameters: no parameter is called so.
pub const TRIAL_KEYS: [&str; 2] = ["name", "reported"];

impl StudySpec {
    /// Whether all of it can be, whatever the objective.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), SpecError> {
        self.check_settings()?;
        if self.space.is_empty() {
            let help = "add at least one parameter to the space, such as `lr` from 1e-4 to 1e-1, logarithmic";
            return Err(SpecError::new(Place::Space, "there is no parameter to search", help)
                .labelled("the space is empty")
                .about(SpecFault::EmptySpace));
        }
        for (index, (name, domain)) in self.space.domains.iter().enumerate() {
            self.check_param(index, name, domain)?;
        }
        self.trials.iter().enumerate().try_for_each(|(index, trial)| self.check_trial(index, trial))
    }

    /// Whether the constraint, if there is one, allows these params.
    ///
    /// # Errors
    ///
    /// Why not, in its words.
    pub fn check_params(&self, params: &Params) -> Result<(), String> {
        self.constraint.as_ref().map_or(Ok(()), |constraint| constraint.check(params))
    }

    /// What a reader of the space may not expect, in one sentence each: values that are never tried.
    pub fn notes(&self) -> Vec<String> {
        self.space.domains.iter().filter_map(|(name, domain)| domain.note(name)).collect()
    }

    fn check_settings(&self) -> Result<(), SpecError> {
        let settings = &self.settings;
        check_name(&settings.name).map_err(|problem| {
            SpecError::new(Place::Setting("name"), problem, "give the study another name")
        })?;
        let counts = [
            ("folds", Some(settings.folds)),
            ("refit_seeds", Some(settings.refit_seeds)),
            ("window", settings.window),
            ("no_improvement", settings.stop_rule.no_improvement),
        ];
        if let Some((key, _)) = counts.iter().find(|(_, count)| *count == Some(0)) {
            let problem = format!("`{key}` is 0");
            return Err(SpecError::new(Place::Setting(key), problem, "allowed: at least 1"));
        }
        if let Some(Err(fault)) =
            settings.pruner.as_ref().map(|pruner| pruner.check(self.step_name))
        {
            return Err(SpecError::new(Place::Pruner(fault.key), fault.problem, fault.help)
                .labelled("this pruner"));
        }
        let objectives = &settings.objectives;
        for (place, objective) in objectives.iter().enumerate() {
            if objectives[..place].iter().any(|known| known.name == objective.name) {
                let problem = format!("two objectives are called `{}`", objective.name);
                let help = "leave one of them out";
                return Err(SpecError::new(Place::Objective(place), problem, help)
                    .labelled("the second one"));
            }
        }
        Ok(())
    }

    fn check_param(&self, index: usize, name: &str, domain: &Domain) -> Result<(), SpecError> {
        let before = &self.space.domains[..index];
        let at_name = |problem: String, help: &str| {
            SpecError::new(Place::Param(name.to_owned()), problem, help)
        };
        if TRIAL_KEYS.contains(&name) {
            let help = format!(
                "call it something else: in an explicit trial, `{name}` is the trial's own"
            );
            return Err(at_name(format!("`{name}` cannot be the name of a parameter"), &help)
                .about(SpecFault::ReservedName(name.to_owned())));
        }
        if before.iter().any(|(known, _)| known == name) {
            let problem = format!("two parameters are called `{name}`");
            return Err(at_name(problem, "rename one of them"));
        }
        domain.check(name)?;
        for Condition { parent, values, .. } in self.space.conditions_of(name) {
            let domain = before.iter().find(|(known, _)| known == parent);
            let of_parent = domain.and_then(|(_, domain)| domain.values()).unwrap_or_default();
            if values.is_empty() || !values.iter().all(|value| of_parent.contains(value)) {
                let help = "a parameter may depend on values of one that stands before it, which can be listed";
                return Err(at_name(format!("`{name}` cannot depend on `{parent}`"), help));
            }
        }
        Ok(())
    }

    fn check_trial(&self, index: usize, trial: &ExplicitTrial) -> Result<(), SpecError> {
        let earlier = &self.trials[..index];
        if let Some(name) = &trial.name
            && earlier.iter().any(|known| known.name.as_ref() == Some(name))
        {
            let problem = format!("two trials are called `{name}`");
            let help = "give each explicit trial a name of its own";
            return Err(SpecError::new(Place::TrialName(index), problem, help)
                .labelled("the second one")
                .about(SpecFault::RepeatedTrialName));
        }
        for (name, value) in &trial.values {
            self.check_stated(index, name, value)?;
        }
        trial.values.iter().try_for_each(|(name, _)| self.check_exists(index, trial, name))
    }

    fn check_stated(&self, index: usize, name: &str, value: &ParamValue) -> Result<(), SpecError> {
        let Some(domain) = self.space.get(name) else {
            let names: Vec<&str> = self.space.domains.iter().map(|(n, _)| n.as_str()).collect();
            let known = did_you_mean::help(name, &names);
            let help = format!(
                "{known}; a parameter that only explicit trials set needs a fixed value in the space"
            );
            let problem = format!("`{name}` is no parameter of the space");
            let place = Place::TrialParam(index, name.to_owned());
            return Err(SpecError::new(place, problem, help)
                .labelled("unknown parameter")
                .about(SpecFault::UnknownParam { name: name.to_owned(), known }));
        };
        let place = Place::TrialValue(index, name.to_owned());
        let (stated, expected) = (value.kind(), domain.kind());
        if stated != expected {
            let problem = format!("`{name}` is a {stated} here, and a {expected} in the space");
            return Err(SpecError::new(place, problem, format!("write a {expected}"))
                .labelled("another type")
                .about(SpecFault::OtherType { name: name.to_owned(), stated, expected }));
        }
        match domain {
            Domain::Choices(_) => Ok(()),
            _ => check_whole(name, value, place),
        }
    }

    /// Refuses an explicit trial that states a parameter which does not exist there.
    fn check_exists(
        &self,
        index: usize,
        trial: &ExplicitTrial,
        name: &str,
    ) -> Result<(), SpecError> {
        for Condition { parent, values, .. } in self.space.conditions_of(name) {
            let of_parent = trial.values.iter().find(|(known, _)| known == parent);
            if of_parent.is_some_and(|(_, value)| values.contains(value)) {
                continue;
            }
            let problem = match of_parent {
                Some((_, value)) => format!("`{name}` does not exist where `{parent}` is {value}"),
                None => format!("whether `{name}` exists depends on `{parent}`"),
            };
            let help = format!("`{name}` exists where `{parent}` is {}", either(values));
            let help = format!("{help}: set that in this trial, or take `{name}` out");
            return Err(SpecError::new(Place::TrialValue(index, name.to_owned()), problem, help));
        }
        Ok(())
    }
}

/// `1, 2 or 3`.
fn either(values: &[ParamValue]) -> String {
    match values {
        [only] => only.to_string(),
        [rest @ .., last] if values.len() <= 6 => format!("{} or {last}", shown(rest)),
        all => shown(all),
    }
}

/// The first values and the last, for a text: `1, 2 … 9`.
pub fn shown(values: &[ParamValue]) -> String {
    match values {
        [first, second, .., last] if values.len() > 6 => format!("{first}, {second} … {last}"),
        all => all.iter().map(ParamValue::to_string).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn refusal(space: Space, trials: &[(&str, &[(&str, ParamValue)])]) -> String {
        let trial = |(name, values): &(&str, &[(&str, ParamValue)])| ExplicitTrial {
            name: Some((*name).to_owned()),
            values: values
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
            reported: Vec::new(),
        };
        let trials = trials.iter().map(trial).collect();
        let spec = StudySpec { space, trials, ..StudySpec::default() };
        let error = spec.check().unwrap_err();
        format!("{error} ({}); {}", error.label, error.help)
    }

    #[test]
    fn a_program_without_a_file_reads_no_words_of_one() {
        let lr = || Space::of([("lr".to_owned(), Domain::Choices(vec![ParamValue::Float(0.1)]))]);
        let name = Space::of([("name".to_owned(), Domain::Choices(vec![ParamValue::Int(1)]))]);
        assert_snapshot!(refusal(Space::default(), &[]), @"the space: there is no parameter to search (the space is empty); add at least one parameter to the space, such as `lr` from 1e-4 to 1e-1, logarithmic");
        assert_snapshot!(refusal(name, &[]), @"`name`: `name` cannot be the name of a parameter (here); call it something else: in an explicit trial, `name` is the trial's own");
        assert_snapshot!(refusal(lr(), &[("a", &[]), ("a", &[])]), @"name of explicit trial 1: two trials are called `a` (the second one); give each explicit trial a name of its own");
        assert_snapshot!(refusal(lr(), &[("a", &[("lrr", ParamValue::Int(1))])]), @"`lrr` of explicit trial 0: `lrr` is no parameter of the space (unknown parameter); did you mean `lr`? Allowed: lr; a parameter that only explicit trials set needs a fixed value in the space");
        assert_snapshot!(refusal(lr(), &[("a", &[("lr", ParamValue::Int(1))])]), @"`lr` of explicit trial 0: `lr` is a integer here, and a float in the space (another type); write a float");
    }
}
