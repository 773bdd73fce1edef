//! Which trials are listed, and in which order.

use std::cmp::Ordering;
use std::convert::Infallible;
use std::str::FromStr;

use burn_tune_search::did_you_mean;
use serde_json::Value;
use thiserror::Error;

use crate::filter::Filter;
use crate::trial_view::{State, TrialView, known_keys, plain};

/// Why no trials can be selected so.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SelectionError {
    /// No trial has anything of this name.
    #[error("no trial has `{key}`: {help}")]
    UnknownKey {
        /// The name.
        key: String,
        /// What is near, or what there is.
        help: String,
    },
    /// The order of numbers and a text is asked for.
    #[error("`{key}` is a number: compare it with one")]
    NotAText {
        /// What is a number.
        key: String,
    },
}

/// What trials are sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortKey {
    /// What is compared.
    pub key: String,
    /// Whether the largest comes first.
    pub descending: bool,
}

/// `value`, or `-value` for the largest first.
impl FromStr for SortKey {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let (key, descending) = match text.strip_prefix('-') {
            Some(key) => (key, true),
            None => (text, false),
        };
        Ok(SortKey { key: key.to_owned(), descending })
    }
}

/// Which trials are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Selection<'a> {
    /// Of these states; of any, where there is none.
    pub states: &'a [State],
    /// For which all of these hold.
    pub conditions: &'a [Filter],
    /// In this order.
    pub sort: &'a SortKey,
    /// At most so many.
    pub limit: Option<usize>,
}

impl Selection<'_> {
    /// Those of the trials that are wanted.
    ///
    /// # Errors
    ///
    /// Where a key is unknown, or the order of numbers and a text is asked for.
    pub fn of<'a>(
        &self,
        trials: &'a [TrialView],
        objectives: usize,
    ) -> Result<Vec<&'a TrialView>, SelectionError> {
        let keys = self.conditions.iter().map(|condition| &condition.key);
        keys.chain([&self.sort.key]).try_for_each(|key| check_key(key, trials, objectives))?;
        for condition in self.conditions {
            if condition.orders_numbers_with_text(trials) {
                return Err(SelectionError::NotAText { key: condition.key.clone() });
            }
        }
        let is_wanted = |trial: &&TrialView| {
            let of_state = self.states.is_empty() || self.states.contains(&trial.state);
            of_state && self.conditions.iter().all(|condition| condition.holds(trial))
        };
        let mut wanted: Vec<&TrialView> = trials.iter().filter(is_wanted).collect();
        wanted.sort_by_cached_key(|trial| SortValue {
            value: trial.field(&self.sort.key),
            descending: self.sort.descending,
        });
        wanted.truncate(self.limit.unwrap_or(usize::MAX));
        Ok(wanted)
    }
}

/// A key that no trial has is a slip of the finger, unless there is no trial.
fn check_key(key: &str, trials: &[TrialView], objectives: usize) -> Result<(), SelectionError> {
    if trials.is_empty() || trials.iter().any(|trial| trial.field(key).is_some()) {
        return Ok(());
    }
    let known = known_keys(trials, objectives);
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    if known.contains(&key) {
        return Ok(());
    }
    Err(SelectionError::UnknownKey { key: key.to_owned(), help: did_you_mean::help(key, &known) })
}

/// Numbers before texts, and last, in either direction, trials that have no such value.
struct SortValue {
    value: Option<Value>,
    descending: bool,
}

impl Ord for SortValue {
    fn cmp(&self, other: &Self) -> Ordering {
        let (Some(value), Some(other)) = (&self.value, &other.value) else {
            return self.value.is_none().cmp(&other.value.is_none());
        };
        let ordering = match (sortable(value), sortable(other)) {
            (Ok(value), Ok(other)) => value.total_cmp(&other),
            (Err(value), Err(other)) => value.cmp(&other),
            (value, other) => value.is_err().cmp(&other.is_err()),
        };
        if self.descending { ordering.reverse() } else { ordering }
    }
}

/// A number, or else a text.
fn sortable(value: &Value) -> Result<f64, String> {
    let text = plain(value);
    text.parse().map_err(|_| text)
}

impl PartialOrd for SortValue {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for SortValue {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for SortValue {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::ours;

    fn selected(
        states: &[State],
        conditions: &[&str],
        sort: &str,
        limit: Option<usize>,
    ) -> Result<Vec<usize>, SelectionError> {
        let (study, records) = ours();
        let trials: Vec<TrialView> =
            records.iter().map(|record| TrialView::new(record, &[]).unwrap()).collect();
        let conditions: Vec<Filter> =
            conditions.iter().map(|condition| condition.parse().unwrap()).collect();
        let sort = &sort.parse().unwrap();
        let selection = Selection { states, conditions: &conditions, sort, limit };
        let wanted = selection.of(&trials, study.directions.len())?;
        Ok(wanted.iter().map(|trial| trial.number).collect())
    }

    #[test]
    fn trials_without_the_value_come_last_in_either_direction() {
        assert_eq!(selected(&[], &[], "value", None).unwrap(), [4, 1, 0, 2, 3]);
        assert_eq!(selected(&[], &[], "-value", None).unwrap(), [0, 1, 4, 2, 3]);
        assert_eq!(selected(&[], &[], "-learning_rate", Some(2)).unwrap(), [2, 4]);
        assert_eq!(selected(&[], &[], "activation", None).unwrap(), [0, 2, 4, 1, 3]);
        assert_eq!(selected(&[], &[], "-duration", None).unwrap(), [0, 1, 2, 4, 3]);
    }

    #[test]
    fn any_of_the_states_and_all_of_the_conditions_are_wanted() {
        let states = [State::Complete, State::Failed];
        assert_eq!(selected(&states, &[], "number", None).unwrap(), [0, 1, 2, 4]);
        let conditions = ["activation=relu", "learning_rate>0.01"];
        assert_eq!(selected(&states, &conditions, "number", None).unwrap(), [2, 4]);
    }

    #[test]
    fn a_key_that_no_trial_has_is_answered_with_the_nearest() {
        let error = |conditions: &[&str], sort| {
            format!("{:#}", selected(&[], conditions, sort, None).unwrap_err())
        };
        let unknown = error(&["lerning_rate<1"], "number");
        assert!(unknown.contains("no trial has `lerning_rate`: did you mean `learning_rate`?"));
        assert!(error(&[], "vlaue").contains("did you mean `value`?"));
        let text = error(&["learning_rate<small"], "number");
        assert_eq!(text, "`learning_rate` is a number: compare it with one");
    }
}
