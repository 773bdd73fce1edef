//! What a study's constraint leaves of its space: whether there is anything, and how much.

use crate::candidates::{allowed_example, explicit_candidates};
use crate::constraint::{Shortage, WALKED};
use crate::sampler::grid_points::GridPoints;
use crate::sampler::unit_space::UnitSpace;
use crate::spec::{Place, SpecError, StudySpec};

/// So many points are looked at to count those that are allowed: it is done whenever a study is opened.
pub const COUNTED: usize = 10_000;

/// How many points of a space a study can try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointCount {
    /// So many.
    Exactly(u128),
    /// The space has so many, and its constraint may allow fewer.
    AtMost(u128),
}

/// Holds the explicit trials of a study against its constraint, and finds out whether that allows any point of
/// the space at all. What explicit trials leave out is drawn from `seed`, the study's.
///
/// A space is taken for one with nothing left where [`ATTEMPTS`](crate::constraint::ATTEMPTS) points at random
/// are not allowed; if it has no more than [`WALKED`], all of them.
///
/// ```
/// use burn_tune_search::{Constraint, Domain, ParamValue, Space, StudySpec, allowed};
///
/// let space = Space::of([("n".to_owned(), Domain::Choices(vec![ParamValue::Int(1), ParamValue::Int(2)]))]);
/// let constraint = Some(Constraint::new(|_| Err("n is not to my taste".to_owned())));
/// let spec = StudySpec { space, constraint, ..StudySpec::default() };
/// let error = allowed::check(&spec, 0).unwrap_err();
/// assert_eq!(error.to_string(), "the space: the check allows no combination of its values");
/// assert!(error.help.contains("n is not to my taste"));
/// ```
///
/// # Errors
///
/// The first explicit trial that is not allowed, with its place; or that there is no point, at
/// [`Place::Space`]. Both say why, in the words of the constraint.
pub fn check(spec: &StudySpec, seed: u64) -> Result<(), SpecError> {
    if spec.constraint.is_none() || !explicit_candidates(spec, seed)?.is_empty() {
        return Ok(());
    }
    let Err(shortage) = allowed_example(spec, seed) else { return Ok(()) };
    let space = UnitSpace::constrained(&spec.space, spec.constraint.as_ref());
    if !space.has_at_most(WALKED) {
        return Err(nothing(&shortage));
    }
    match allowed_points(&space).next() {
        Some(_) => Ok(()),
        None => Err(nothing(&Shortage { attempts: None, ..shortage })),
    }
}

/// That there is nothing to try, as a fault of the space.
pub fn nothing(shortage: &Shortage) -> SpecError {
    let problem = match shortage.attempts {
        None => "the check allows no combination of its values".to_owned(),
        Some(attempts) => {
            format!(
                "no combination of its values that the check allows was found in {attempts} attempts"
            )
        }
    };
    let help = format!(
        "the last was refused with: {}; change the check, or the values of the parameters",
        shortage.reason
    );
    SpecError::new(Place::Space, problem, help).labelled("the check allows none of it")
}

/// How many points a study can try; `None` where they cannot be listed. With a constraint it is counted where the
/// space has no more than [`COUNTED`] points.
pub fn points(spec: &StudySpec) -> Option<PointCount> {
    let space = UnitSpace::constrained(&spec.space, spec.constraint.as_ref());
    if space.is_constrained() && space.has_at_most(COUNTED) {
        return Some(PointCount::Exactly(allowed_points(&space).count() as u128));
    }
    let count = if space.is_constrained() { PointCount::AtMost } else { PointCount::Exactly };
    spec.space.points().map(count)
}

/// All points of a finite space that are allowed.
fn allowed_points(space: &UnitSpace) -> impl Iterator<Item = Vec<f64>> {
    let mut points = GridPoints::new(space);
    std::iter::from_fn(move || points.next(space)).filter(|point| space.allows(point))
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::constraint::Constraint;
    use crate::params::{ParamValue, Params};
    use crate::settings::SamplerKind;

    const NAMED: &str = "[space]\nhidden = [8, 16]\nbatch = [8, 16, 32]";

    fn study(text: &str, constraint: fn(&Params) -> Result<(), String>) -> StudySpec {
        StudySpec { constraint: Some(Constraint::new(constraint)), ..crate::fixtures::spec(text) }
    }

    fn enough_hidden(params: &Params) -> Result<(), String> {
        match (params.get("hidden"), params.get("batch")) {
            (Some(ParamValue::Int(hidden)), Some(ParamValue::Int(batch))) if hidden >= batch => {
                Ok(())
            }
            _ => Err("hidden is smaller than batch".to_owned()),
        }
    }

    fn nothing_at_all(_: &Params) -> Result<(), String> {
        Err("I do not like it".to_owned())
    }

    fn refusal(spec: &StudySpec) -> String {
        let error = check(spec, 0).unwrap_err();
        format!("{error} ({}); {}", error.label, error.help)
    }

    #[test]
    fn a_space_of_which_nothing_is_allowed_is_an_error_that_says_what_was_tried() {
        assert_eq!(check(&study(NAMED, enough_hidden), 0), Ok(()));
        assert_snapshot!(refusal(&study(NAMED, nothing_at_all)), @"the space: the check allows no combination of its values (the check allows none of it); the last was refused with: I do not like it; change the check, or the values of the parameters");
        let endless = "[space]\nx = { low = 0.0, high = 1.0 }";
        assert_snapshot!(refusal(&study(endless, nothing_at_all)), @"the space: no combination of its values that the check allows was found in 10000 attempts (the check allows none of it); the last was refused with: I do not like it; change the check, or the values of the parameters");
        // A thousandth of it is found, since all of it is gone through.
        let hidden = "[space]\nhidden = { low = 1, high = 300 }\nbatch = { low = 300, high = 600 }";
        assert_eq!(check(&study(hidden, enough_hidden), 0), Ok(()));
    }

    #[test]
    fn explicit_trials_that_are_not_allowed_are_errors_with_their_place() {
        let mut spec = study(&format!("{NAMED}\n[[trial]]\nhidden = 8\nbatch = 16"), enough_hidden);
        assert_snapshot!(refusal(&spec), @"`batch` of explicit trial 0: the check does not allow this explicit trial: hidden is smaller than batch (this trial); change the values of the trial, or the check, or take the trial out");
        let error = crate::Candidates::new(&spec, SamplerKind::Random, 3, 0).err().unwrap();
        assert!(error.contains("hidden is smaller than batch"), "{error}");
        spec.trials[0].name = Some("too small".to_owned());
        assert_snapshot!(refusal(&spec), @"name of explicit trial 0: the check does not allow this explicit trial: hidden is smaller than batch (this trial); change the values of the trial, or the check, or take the trial out");
        spec.trials[0].values[0].1 = ParamValue::Int(8);
        assert_eq!(check(&spec, 0), Ok(()));
        let left_out = study(&format!("{NAMED}\n[[trial]]\nbatch = 32"), enough_hidden);
        assert_snapshot!(refusal(&left_out), @"`batch` of explicit trial 0: nothing was found in 10000 attempts for what this explicit trial leaves out that the check allows; the last was refused with: hidden is smaller than batch (this trial); change the values of the trial, or the check, or take the trial out");
    }

    #[test]
    fn what_an_explicit_trial_leaves_out_is_drawn_such_that_all_is_allowed() {
        let spec = study(&format!("{NAMED}\n[[trial]]\nbatch = 16"), enough_hidden);
        for seed in 0..20 {
            let explicit = explicit_candidates(&spec, seed).unwrap();
            assert_eq!(explicit[0].params.get("hidden"), Some(&ParamValue::Int(16)));
        }
    }

    #[test]
    fn points_are_counted_as_far_as_that_is_cheap() {
        let mut spec = study(NAMED, enough_hidden);
        assert_eq!(points(&spec), Some(PointCount::Exactly(3)));
        spec.constraint = None;
        assert_eq!(points(&spec), Some(PointCount::Exactly(6)));
        let many = "[space]\nhidden = { low = 1, high = 101 }\nbatch = { low = 1, high = 100 }";
        assert_eq!(points(&study(many, enough_hidden)), Some(PointCount::AtMost(10_100)));
        let endless = "[space]\nx = { low = 0.0, high = 1.0 }";
        assert_eq!(points(&study(endless, enough_hidden)), None);
    }
}
