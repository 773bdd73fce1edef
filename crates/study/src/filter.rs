//! Conditions on trials, as `--where` takes them: `lr<0.01`, `name~yun`.

use std::cmp::Ordering;
use std::str::FromStr;

use thiserror::Error;

use crate::trial_view::{TrialView, plain};

/// A comparison of something that is known of a trial with a constant.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// What is compared.
    pub key: String,
    operator: Operator,
    operand: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
}

/// Longer ones before those that they begin with.
const OPERATORS: [(&str, Operator); 8] = [
    ("==", Operator::Equal),
    ("!=", Operator::Unequal),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::Greater),
    ("~", Operator::Contains),
];

/// A text that is no condition.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("write KEY OPERATOR VALUE, such as 'lr<0.01'; operators are = != < <= > >= ~")]
pub struct NotAFilter;

impl FromStr for Filter {
    type Err = NotAFilter;

    fn from_str(text: &str) -> Result<Self, NotAFilter> {
        let place = text.find(['=', '!', '<', '>', '~']).ok_or(NotAFilter)?;
        let (key, rest) = text.split_at(place);
        let begins = |(sign, operator)| Some((rest.strip_prefix(sign)?, operator));
        let (operand, operator) = OPERATORS.into_iter().find_map(begins).ok_or(NotAFilter)?;
        let (key, operand) = (key.trim().to_owned(), operand.trim().to_owned());
        if key.is_empty() {
            return Err(NotAFilter);
        }
        Ok(Filter { key, operator, operand })
    }
}

impl Filter {
    /// Whether it holds for a trial; never for one that lacks the key. Numbers compare as numbers,
    /// anything else as text.
    pub fn holds(&self, trial: &TrialView) -> bool {
        let Some(value) = trial.field(&self.key) else { return false };
        let text = plain(&value);
        if self.operator == Operator::Contains {
            return text.contains(&self.operand);
        }
        let ordering = match (number(&text), number(&self.operand)) {
            (Some(value), Some(operand)) => value.partial_cmp(&operand),
            _ => Some(text.as_str().cmp(&self.operand)),
        };
        match self.operator {
            Operator::Equal => ordering == Some(Ordering::Equal),
            Operator::Unequal => ordering != Some(Ordering::Equal),
            Operator::Less => ordering == Some(Ordering::Less),
            Operator::LessOrEqual => matches!(ordering, Some(Ordering::Less | Ordering::Equal)),
            Operator::Greater => ordering == Some(Ordering::Greater),
            Operator::GreaterOrEqual => {
                matches!(ordering, Some(Ordering::Greater | Ordering::Equal))
            }
            Operator::Contains => unreachable!("answered above"),
        }
    }

    /// Whether it asks of numbers, which the trials have, how they are ordered with a text.
    pub fn orders_numbers_with_text(&self, trials: &[TrialView]) -> bool {
        let orders =
            !matches!(self.operator, Operator::Equal | Operator::Unequal | Operator::Contains);
        let mut values = trials.iter().filter_map(|trial| trial.field(&self.key));
        orders && number(&self.operand).is_none() && values.any(|value| value.is_number())
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{optunas, ours};

    /// Checks for which trials of ours, and of Optuna's, a condition holds.
    #[track_caller]
    fn holds_for(condition: &str, of_ours: &[usize], of_optuna: &[usize]) {
        let parsed: Filter = condition.parse().unwrap();
        for ((_, records), expected) in [(ours(), of_ours), (optunas(), of_optuna)] {
            let views = records.iter().map(|record| TrialView::new(record, &[]).unwrap());
            let holding = views.filter(|view| parsed.holds(view)).map(|view| view.number);
            assert_eq!(holding.collect::<Vec<usize>>(), expected, "{condition}");
        }
    }

    #[test]
    fn numbers_compare_as_numbers() {
        holds_for("value>=0.9795", &[0, 1], &[]);
        holds_for(" number < 2 ", &[0, 1], &[0, 1]);
        holds_for("learning_rate=1e-3", &[0], &[]);
        holds_for("learning_rate!=0.001", &[1, 2, 3, 4], &[]);
        holds_for("value1>9", &[], &[0, 1, 3]);
        holds_for("duration_s<=630.25", &[0, 1, 2, 4], &[0, 1, 2, 3]);
    }

    #[test]
    fn texts_compare_as_texts() {
        holds_for("activation==tanh", &[1, 3], &[]);
        holds_for("name~jey", &[0], &[]);
        holds_for("flags~never_predicts", &[0], &[]);
        holds_for("flags=", &[1, 3, 4], &[0, 1, 2, 3, 4]);
        holds_for("error~inf", &[2], &[]);
        holds_for("datetime_start>2026-11-24 11:03", &[3, 4], &[3]);
    }

    #[test]
    fn params_and_attributes_of_other_programs_are_keys() {
        holds_for("kind=null", &[], &[1]);
        holds_for("params_kind=true", &[], &[2]);
        holds_for("note~dashboard", &[4], &[]);
        holds_for("user_attrs_name=not ours", &[], &[0, 1, 2, 3]);
        holds_for("fold0~score", &[], &[]);
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for text in ["", "lr", "<1", "lr!1"] {
            assert_eq!(text.parse::<Filter>(), Err(NotAFilter), "{text}");
        }
    }
}
