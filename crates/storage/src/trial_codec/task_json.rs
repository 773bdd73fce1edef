//! What a fold or a refit came to, as the text of an attribute.

use burn_tune_search::objective::ObjectiveError;
use burn_tune_search::pruner::IntermediateValue;
use burn_tune_search::timeline::Span;
use burn_tune_search::trial::Failure;
use burn_tune_search::trial::FoldRecord;
use burn_tune_search::trial::Refit;
use burn_tune_search::{Flag, FoldScore, RefitScore};
use serde::{Deserialize, Serialize};

/// A number that JSON may have no word for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Number {
    Finite(f64),
    Other(NonFinite),
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum NonFinite {
    #[serde(rename = "NaN")]
    NaN,
    #[serde(rename = "inf")]
    Infinity,
    #[serde(rename = "-inf")]
    MinusInfinity,
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        match value {
            value if value.is_finite() => Number::Finite(value),
            value if value.is_nan() => Number::Other(NonFinite::NaN),
            value if value > 0.0 => Number::Other(NonFinite::Infinity),
            _ => Number::Other(NonFinite::MinusInfinity),
        }
    }
}

impl From<Number> for f64 {
    fn from(number: Number) -> f64 {
        match number {
            Number::Finite(value) => value,
            Number::Other(NonFinite::NaN) => f64::NAN,
            Number::Other(NonFinite::Infinity) => f64::INFINITY,
            Number::Other(NonFinite::MinusInfinity) => f64::NEG_INFINITY,
        }
    }
}

/// What stands in the attribute of a fold, and of a refit.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct TaskJson {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score: Option<Number>,
    #[serde(rename = "others", default, skip_serializing_if = "Vec::is_empty")]
    extra_values: Vec<Number>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    flags: Vec<Flag>,
    /// Steps and values.
    #[serde(rename = "reports", default, skip_serializing_if = "Vec::is_empty")]
    intermediate_values: Vec<(u64, Number)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    planned_steps: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    stopped: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    per_class_recall: Option<Vec<Number>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fit_s: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score_s: Option<f64>,
    #[serde(flatten)]
    span: Option<SpanJson>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct SpanJson {
    worker: usize,
    start_s: f64,
    end_s: f64,
}

impl From<Span> for SpanJson {
    fn from(Span { worker, start_s, end_s }: Span) -> Self {
        SpanJson { worker, start_s, end_s }
    }
}

impl From<SpanJson> for Span {
    fn from(SpanJson { worker, start_s, end_s }: SpanJson) -> Self {
        Span { worker, start_s, end_s }
    }
}

/// The text of a fold's attribute. Curves are kept elsewhere.
pub fn fold_json(record: &FoldRecord) -> String {
    let span = record.span.map(SpanJson::from);
    let json = match &record.result {
        Ok(fold) => TaskJson {
            score: Some(fold.score.into()),
            extra_values: fold.extra_values.iter().copied().map(Number::from).collect(),
            flags: fold.flags.clone(),
            intermediate_values: fold
                .intermediate_values
                .iter()
                .map(|r| (r.step, r.value.into()))
                .collect(),
            planned_steps: fold.planned_steps,
            stopped: fold.stopped,
            fit_s: Some(fold.fit_s),
            score_s: Some(fold.score_s),
            span,
            ..TaskJson::default()
        },
        Err(failure) => failed(&failure.reason, &failure.flags, span),
    };
    text(&json)
}

/// The text of a refit's attribute; `None` for one that was abandoned.
pub fn refit_json(refit: &Refit) -> Option<String> {
    let span = Some(refit.span.into());
    Some(text(&match &refit.result {
        Ok(RefitScore { score, per_class_recall, flags, curves: _ }) => TaskJson {
            score: Some((*score).into()),
            per_class_recall: Some(per_class_recall.iter().copied().map(Number::from).collect()),
            flags: flags.clone(),
            span,
            ..TaskJson::default()
        },
        Err(ObjectiveError::Failed { reason, flags }) => failed(reason, flags, span),
        Err(ObjectiveError::Interrupted) => return None,
    }))
}

fn failed(reason: &str, flags: &[Flag], span: Option<SpanJson>) -> TaskJson {
    TaskJson { error: Some(reason.to_owned()), flags: flags.to_vec(), span, ..TaskJson::default() }
}

fn text(json: &TaskJson) -> String {
    serde_json::to_string(json).expect("numbers and texts are JSON")
}

/// A fold, of its attribute's text.
pub(super) fn fold_record(json: &str) -> Result<FoldRecord, serde_json::Error> {
    let json: TaskJson = serde_json::from_str(json)?;
    let result = match (json.score, json.error) {
        (Some(score), None) => Ok(FoldScore {
            score: score.into(),
            extra_values: json.extra_values.into_iter().map(f64::from).collect(),
            flags: json.flags,
            fit_s: json.fit_s.unwrap_or(f64::NAN),
            score_s: json.score_s.unwrap_or(f64::NAN),
            curves: None,
            intermediate_values: json
                .intermediate_values
                .into_iter()
                .map(|(step, value)| IntermediateValue { step, value: value.into() })
                .collect(),
            planned_steps: json.planned_steps,
            stopped: json.stopped,
        }),
        (_, error) => Err(Failure { reason: error.unwrap_or_default(), flags: json.flags }),
    };
    Ok(FoldRecord { result, span: json.span.map(Span::from), stderr: None })
}

/// A refit, of its attribute's text.
///
/// # Errors
///
/// Where the text is not what [`refit_json`] writes.
pub fn refit(trial: usize, seed: usize, json: &str) -> Result<Refit, serde_json::Error> {
    let json: TaskJson = serde_json::from_str(json)?;
    let result = match (json.score, json.error) {
        (Some(score), None) => Ok(RefitScore {
            score: score.into(),
            per_class_recall: json
                .per_class_recall
                .unwrap_or_default()
                .into_iter()
                .map(f64::from)
                .collect(),
            flags: json.flags,
            curves: None,
        }),
        (_, error) => {
            Err(ObjectiveError::Failed { reason: error.unwrap_or_default(), flags: json.flags })
        }
    };
    Ok(Refit { trial, seed, result, span: json.span.map(Span::from).unwrap_or_default() })
}
