//! From rows to trials and back: what the program needs to go on stands in system attributes, which the
//! dashboard does not show, and what people look for in user attributes, which it does.

mod task_json;

use std::collections::BTreeMap;

use burn_tune_ranking::curves_file::{CurvesByTask, to_npz};
use burn_tune_ranking::statistics::{mean, std};
use burn_tune_search::keyed_rng::Task;
use burn_tune_search::pruner::ReportUnit;
use burn_tune_search::timeline::Span;
use burn_tune_search::trial::Failure;
use burn_tune_search::trial::Refit;
use burn_tune_search::trial::{FoldRecord, StoredTrial};
use burn_tune_search::{Candidate, Curves, FoldScore, ParamValue, Params, Trial, TrialState};

use self::task_json::fold_record;
pub use self::task_json::{fold_json, refit, refit_json};
use crate::StorageError;
use crate::attributes::{
    ERROR, FLAGS, FOLD, NAME, PRUNED_AT_STEP, REFIT, REPEATS, SPLIT_TEST_SCORES, STD_TEST_SCORE,
    STDERR, TEST_SCORE, TEST_SCORES, WORKER,
};
use crate::distribution::Distribution;
use crate::records::{ParamRecord, RecordState, StudyRecord, TrialRecord};
use crate::trials::write::NewTrial;

/// What is known of a fold in curves.
pub fn fold_task(fold: usize) -> String {
    format!("fold{fold}")
}

/// What is known of a refit in curves and leases.
pub fn refit_task(seed: usize) -> String {
    format!("refit{seed}")
}

/// The system attribute of a fold.
pub fn fold_key(fold: usize) -> String {
    format!("{FOLD}{fold}")
}

/// The system attribute of a refit.
pub fn refit_key(seed: usize) -> String {
    format!("{REFIT}{seed}")
}

/// Whether the trial in a row is ours.
pub fn is_ours(record: &TrialRecord) -> bool {
    let has = |key: &str| record.system_attributes.contains_key(key);
    has(WORKER) && !has(REPEATS)
}

/// All refits of a trial that have been done.
///
/// # Errors
///
/// What is wrong with one of them.
pub fn refits(record: &TrialRecord) -> Result<Vec<Refit>, String> {
    let attributes = record.system_attributes.iter();
    let attributes = attributes.map(|(key, json)| (key.as_str(), json.as_str()));
    refits_in(record.number, attributes)
        .map_err(|error| format!("trial {}: {error}", record.number))
}

/// All refits among the system attributes of a trial, by seed.
///
/// # Errors
///
/// Where one is not what [`refit_json`] writes.
pub(crate) fn refits_in<'a>(
    trial: usize,
    attributes: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<Vec<Refit>, serde_json::Error> {
    let seed = |key: &str| key.strip_prefix(REFIT)?.parse().ok();
    let refits = attributes.filter_map(|(key, json)| Some(refit(trial, seed(key)?, json)));
    let mut refits = refits.collect::<Result<Vec<Refit>, _>>()?;
    refits.sort_by_key(|refit| refit.seed);
    Ok(refits)
}

/// What is written into user attributes when a refit has ended, for people who look at it: the scores of
/// all that have one, and their mean.
pub fn refit_attributes(refits: &[Refit]) -> Vec<(&'static str, String)> {
    let scores = refits.iter().filter_map(|refit| Some(refit.result.as_ref().ok()?.score));
    let scores: Vec<f64> = scores.filter(|score| score.is_finite()).collect();
    if scores.is_empty() {
        return Vec::new();
    }
    let score = serde_json::Value::from(mean(&scores));
    vec![
        (TEST_SCORE, score.to_string()),
        (TEST_SCORES, serde_json::Value::from(scores).to_string()),
    ]
}

/// What else is written into user attributes when a trial ends, for people who look at it.
pub fn end_attributes(trial: &Trial) -> Vec<(&'static str, String)> {
    let mut attributes = Vec::new();
    let mut add = |key, value: serde_json::Value| attributes.push((key, value.to_string()));
    if let TrialState::Complete { folds } = &trial.state {
        let scores: Vec<f64> = folds.iter().map(|fold| fold.score).collect();
        add(STD_TEST_SCORE, std(&scores).into());
        add(SPLIT_TEST_SCORES, scores.into());
    }
    if let TrialState::Pruned { .. } = &trial.state {
        add(PRUNED_AT_STEP, trial.pruned_at().map(|last| last.step).into());
    }
    if let TrialState::Failed { failure, .. } = &trial.state {
        add(ERROR, failure.reason.clone().into());
    }
    let flags: Vec<String> = trial.flags().iter().map(ToString::to_string).collect();
    if !flags.is_empty() {
        add(FLAGS, flags.into());
    }
    attributes
}

/// A trial's values in Optuna's sense, one for each objective: the means of its folds, or of a pruned trial
/// the last value that it reported.
pub fn values(trial: &Trial) -> Vec<f64> {
    match trial.pruned_at() {
        Some(last) => Some(last.value).filter(|value| !value.is_nan()).into_iter().collect(),
        None => trial.values(),
    }
}

/// A trial's state in Optuna's words.
pub fn state(trial: &Trial) -> RecordState {
    match trial.state {
        TrialState::Complete { .. } => RecordState::Complete,
        TrialState::Pruned { .. } => RecordState::Pruned,
        TrialState::Failed { .. } => RecordState::Fail,
        TrialState::Running { .. } | TrialState::Foreign { .. } => RecordState::Running,
    }
}

/// What a fold adds to the intermediate values of its trial: its score by its number, or, where a pruner
/// looks at epochs, what the first fold reported after each.
pub fn intermediate_values(
    fold: usize,
    score: &FoldScore,
    report_unit: ReportUnit,
) -> Vec<(i64, f64)> {
    match report_unit {
        ReportUnit::Folds => vec![(fold as i64, score.score)],
        ReportUnit::Steps if fold > 0 => Vec::new(),
        ReportUnit::Steps => score
            .intermediate_values
            .iter()
            .map(|report| (report.step as i64, report.value))
            .collect(),
    }
}

/// The rows of a trial that begins with this candidate.
pub(crate) fn new_trial(
    study: &StudyRecord,
    distributions: &BTreeMap<String, Distribution>,
    worker: &str,
    candidate: Candidate,
) -> Result<NewTrial, StorageError> {
    let mut params = Vec::new();
    for (name, value) in candidate.params.iter() {
        let distribution = distributions.get(name);
        let internal = distribution.and_then(|distribution| distribution.internal(value));
        let (Some(distribution), Some(value)) = (distribution, internal) else {
            let problem = format!("`{name}` = {value} is not in the space of `{}`", study.name);
            return Err(StorageError::Permanent(problem));
        };
        let distribution = distribution.to_json();
        params.push(ParamRecord { name: name.to_owned(), value, distribution });
    }
    let system_attributes = [(WORKER.to_owned(), worker.to_owned())].into();
    let name = candidate.name.map(|name| serde_json::Value::from(name).to_string());
    let user_attributes = name.map(|name| (NAME.to_owned(), name)).into_iter().collect();
    Ok(NewTrial { state: RecordState::Running, params, user_attributes, system_attributes })
}

/// The trial of a study of `folds` folds that stands in a row.
///
/// # Errors
///
/// What in the row cannot be understood, with the number of the trial.
pub fn stored_trial(record: &TrialRecord, folds: usize) -> Result<StoredTrial, String> {
    let wrong = |what: &str, problem: &dyn std::fmt::Display| {
        format!("trial {}: {what}: {problem}", record.number)
    };
    let mut params = Vec::new();
    for param in &record.params {
        let distribution =
            Distribution::parse(&param.distribution).map_err(|error| wrong(&param.name, &error))?;
        params.push((param.name.clone(), param_value(distribution.external(param.value))));
    }
    let params: Params = params.into_iter().collect();
    let mut kept = StoredTrial {
        trial: Trial {
            number: record.number,
            name: record
                .user_attributes
                .get(NAME)
                .and_then(|json| serde_json::from_str::<String>(json).ok()),
            params,
            state: TrialState::Running { folds: vec![None; folds] },
        },
        spans: Vec::new(),
    };
    let complete =
        record.state == RecordState::Complete && record.values.iter().all(|v| v.is_finite());
    let values = if complete { record.values.clone() } else { Vec::new() };
    if !is_ours(record) {
        kept.trial.state = TrialState::Foreign { values, begun_here: false };
        return Ok(kept);
    }
    for fold in 0..folds {
        let key = fold_key(fold);
        let Some(json) = record.system_attributes.get(&key) else { continue };
        let FoldRecord { result, span, .. } =
            fold_record(json).map_err(|error| wrong(&key, &error))?;
        kept.spans.extend(span.map(|span| (fold, span)));
        let state = kept.trial.state.clone();
        kept.trial.state =
            state.after_fold(record.number, fold, result).map_err(|error| wrong(&key, &error))?;
    }
    if !kept.trial.is_finished() {
        match record.state {
            RecordState::Fail => {
                let reason = "set to FAIL by another program, such as Optuna".to_owned();
                let failure = Failure { reason, flags: Vec::new() };
                kept.trial.state = TrialState::Failed { folds: Vec::new(), failure };
            }
            RecordState::Complete | RecordState::Pruned => {
                kept.trial.state = TrialState::Foreign { values, begun_here: true };
            }
            _ => {}
        }
    }
    Ok(kept)
}

/// What a row is made of besides the trial itself, where no database is there to ask.
pub struct Rescued<'a> {
    /// Who worked on which fold of which trial.
    pub spans: &'a BTreeMap<(usize, usize), Span>,
    /// What the program of a trial has written to stderr.
    pub stderr: &'a BTreeMap<usize, String>,
    /// All refits.
    pub refits: &'a [Refit],
    /// What each parameter is drawn from.
    pub distributions: &'a BTreeMap<String, Distribution>,
    /// What intermediate values are.
    pub report_unit: ReportUnit,
    /// The name of the worker.
    pub worker: String,
    /// The date of a moment, in seconds from the start of the study.
    pub date: &'a dyn Fn(f64) -> String,
}

/// The row of a trial of ours, as the database would have it.
pub fn trial_record(trial: &Trial, rescued: &Rescued) -> TrialRecord {
    let worker = serde_json::Value::from(rescued.worker.as_str()).to_string();
    let mut system_attributes = BTreeMap::from([(WORKER.to_owned(), worker)]);
    let mut user_attributes = BTreeMap::new();
    if let Some(name) = &trial.name {
        user_attributes.insert(NAME.to_owned(), serde_json::Value::from(name.as_str()).to_string());
    }
    if let Some(stderr) = rescued.stderr.get(&trial.number) {
        let json = serde_json::Value::from(stderr.as_str()).to_string();
        user_attributes.insert(STDERR.to_owned(), json);
    }
    let mut times = Vec::new();
    let mut intermediate_values = BTreeMap::new();
    for (fold, result) in fold_results(trial) {
        let span = rescued.spans.get(&(trial.number, fold)).copied();
        times.extend(span);
        let score = result.as_ref().ok();
        intermediate_values.extend(
            score.into_iter().flat_map(|s| self::intermediate_values(fold, s, rescued.report_unit)),
        );
        system_attributes
            .insert(fold_key(fold), fold_json(&FoldRecord { result, span, stderr: None }));
    }
    let refits: Vec<Refit> =
        rescued.refits.iter().filter(|refit| refit.trial == trial.number).cloned().collect();
    for refit in &refits {
        system_attributes.extend(refit_json(refit).map(|json| (refit_key(refit.seed), json)));
    }
    let mut for_people = refit_attributes(&refits);
    let ended = trial.is_finished();
    if ended {
        for_people.extend(end_attributes(trial));
    }
    user_attributes.extend(for_people.into_iter().map(|(key, json)| (key.to_owned(), json)));
    let param = |(name, value): (&str, &ParamValue)| {
        let distribution = rescued.distributions.get(name)?;
        let value = distribution.internal(value)?;
        Some(ParamRecord { name: name.to_owned(), value, distribution: distribution.to_json() })
    };
    let start = times.iter().map(|span| span.start_s).fold(f64::INFINITY, f64::min);
    let end = times.iter().map(|span| span.end_s).fold(0.0, f64::max);
    TrialRecord {
        id: 0,
        number: trial.number,
        state: state(trial),
        values: values(trial),
        params: trial.params.iter().filter_map(param).collect(),
        user_attributes,
        system_attributes,
        intermediate_values,
        start: Some((rescued.date)(if start.is_finite() { start } else { end })),
        complete: ended.then(|| (rescued.date)(end)),
        heartbeat: None,
        curves: curves(trial, rescued.refits),
    }
}

/// What each fold came to that has ended and counts. Of a failed trial, the fold that failed is the one
/// behind those with scores.
fn fold_results(trial: &Trial) -> Vec<(usize, Result<FoldScore, Failure>)> {
    match &trial.state {
        TrialState::Running { folds } => {
            let ended = folds.iter().enumerate();
            ended.filter_map(|(fold, result)| Some((fold, result.clone()?))).collect()
        }
        TrialState::Complete { folds } | TrialState::Pruned { folds } => {
            folds.iter().cloned().map(Ok).enumerate().collect()
        }
        TrialState::Failed { folds, failure } => {
            let failed = folds.len();
            let reason = failure.reason.strip_prefix(&format!("fold {failed}: "));
            let reason = reason.unwrap_or(&failure.reason).to_owned();
            let failure = Failure { reason, flags: failure.flags.clone() };
            folds.iter().cloned().map(Ok).chain([Err(failure)]).enumerate().collect()
        }
        TrialState::Foreign { .. } => Vec::new(),
    }
}

fn curves(trial: &Trial, refits: &[Refit]) -> BTreeMap<String, Vec<u8>> {
    let of_folds = trial
        .folds()
        .iter()
        .enumerate()
        .map(|(fold, score)| (fold_task(fold), Task::Fold(fold), score.curves.as_ref()));
    let of_refits = refits.iter().filter(|refit| refit.trial == trial.number).map(|refit| {
        let curves = refit.result.as_ref().ok().and_then(|score| score.curves.as_ref());
        (refit_task(refit.seed), Task::Refit(refit.seed), curves)
    });
    let npz = |(key, task, curves): (String, Task, Option<&std::sync::Arc<Curves>>)| {
        let all = CurvesByTask::from([((trial.number, task), curves?.clone())]);
        Some((key, to_npz(&all).ok()?))
    };
    of_folds.chain(of_refits).filter_map(npz).collect()
}

/// A value of a choice that is none of ours (null, a list) is shown as its JSON text.
fn param_value(value: serde_json::Value) -> ParamValue {
    serde_json::from_value(value.clone()).unwrap_or_else(|_| ParamValue::Str(value.to_string()))
}

#[cfg(test)]
mod tests {
    use burn_tune_search::objective::ObjectiveError;
    use burn_tune_search::{Domain, KnownFlag, RefitScore};

    use super::*;

    const FOLDS: usize = 3;
    const NEVER_PREDICTS: KnownFlag = KnownFlag::new("never_predicts", 0, "try another seed");
    const DEAD_UNITS: KnownFlag = KnownFlag::new("dead_units", 1, "try fewer units");

    fn scored(score: f64) -> Result<FoldScore, Failure> {
        let flags = vec![DEAD_UNITS.flag(), NEVER_PREDICTS.with([2, 5])];
        Ok(FoldScore { score, flags, fit_s: 0.1 + 0.2, score_s: 1e-9, ..FoldScore::default() })
    }

    fn trial(number: usize, results: &[(usize, Result<FoldScore, Failure>)]) -> Trial {
        let params = [
            ("lr".to_owned(), ParamValue::Float(0.1 + 0.2)),
            ("softmax".to_owned(), ParamValue::Bool(true)),
            ("act".to_owned(), ParamValue::Str("relu".into())),
            ("depth".to_owned(), ParamValue::Int(2)),
        ];
        let state = TrialState::Running { folds: vec![None; FOLDS] };
        let state = results.iter().fold(state, |state, (fold, result)| {
            state.after_fold(number, *fold, result.clone()).unwrap()
        });
        let name = (number == 0).then(|| "\"quoted\"".to_owned());
        Trial { number, name, params: params.into_iter().collect(), state }
    }

    fn distributions() -> BTreeMap<String, Distribution> {
        let choices = |values: &[ParamValue]| Domain::Choices(values.to_vec());
        let domains = [
            ("lr", Domain::FloatRange { low: 1e-4, high: 1.0, step: None, log: true }),
            ("softmax", choices(&[ParamValue::Bool(false), ParamValue::Bool(true)])),
            ("act", choices(&[ParamValue::Str("tanh".into()), ParamValue::Str("relu".into())])),
            ("depth", Domain::IntRange { low: 1, high: 5, step: 1, log: false }),
        ];
        let of = |(name, domain): (&str, Domain)| (name.to_owned(), Distribution::of(&domain, &[]));
        domains.map(of).into()
    }

    fn date(seconds: f64) -> String {
        format!("2026-11-24 11:00:{seconds:09.6}")
    }

    /// Writes a trial and reads it again, with its refits.
    fn round_trip(trial: &Trial, all: &[Refit]) -> (StoredTrial, Vec<Refit>, TrialRecord) {
        let span = Span { worker: 3, start_s: 0.25, end_s: 1.75 };
        let spans = (0..FOLDS).map(|fold| ((trial.number, fold), span)).collect();
        let rescued = Rescued {
            spans: &spans,
            stderr: &BTreeMap::from([(0, "no \"luck\"\n".to_owned())]),
            refits: all,
            distributions: &distributions(),
            report_unit: ReportUnit::Folds,
            worker: "w".into(),
            date: &date,
        };
        let record = trial_record(trial, &rescued);
        (stored_trial(&record, FOLDS).unwrap(), refits(&record).unwrap(), record)
    }

    #[test]
    fn a_trial_of_any_state_is_read_as_it_was_written() {
        let failed = || Err(Failure { reason: "no luck".into(), flags: vec![DEAD_UNITS.flag()] });
        let all = [
            vec![],
            vec![(1, scored(0.5))],
            vec![(2, failed()), (0, scored(0.1))],
            vec![(0, scored(0.1)), (1, scored(1.0 / 3.0)), (2, scored(-1e300))],
            vec![(0, scored(0.1)), (1, failed())],
            vec![(0, scored(f64::NAN))],
        ];
        let states = ["RUNNING", "RUNNING", "RUNNING", "COMPLETE", "FAIL", "FAIL"];
        for (number, (results, state)) in all.iter().zip(states).enumerate() {
            let trial = trial(number, results);
            let (kept, refits, record) = round_trip(&trial, &[]);
            assert_eq!((&kept.trial, record.state.as_str()), (&trial, state));
            assert_eq!((refits, record.values.is_empty()), (vec![], state != "COMPLETE"));
        }
    }

    #[test]
    fn a_complete_trial_says_what_people_look_for() {
        let trial = trial(0, &[(0, scored(0.25)), (1, scored(0.5)), (2, scored(0.75))]);
        let (_, _, record) = round_trip(&trial, &[]);
        assert_eq!(record.values, [0.5]);
        assert_eq!(record.user_attributes["stderr"], r#""no \"luck\"\n""#);
        assert_eq!(record.user_attributes["flags"], r#"["never_predicts:[2,5]","dead_units"]"#);
        assert_eq!(record.user_attributes["std_test_score"], "0.2041241452319315");
        assert_eq!(record.user_attributes["split_test_scores"], "[0.25,0.5,0.75]");
        assert_eq!(record.user_attributes["name"], r#""\"quoted\"""#);
        assert_eq!(record.intermediate_values, BTreeMap::from([(0, 0.25), (1, 0.5), (2, 0.75)]));
        assert_eq!(record.start.as_deref(), Some("2026-11-24 11:00:00.250000"));
        assert_eq!(record.complete.as_deref(), Some("2026-11-24 11:00:01.750000"));
    }

    #[test]
    fn refits_are_read_as_they_were_written() {
        let refit = |seed, result| Refit { trial: 0, seed, result, span: Span::default() };
        let score = |score| RefitScore {
            score,
            per_class_recall: vec![1.0 / 3.0, f64::INFINITY],
            flags: vec![NEVER_PREDICTS.with([1])],
            curves: None,
        };
        let failed = ObjectiveError::Failed { reason: "no".into(), flags: vec![DEAD_UNITS.flag()] };
        let all = [
            refit(0, Ok(score(0.1 + 0.2))),
            refit(2, Err(failed)),
            refit(10, Ok(score(f64::NEG_INFINITY))),
        ];
        let (_, read, record) = round_trip(&trial(0, &[]), &all);
        assert_eq!(read, all);
        assert_eq!(record.user_attributes["test_scores"], "[0.30000000000000004]");
        assert_eq!(record.user_attributes["test_score"], "0.30000000000000004");
        assert_eq!(refit_json(&refit(0, Err(ObjectiveError::Interrupted))), None);
        let nan = refit_json(&refit(0, Ok(score(f64::NAN)))).unwrap();
        let read = super::refit(0, 0, &nan).unwrap().result.unwrap();
        assert!(read.score.is_nan());
    }

    #[test]
    fn what_is_no_record_of_ours_is_named() {
        let (_, _, record) = round_trip(&trial(4, &[(0, scored(0.5))]), &[]);
        let with = |key: &str, text: &str| {
            let mut record = record.clone();
            record.system_attributes.insert(key.into(), text.into());
            stored_trial(&record, FOLDS).unwrap_err()
        };
        let key = fold_key(1);
        assert!(with(&key, "[1]").starts_with("trial 4: burn_tune:fold1: "));
        let mut record = record.clone();
        record.params[0].distribution = "none".into();
        assert!(stored_trial(&record, FOLDS).unwrap_err().starts_with("trial 4: lr: "));
    }

    #[test]
    fn a_trial_without_a_worker_of_ours_is_another_programs() {
        let (_, _, mut record) = round_trip(&trial(1, &[(0, scored(0.5))]), &[]);
        record.system_attributes.remove(WORKER);
        let value = |state: &str, values: &[f64]| {
            let (state, values) = (RecordState::parse(state).unwrap(), values.to_vec());
            let record = TrialRecord { state, values, ..record.clone() };
            stored_trial(&record, FOLDS).unwrap().trial.state
        };
        assert_eq!(value("COMPLETE", &[0.5]), foreign(Some(0.5), false));
        let both = TrialState::Foreign { values: vec![0.5, 0.25], begun_here: false };
        assert_eq!(value("COMPLETE", &[0.5, 0.25]), both);
        assert_eq!(value("COMPLETE", &[0.5, f64::INFINITY]), foreign(None, false));
        assert_eq!(value("COMPLETE", &[f64::INFINITY]), foreign(None, false));
        assert_eq!(value("PRUNED", &[0.5]), foreign(None, false));
    }

    #[test]
    fn what_optuna_makes_of_a_trial_of_ours_is_its_own() {
        let (_, _, record) = round_trip(&trial(1, &[(0, scored(0.5))]), &[]);
        let state = |record: TrialRecord| stored_trial(&record, FOLDS).unwrap().trial.state;
        let told = |state: &str| TrialRecord {
            state: RecordState::parse(state).unwrap(),
            values: vec![0.25],
            ..record.clone()
        };
        assert_eq!(state(told("COMPLETE")), foreign(Some(0.25), true));
        assert_eq!(state(told("PRUNED")), foreign(None, true));
        assert!(matches!(state(told("FAIL")), TrialState::Failed { .. }));
        // Its repetition of a trial that was left has all that the first one had.
        let mut repeated = record;
        repeated.system_attributes.insert("failed_trial".into(), "0".into());
        assert_eq!(state(repeated), foreign(None, false));
    }

    fn foreign(value: Option<f64>, begun_here: bool) -> TrialState {
        TrialState::Foreign { values: value.into_iter().collect(), begun_here }
    }
}
