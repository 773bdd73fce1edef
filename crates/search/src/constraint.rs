//! Which combinations of values are not allowed, though each value by itself is; and what is said where none is left.

use std::fmt;
use std::sync::Arc;

use crate::params::Params;

/// So many draws in a row may be refused before a sampler gives up a space whose points are not all gone
/// through. Of a check that allows one point in 1,000, they miss it with a probability of 5e-5, and they take
/// some hundredths of a second.
pub const ATTEMPTS: usize = 10_000;

/// A finite space of so many points at most is gone through to its end before it is said that none is left;
/// of a larger one, a grid skips so many in a row. That takes a second or a few.
pub const WALKED: usize = 1_000_000;

/// A check of params: whether a combination of values may be tried at all.
///
/// What it refuses is never proposed, whatever the sampler, and costs no trial. Compare
/// [`Objective::check`](crate::Objective::check), which refuses *values* that the model cannot have, such as a
/// negative width: there, the space is wrong, and the study does not begin. Here, each value is right, and only
/// some of them do not go together.
///
/// The check must be deterministic, and quick: it is asked for each point that a sampler considers, often a
/// thousand for a trial. It is no part of what is stored of a study, which therefore has to be given the same
/// one when it goes on. With another one, trials that are there count as they are, and what is proposed from
/// then on is what the new check allows, and no combination that was tried before. An explicit trial that it
/// refuses is an error all the same.
///
/// In Optuna, the constraints of a sampler (`constraints_func`) are soft: they are computed from a trial that
/// has ended, so what breaks them has cost a trial. What can only be known after the training, such as the
/// memory that it took, is no matter for this check either: let such a trial fail.
///
/// ```
/// use burn_tune_search::constraint::Constraint;
/// use burn_tune_search::{ParamValue, Params};
///
/// let ordered = Constraint::new(|params: &Params| match (params.get("a"), params.get("b")) {
///     (Some(ParamValue::Int(a)), Some(ParamValue::Int(b))) if a < b => Ok(()),
///     _ => Err("a is not below b".to_owned()),
/// });
/// let params = |a, b| -> Params {
///     [("a".to_owned(), ParamValue::Int(a)), ("b".to_owned(), ParamValue::Int(b))].into_iter().collect()
/// };
/// assert_eq!(ordered.check(&params(1, 2)), Ok(()));
/// assert_eq!(ordered.check(&params(2, 1)), Err("a is not below b".to_owned()));
/// ```
#[derive(Clone)]
pub struct Constraint(Arc<Check>);

type Check = dyn Fn(&Params) -> Result<(), String> + Send + Sync;

impl Constraint {
    /// The constraint that `check` is: its error says, for users, why params are not allowed.
    pub fn new(check: impl Fn(&Params) -> Result<(), String> + Send + Sync + 'static) -> Self {
        Constraint(Arc::new(check))
    }

    /// Whether these params are allowed.
    ///
    /// # Errors
    ///
    /// Why they are not, in the words of the check.
    ///
    /// # Panics
    ///
    /// Where the check does.
    pub fn check(&self, params: &Params) -> Result<(), String> {
        (self.0)(params)
    }
}

impl fmt::Debug for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Constraint").finish_non_exhaustive()
    }
}

/// Two are equal where they are the same one: what functions do cannot be compared.
impl PartialEq for Constraint {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Why there is no further combination of a space to try: the check refused what was left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortage {
    /// How many combinations were refused in a row before they were given up; `None` where all were gone
    /// through.
    pub attempts: Option<usize>,
    /// Why the last one was refused, in the words of the check.
    pub reason: String,
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.attempts {
            None => f.write_str("no further combination of the space is allowed by the check")?,
            Some(attempts) => write!(
                f,
                "no further combination of the space that the check allows was found in {attempts} attempts"
            )?,
        }
        write!(f, "; the last was refused with: {}", self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constraint_equals_its_copies_and_no_other() {
        let all = || Constraint::new(|_| Ok(()));
        let one = all();
        assert_eq!(one, one.clone());
        assert_ne!(one, all());
        assert_eq!(format!("{one:?}"), "Constraint { .. }");
    }

    #[test]
    fn a_shortage_says_how_sure_it_is() {
        let reason = || "a is not below b".to_owned();
        insta::assert_snapshot!(Shortage { attempts: None, reason: reason() }, @"no further combination of the space is allowed by the check; the last was refused with: a is not below b");
        insta::assert_snapshot!(Shortage { attempts: Some(10_000), reason: reason() }, @"no further combination of the space that the check allows was found in 10000 attempts; the last was refused with: a is not below b");
    }
}
