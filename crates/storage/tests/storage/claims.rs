//! Several workers at one study: each result is kept once, whoever dies, and comes back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use burn_tune_search::clock::Stopwatch;
use burn_tune_search::objective::{ObjectiveError, Refitter};
use burn_tune_search::pruner::ReportUnit;
use burn_tune_search::runner::{RunOptions, refit, run};
use burn_tune_search::store::{Claimed, RefitClaim, SaveOutcome, Store};
use burn_tune_search::suggester::{Effort, Suggest, Suggestion};
use burn_tune_search::timeline::Span;
use burn_tune_search::trial::Refit;
use burn_tune_search::trial::{FoldRecord, StoredTrial};
use burn_tune_search::{
    Candidate, FoldScore, History, KnownFlag, Objective, ParamValue, Params, RefitScore,
    TaskHandle, Trial, TrialState,
};
use burn_tune_storage::database::{Access, Value};
use burn_tune_storage::{Distribution, RecordState, StudyRecord, StudyStore, WorkerOptions};
use serde::Deserialize;

use crate::harness::{TestDatabase, on_every_database};

on_every_database!(
    workers_that_share_a_study_do_each_fold_once,
    an_end_that_comes_while_a_worker_decides_is_told_before_all_is_over,
    a_number_that_is_taken_meanwhile_is_decided_again,
    one_at_a_time_works_out_what_comes_next,
    whoever_leaves_ends_its_own_proposal_and_no_other,
    whoever_waits_hears_of_changes,
    a_study_goes_on_with_the_folds_that_were_left,
    a_worker_that_comes_back_too_late_is_refused,
    signs_of_life_keep_a_trial,
    what_is_given_back_is_taken_up_at_once,
    a_trial_that_loses_worker_after_worker_is_lost_until_it_is_revived,
    progress_makes_up_for_lost_workers,
    a_refit_is_done_once,
    a_result_is_kept_whose_acknowledgement_was_lost,
    a_claim_is_found_again_whose_acknowledgement_was_lost,
    trials_of_other_programs_are_told_of,
    a_study_that_is_deleted_ends_its_search,
    trials_that_are_listed_are_begun_together_and_others_told_of_later,
    a_trial_of_another_program_among_listed_ones_is_looked_at_first,
    a_listed_trial_that_is_lost_is_told_of,
    workers_that_begin_listed_trials_do_each_once,
);

const FOLDS: usize = 2;
const LONG: Duration = Duration::from_secs(300);
const SHORT: Duration = Duration::from_millis(400);

fn part(lease: Duration, retries: usize) -> WorkerOptions {
    let choices = (0..100).map(serde_json::Value::from).collect();
    let distributions = [("x".to_owned(), Distribution::Categorical { choices })].into();
    WorkerOptions {
        folds: FOLDS,
        distributions,
        report_unit: ReportUnit::Folds,
        jobs: 1,
        lease,
        retries,
    }
}

const SICK: KnownFlag = KnownFlag::new("sick", 0, "try another seed");

fn study(database: &TestDatabase) -> StudyRecord {
    database.open().create_study("s", &["MAXIMIZE"], &[]).unwrap()
}

fn worker(database: &TestDatabase, study: &StudyRecord, lease: Duration) -> StudyStore {
    StudyStore::join(database.open(), study.clone(), part(lease, 1)).unwrap()
}

fn candidate(x: usize) -> Candidate {
    let params = [("x".to_owned(), ParamValue::Int(x as i64))].into_iter().collect();
    Candidate { name: (x == 0).then(|| "first".to_owned()), params }
}

fn record(score: f64) -> FoldRecord {
    let flags = vec![SICK.with([3])];
    let score = FoldScore { score, flags, fit_s: 0.5, score_s: 0.25, ..FoldScore::default() };
    let span = Some(Span { worker: 0, start_s: 0.125, end_s: 1.5 });
    FoldRecord { result: Ok(score), span, stderr: None }
}

/// The trial after a fold has come to `score`.
fn after(mut trial: Trial, fold: usize, score: f64) -> Trial {
    let result = record(score).result.map_err(|_| ObjectiveError::Interrupted);
    trial.end_fold(fold, &result, None).unwrap();
    trial
}

fn save(store: &mut StudyStore, trial: &mut Trial, fold: usize, score: f64) -> SaveOutcome {
    *trial = after(trial.clone(), fold, score);
    store.save_fold(trial, fold, &record(score)).unwrap()
}

/// Claims the next trial, of `trials`, and gives what was told before it.
fn claim(store: &mut StudyStore, begun: usize, trials: usize) -> (Claimed, Vec<StoredTrial>) {
    let mut told = Vec::new();
    let mut known = begun;
    let claim = store
        .claim(&mut |news, _| {
            told.extend_from_slice(news);
            known = known.max(news.last().map_or(0, |last| last.trial.number + 1));
            Some((known < trials).then(|| candidate(known)).into())
        })
        .unwrap();
    (claim, told)
}

fn begun(number: usize) -> Trial {
    Trial::start(number, candidate(number), FOLDS)
}

struct Counted(AtomicUsize);

#[derive(Deserialize)]
struct Config {
    x: i64,
}

impl Objective for Counted {
    type Config = Config;

    fn folds(&self) -> usize {
        FOLDS
    }

    fn evaluate(
        &self,
        config: &Config,
        fold: usize,
        _: &TaskHandle,
    ) -> Result<FoldScore, ObjectiveError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        thread::sleep(Duration::from_millis((config.x as u64 * 7 + fold as u64 * 3) % 5));
        if config.x % 7 == 3 && fold == 1 {
            let reason = format!("{} has no luck", config.x);
            return Err(ObjectiveError::Failed { reason, flags: vec![SICK.flag()] });
        }
        let score = config.x as f64 + fold as f64 / 3.0;
        Ok(FoldScore { score, ..FoldScore::default() })
    }

    fn refitter(&self) -> Option<&dyn Refitter<Config>> {
        Some(self)
    }
}

impl Refitter<Config> for Counted {
    fn refit(&self, config: &Config, _: &TaskHandle) -> Result<RefitScore, ObjectiveError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        let per_class_recall = vec![0.5, f64::NAN];
        Ok(RefitScore { score: config.x as f64, per_class_recall, ..RefitScore::default() })
    }
}

fn options() -> RunOptions {
    RunOptions::new(2, 0)
}

/// Scores without times, which differ from run to run.
fn outcome(history: &History) -> Vec<Trial> {
    history.trials().to_vec()
}

fn workers_that_share_a_study_do_each_fold_once(database: &TestDatabase) {
    const TRIALS: usize = 30;
    let (study, objective) = (&study(database), &Counted(AtomicUsize::new(0)));
    let refits = &Counted(AtomicUsize::new(0));
    let ends: Vec<(Vec<Trial>, Vec<f64>)> = thread::scope(|scope| {
        let part = || {
            let mut store = worker(database, study, LONG);
            let mut suggest = |history: &History| {
                let number = history.trials().len();
                (number < TRIALS).then(|| candidate(number)).into()
            };
            let run = run(objective, &mut suggest, &mut store, &options(), |_, _| {});
            assert_eq!(run.store_result, Ok(()));
            let best: Vec<(usize, Params)> =
                vec![(29, candidate(29).params), (28, candidate(28).params)];
            let (done, kept) = refit(refits, &best, 3, &mut store, &options(), |_| {});
            assert_eq!(kept, Ok(()));
            let scores = done.iter().map(|refit| refit.result.as_ref().unwrap().score);
            (outcome(&run.history), scores.collect())
        };
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(part)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let alone = run(
        &Counted(AtomicUsize::new(0)),
        &mut |history: &History| {
            (history.trials().len() < TRIALS).then(|| candidate(history.trials().len())).into()
        },
        &mut burn_tune_search::store::InMemory::default(),
        &options(),
        |_, _| {},
    );
    for (trials, scores) in ends {
        assert_eq!(trials, outcome(&alone.history));
        assert_eq!(scores, [29.0, 29.0, 29.0, 28.0, 28.0, 28.0]);
    }
    assert_eq!(objective.0.load(Ordering::SeqCst), TRIALS * FOLDS);
    assert_eq!(refits.0.load(Ordering::SeqCst), 6);
    let mut storage = database.open();
    let counts = storage.studies().unwrap().pop().unwrap().counts;
    assert_eq!((counts.complete, counts.failed, counts.running), (26, 4, 0));
    assert_eq!(storage.active_workers(study), Ok(0));
}

/// It once was not: a worker of many in CI ended without the last result of another.
fn an_end_that_comes_while_a_worker_decides_is_told_before_all_is_over(database: &TestDatabase) {
    let study = study(database);
    let (mut first, mut second) = (worker(database, &study, LONG), worker(database, &study, LONG));
    let mut trial = begun(0);
    claim(&mut first, 0, 1);
    save(&mut first, &mut trial, 0, 0.5);
    let mut told = Vec::new();
    let mut ends = Some(&mut trial);
    let mut decide = |news: &[StoredTrial], _| {
        told.extend_from_slice(news);
        // The other one ends the trial after this one has read that it is under way.
        if let Some(trial) = ends.take() {
            assert_eq!(save(&mut first, trial, 1, 0.25), SaveOutcome::Saved);
        }
        Some(Suggestion::End)
    };
    assert_eq!(second.claim(&mut decide), Ok(Claimed::Wait));
    assert_eq!(second.claim(&mut decide), Ok(Claimed::Over));
    assert_eq!(told.last().map(|found| &found.trial), Some(&trial));
}

fn a_number_that_is_taken_meanwhile_is_decided_again(database: &TestDatabase) {
    // The numbers up to which it takes time to decide: none, the first one, all.
    for takes_time in [0..0, 0..1, 0..9] {
        let study = database.open().create_study(&format!("{takes_time:?}"), &["MAXIMIZE"], &[]);
        let study = study.unwrap();
        let (mut slow, mut fast) = (worker(database, &study, LONG), worker(database, &study, LONG));
        let mut known = 0;
        let mut asked = Vec::new();
        let claimed = slow.claim(&mut |news, effort| {
            known += news.len();
            if takes_time.contains(&known) && effort == Effort::AtOnce {
                return None;
            }
            asked.push(known);
            if known == 0 {
                assert_eq!(claim(&mut fast, 0, 5).0, Claimed::Begun(0));
            }
            Some(Suggestion::Candidate(candidate(known)))
        });
        assert_eq!((claimed, asked), (Ok(Claimed::Begun(1)), vec![0, 1]));
        let trials = database.open().trials(&study).unwrap();
        let values: Vec<f64> = trials.iter().map(|trial| trial.params[0].value).collect();
        assert_eq!(values, [0.0, 1.0], "each trial tries what was decided for its number");
        let studies = database.open().studies().unwrap().into_iter();
        let mut attributes = studies.map(|study| study.record.system_attributes);
        assert!(attributes.all(|all| !all.contains_key("burn_tune:proposal")), "{takes_time:?}");
    }
}

fn one_at_a_time_works_out_what_comes_next(database: &TestDatabase) {
    let study = study(database);
    let (mut first, mut second) = (worker(database, &study, LONG), worker(database, &study, SHORT));
    let mut third = worker(database, &study, LONG);
    let takes_time = |effort| (effort == Effort::Any).then(|| Suggestion::Candidate(candidate(0)));
    let mut others = Vec::new();
    let claimed = first.claim(&mut |_, effort| {
        if effort == Effort::Any {
            others.push(second.claim(&mut |_, effort| takes_time(effort)));
            // What takes no time, and what is to be saved, need not wait.
            others.push(third.claim(&mut |_, _| Some(Suggestion::End)));
        }
        takes_time(effort)
    });
    assert_eq!(claimed, Ok(Claimed::Begun(0)));
    assert_eq!(others, [Ok(Claimed::Wait), Ok(Claimed::Over)]);
    let attributes = database.open().studies().unwrap().remove(0).record.system_attributes;
    assert!(!attributes.contains_key("burn_tune:proposal"), "{attributes:?}");
    // One that dies at it keeps nobody waiting for longer than its lease.
    let mut dies = second;
    dies.claim(&mut |_, effort| {
        if effort == Effort::Any {
            thread::sleep(2 * SHORT);
            let claimed = first.claim(&mut |news, effort| {
                assert!(news.is_empty());
                takes_time(effort)
            });
            assert_eq!(claimed, Ok(Claimed::Begun(1)));
            return Some(Suggestion::Wait);
        }
        None
    })
    .unwrap();
}

fn whoever_leaves_ends_its_own_proposal_and_no_other(database: &TestDatabase) {
    let study = study(database);
    let (mut fails, mut other) = (worker(database, &study, LONG), worker(database, &study, LONG));
    let proposal = || {
        let mut study = database.open().studies().unwrap().remove(0).record;
        study.system_attributes.remove("burn_tune:proposal")
    };
    // Nothing can be written of what is not in the space: the claim fails where it has been worked out.
    let outside = Candidate {
        params: [("y".to_owned(), ParamValue::Int(1))].into_iter().collect(),
        name: None,
    };
    let claimed = fails.claim(&mut |_, effort| {
        (effort == Effort::Any).then(|| Suggestion::Candidate(outside.clone()))
    });
    assert!(claimed.is_err(), "{claimed:?}");
    assert!(proposal().is_some(), "the failure left none, and this test tests nothing");
    other.release().unwrap();
    assert!(proposal().is_some_and(|json| json.contains(&fails.worker())));
    fails.release().unwrap();
    assert_eq!(proposal(), None);
}

fn whoever_waits_hears_of_changes(database: &TestDatabase) {
    let study = study(database);
    let mut works = worker(database, &study, LONG);
    let mut trial = begun(0);
    claim(&mut works, 0, 1);
    let mut waits = database.open();
    assert!(waits.has_changed(study.id), "what came before was not heard");
    assert!(!waits.has_changed(study.id));
    save(&mut works, &mut trial, 0, 0.5);
    save(&mut works, &mut trial, 1, 0.5);
    let since = Stopwatch::start();
    while !waits.has_changed(study.id) {
        assert!(since.elapsed() < Duration::from_secs(60), "nobody was told of the end");
        thread::sleep(Duration::from_millis(5));
    }
}

fn a_study_goes_on_with_the_folds_that_were_left(database: &TestDatabase) {
    let study = study(database);
    let mut first = worker(database, &study, SHORT);
    assert_eq!(claim(&mut first, 0, 2).0, Claimed::Begun(0));
    let mut trial = begun(0);
    assert_eq!(save(&mut first, &mut trial, 1, 0.1 + 0.2), SaveOutcome::Saved);
    drop(first);

    thread::sleep(2 * SHORT);
    let mut second = worker(database, &study, LONG);
    let (claimed, told) = claim(&mut second, 0, 2);
    assert_eq!(claimed, Claimed::TakenUp(0));
    let span = record(0.0).span.unwrap();
    assert_eq!(told, [StoredTrial { trial: trial.clone(), spans: vec![(1, span)] }]);
    assert_eq!(save(&mut second, &mut trial, 0, 0.5), SaveOutcome::Saved);
    assert_eq!(claim(&mut second, 1, 2), (Claimed::Begun(1), vec![]));

    let mut third = worker(database, &study, LONG);
    let (claimed, told) = claim(&mut third, 0, 2);
    assert_eq!(claimed, Claimed::Wait, "the other one works on trial 1");
    assert_eq!(told[0].trial, trial);
    assert_eq!(told[1].trial, begun(1));
}

fn a_worker_that_comes_back_too_late_is_refused(database: &TestDatabase) {
    let study = study(database);
    let mut slow = worker(database, &study, SHORT);
    claim(&mut slow, 0, 1);
    thread::sleep(2 * SHORT);
    let mut fast = worker(database, &study, LONG);
    assert_eq!(claim(&mut fast, 0, 1).0, Claimed::TakenUp(0));
    let (mut of_slow, mut of_fast) = (begun(0), begun(0));
    assert_eq!(save(&mut slow, &mut of_slow, 0, 0.25), SaveOutcome::Lost);
    assert_eq!(save(&mut fast, &mut of_fast, 0, 0.5), SaveOutcome::Saved);
    assert_eq!(save(&mut fast, &mut of_fast, 1, 0.5), SaveOutcome::Saved);
    assert_eq!(save(&mut slow, &mut of_slow, 1, 0.25), SaveOutcome::Lost);
    let (claimed, told) = claim(&mut slow, 1, 1);
    assert_eq!((claimed, &told[0].trial), (Claimed::Over, &of_fast));
    let kept = database.open().trial(&study, 0).unwrap().unwrap();
    assert_eq!((kept.state.as_str(), kept.values), ("COMPLETE", vec![0.5]));
}

fn signs_of_life_keep_a_trial(database: &TestDatabase) {
    let study = study(database);
    let lease = Duration::from_secs(2);
    let mut alive = worker(database, &study, lease);
    let mut other = worker(database, &study, LONG);
    claim(&mut alive, 0, 1);
    let since = Stopwatch::start();
    while since.elapsed() < lease * 2 {
        assert_eq!(alive.heartbeat(), Ok(vec![]));
        assert_eq!(claim(&mut other, 1, 1).0, Claimed::Wait);
        thread::sleep(lease / 20);
    }
    assert_eq!(database.open().active_workers(&study), Ok(1));
    // And without them it is lost, and that is seen.
    thread::sleep(lease * 3 / 2);
    assert_eq!(claim(&mut other, 1, 1).0, Claimed::TakenUp(0));
    assert_eq!(alive.heartbeat(), Ok(vec![0]));
    assert_eq!(alive.heartbeat(), Ok(vec![]));
}

fn what_is_given_back_is_taken_up_at_once(database: &TestDatabase) {
    let study = study(database);
    let (mut first, mut second) = (worker(database, &study, LONG), worker(database, &study, LONG));
    claim(&mut first, 0, 1);
    assert_eq!(claim(&mut second, 0, 1).0, Claimed::Wait);
    first.release().unwrap();
    assert_eq!(claim(&mut second, 1, 1).0, Claimed::TakenUp(0));
}

fn a_trial_that_loses_worker_after_worker_is_lost_until_it_is_revived(database: &TestDatabase) {
    let study = study(database);
    for expected in [Claimed::Begun(0), Claimed::TakenUp(0)] {
        let mut dying = worker(database, &study, SHORT);
        assert_eq!(claim(&mut dying, 0, 1).0, expected);
        thread::sleep(2 * SHORT);
    }
    // That is no result: the others go on, and the trial stays as it is.
    let mut last = worker(database, &study, LONG);
    assert_eq!(claim(&mut last, 0, 1).0, Claimed::Over);
    assert_eq!(claim(&mut last, 0, 2).0, Claimed::Begun(1));
    let mut storage = database.open();
    assert_eq!(storage.lost_trials(&study).unwrap(), [0]);
    assert_eq!(storage.trial(&study, 0).unwrap().unwrap().state, RecordState::Running);
    storage.revive_lost_trials(&study).unwrap();
    assert_eq!(storage.lost_trials(&study).unwrap(), [0usize; 0]);
    assert_eq!(claim(&mut worker(database, &study, LONG), 2, 2).0, Claimed::TakenUp(0));
}

fn progress_makes_up_for_lost_workers(database: &TestDatabase) {
    let study = study(database);
    let mut trial = begun(0);
    for expected in [Claimed::Begun(0), Claimed::TakenUp(0)] {
        let mut dying = worker(database, &study, SHORT);
        assert_eq!(claim(&mut dying, 0, 1).0, expected);
        if expected == Claimed::TakenUp(0) {
            assert_eq!(save(&mut dying, &mut trial, 0, 0.5), SaveOutcome::Saved);
        }
        thread::sleep(2 * SHORT);
    }
    assert_eq!(claim(&mut worker(database, &study, LONG), 0, 1).0, Claimed::TakenUp(0));
}

fn a_refit_is_done_once(database: &TestDatabase) {
    let study = study(database);
    let (mut first, mut second) = (worker(database, &study, SHORT), worker(database, &study, LONG));
    let mut trial = begun(0);
    claim(&mut first, 0, 1);
    save(&mut first, &mut trial, 0, 0.5);
    save(&mut first, &mut trial, 1, 0.5);
    assert_eq!(claim(&mut second, 0, 1).0, Claimed::Over);
    let refit = |score: f64, seed: usize| Refit {
        trial: 0,
        seed,
        result: Ok(RefitScore {
            score,
            per_class_recall: vec![0.5, 0.25],
            flags: vec![SICK.flag()],
            curves: None,
        }),
        span: Span { worker: 1, start_s: 0.5, end_s: 0.75 },
    };
    assert_eq!(first.claim_refit(0, 0), Ok(RefitClaim::Claimed));
    assert_eq!(second.claim_refit(0, 0), Ok(RefitClaim::Elsewhere));
    assert_eq!(second.claim_refit(0, 1), Ok(RefitClaim::Claimed));
    thread::sleep(2 * SHORT);
    assert_eq!(second.claim_refit(0, 0), Ok(RefitClaim::Claimed), "its worker is gone");
    assert_eq!(first.save_refit(&refit(0.25, 0)), Ok(SaveOutcome::Lost));
    assert_eq!(second.save_refit(&refit(0.125, 0)), Ok(SaveOutcome::Saved));
    let done = RefitClaim::Done(Box::new(refit(0.125, 0)));
    assert_eq!(first.claim_refit(0, 0), Ok(done));
    let failed = Refit {
        result: Err(ObjectiveError::Failed { reason: "no".into(), flags: vec![] }),
        ..refit(0.0, 1)
    };
    assert_eq!(second.save_refit(&failed), Ok(SaveOutcome::Saved));
    assert_eq!(first.claim_refit(0, 1), Ok(RefitClaim::Done(Box::new(failed))));
}

fn a_result_is_kept_whose_acknowledgement_was_lost(database: &TestDatabase) {
    let study = study(database);
    let mut store = worker(database, &study, LONG);
    let mut trial = begun(0);
    claim(&mut store, 0, 1);
    save(&mut store, &mut trial, 0, 0.5);
    save(&mut store, &mut trial, 1, 0.25);
    // Said twice, as after a connection that broke while it was committed.
    assert_eq!(store.save_fold(&trial, 1, &record(0.25)), Ok(SaveOutcome::Saved));
    assert_eq!(store.save_fold(&trial, 1, &record(0.5)), Ok(SaveOutcome::Lost));
}

fn a_claim_is_found_again_whose_acknowledgement_was_lost(database: &TestDatabase) {
    let study = study(database);
    let mut store = worker(database, &study, LONG);
    claim(&mut store, 0, 5);
    // As if the next claim had been committed, and the answer had not come.
    let worker = store.worker();
    store
        .storage()
        .transaction(Access::Write, |db| {
            db.execute(
                "INSERT INTO trials (number, study_id, state, datetime_start) \
                 VALUES (1, ?1, 'RUNNING', {now})",
                &[Value::Int(study.id)],
            )?;
            let text = |text: String| Value::Text(text);
            let id = "(SELECT MAX(trial_id) FROM trials)";
            let attribute = format!(
                "INSERT INTO trial_system_attributes (trial_id, \"key\", value_json) \
                 VALUES ({id}, 'burn_tune:worker', ?1)"
            );
            db.execute(&attribute, &[text(format!("{worker:?}"))])?;
            let lease = format!(
                "INSERT INTO burn_tune_leases (trial_id, task, worker, expires, lost) \
                 VALUES ({id}, 'trial', ?1, {{epoch}} + 300, 0)"
            );
            db.execute(&lease, &[text(worker.clone())]).map(drop)
        })
        .unwrap();
    assert_eq!(claim(&mut store, 1, 5).0, Claimed::TakenUp(1));
    assert_eq!(claim(&mut store, 2, 5).0, Claimed::Begun(2));
}

fn trials_of_other_programs_are_told_of(database: &TestDatabase) {
    let study = study(database);
    let mut store = worker(database, &study, LONG);
    claim(&mut store, 0, 5);
    let write = |sql: &str| {
        let write = |db: &mut dyn burn_tune_storage::database::Database| {
            db.execute(sql, &[Value::Int(study.id)]).map(drop)
        };
        database.open().transaction(Access::Write, write).unwrap();
    };
    write(
        "INSERT INTO trials (number, study_id, state, datetime_start) \
         VALUES (1, ?1, 'RUNNING', {now})",
    );
    let (claimed, told) = claim(&mut store, 1, 5);
    assert_eq!(claimed, Claimed::Begun(2));
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].trial.state, TrialState::Foreign { values: vec![], begun_here: false });
    write("UPDATE trials SET state = 'COMPLETE' WHERE study_id = ?1 AND number = 1");
    write(
        "INSERT INTO trial_values (trial_id, objective, value, value_type) \
         SELECT trial_id, 0, 0.75, 'FINITE' FROM trials WHERE study_id = ?1 AND number = 1",
    );
    let (claimed, told) = claim(&mut store, 3, 5);
    assert_eq!(claimed, Claimed::Begun(3));
    assert_eq!(told[0].trial.state, TrialState::Foreign { values: vec![0.75], begun_here: false });
    assert_eq!(told[0].trial.number, 1);
    assert_eq!(claim(&mut store, 4, 5), (Claimed::Begun(4), vec![]), "it is told once");
}

fn a_study_that_is_deleted_ends_its_search(database: &TestDatabase) {
    let study = study(database);
    let mut store = worker(database, &study, LONG);
    claim(&mut store, 0, 5);
    database.open().delete_study(&study).unwrap();
    let error = store.claim(&mut |_, _| Some(Suggestion::Candidate(candidate(1)))).unwrap_err();
    assert!(error.to_string().contains("deleted"), "{error}");
    assert_eq!(store.save_fold(&after(begun(0), 0, 0.5), 0, &record(0.5)), Ok(SaveOutcome::Lost));
}

/// Begins listed trials, at most `most`, whose place says what they try: their numbers.
fn begin_listed(store: &mut StudyStore, most: usize) -> Vec<usize> {
    let begun = store.claim_listed(most, &mut |_, place| Some(candidate(place))).unwrap();
    begun.into_iter().map(|(number, _)| number).collect()
}

/// What the trials of a study try.
fn tried(database: &TestDatabase, study: &StudyRecord) -> Vec<f64> {
    let trials = database.open().trials(study).unwrap().into_iter();
    trials.map(|trial| trial.params.first().map_or(f64::NAN, |param| param.value)).collect()
}

/// Longer than others' trials stay unread.
const LOOK: Duration = Duration::from_millis(1100);

/// Tells what others have done, and begins so many listed trials; the numbers that were told, and those that were begun.
fn look_and_begin(store: &mut StudyStore, known: usize, most: usize) -> [Vec<usize>; 2] {
    assert_eq!(begin_listed(store, most), [0; 0], "something is to be looked at");
    let (claimed, told) = claim(store, known, 50);
    assert_eq!(claimed, Claimed::Told);
    [told.iter().map(|found| found.trial.number).collect(), begin_listed(store, most)]
}

fn trials_that_are_listed_are_begun_together_and_others_told_of_later(database: &TestDatabase) {
    let study = study(database);
    let (mut first, mut second) = (worker(database, &study, LONG), worker(database, &study, LONG));
    assert_eq!(look_and_begin(&mut first, 0, 4), [vec![], vec![0, 1, 2, 3]]);
    assert_eq!(look_and_begin(&mut second, 0, 1), [vec![0, 1, 2, 3], vec![4]]);
    assert_eq!(begin_listed(&mut first, 1), [5], "without a word on 4");
    assert_eq!(begin_listed(&mut second, 2), [6, 7]);
    assert_eq!(tried(database, &study), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);

    let mut trial = begun(5);
    assert_eq!(save(&mut first, &mut trial, 0, 0.5), SaveOutcome::Saved);
    assert_eq!(save(&mut first, &mut trial, 1, 0.5), SaveOutcome::Saved);
    thread::sleep(LOOK);
    let found = look_and_begin(&mut first, 4, 2);
    assert_eq!(found, [vec![4, 6, 7], vec![8, 9]], "told of others' trials alone");
    thread::sleep(LOOK);
    assert_eq!(look_and_begin(&mut second, 8, 1), [vec![5, 8, 9], vec![10]]);
    let left = second.claim_listed(9, &mut |number, _| (number < 12).then(|| candidate(number)));
    assert_eq!(left.unwrap(), [(11, candidate(11))], "there is no more");
    // Where that comes to nothing though there is a next trial, it is begun as any other.
    assert_eq!(second.claim_listed(1, &mut |_, _| None), Ok(vec![]));
    assert_eq!(claim(&mut second, 12, 50).0, Claimed::Told);
    assert_eq!(second.claim_listed(1, &mut |_, _| None), Ok(vec![]));
    assert_eq!(claim(&mut second, 12, 50).0, Claimed::Begun(12));
    assert_eq!(begin_listed(&mut second, 1), [13]);
}

fn a_trial_of_another_program_among_listed_ones_is_looked_at_first(database: &TestDatabase) {
    let study = study(database);
    let (mut first, mut second) = (worker(database, &study, LONG), worker(database, &study, LONG));
    assert_eq!(look_and_begin(&mut first, 0, 1), [vec![], vec![0]]);
    assert_eq!(look_and_begin(&mut second, 0, 1), [vec![0], vec![1]]);
    let foreign = |db: &mut dyn burn_tune_storage::database::Database| {
        let sql = "INSERT INTO trials (number, study_id, state, datetime_start) \
                   VALUES (2, ?1, 'RUNNING', {now})";
        db.execute(sql, &[Value::Int(study.id)]).map(drop)
    };
    database.open().transaction(Access::Write, foreign).unwrap();
    assert_eq!(look_and_begin(&mut first, 1, 1), [vec![1, 2], vec![3]]);
    // The place goes on where ours were; the other worker is told it, too, and has to look for itself.
    assert_eq!(begin_listed(&mut first, 1), [4]);
    let places = second.claim_listed(1, &mut |number, place| {
        assert_eq!((number, place), (5, 4));
        None
    });
    assert_eq!(places, Ok(vec![]));
    let expected = [0.0, 1.0, f64::NAN, 2.0, 3.0];
    let found = tried(database, &study);
    assert_eq!(format!("{found:?}"), format!("{expected:?}"));
}

fn a_listed_trial_that_is_lost_is_told_of(database: &TestDatabase) {
    let study = study(database);
    let (mut slow, mut fast) = (worker(database, &study, SHORT), worker(database, &study, LONG));
    assert_eq!(look_and_begin(&mut slow, 0, 1)[1], [0]);
    assert_eq!(look_and_begin(&mut fast, 0, 1)[1], [1]);
    assert_eq!(begin_listed(&mut slow, 1), [2]);
    thread::sleep(LOOK);
    assert_eq!(begin_listed(&mut fast, 1), [0; 0], "two are left");
    assert_eq!(claim(&mut fast, 2, 3).0, Claimed::TakenUp(0));
    assert_eq!(claim(&mut fast, 3, 3).0, Claimed::TakenUp(2));
    let (mut of_slow, mut of_fast) = (begun(2), begun(2));
    assert_eq!(save(&mut slow, &mut of_slow, 0, 0.25), SaveOutcome::Lost);
    assert_eq!(save(&mut slow, &mut of_slow, 1, 0.25), SaveOutcome::Lost);
    assert_eq!(slow.heartbeat(), Ok(vec![0]));
    assert_eq!(save(&mut fast, &mut of_fast, 0, 0.5), SaveOutcome::Saved);
    let (claimed, told) = claim(&mut slow, 1, 3);
    let told: Vec<Trial> = told.into_iter().map(|found| found.trial).collect();
    assert_eq!((claimed, told), (Claimed::Wait, vec![begun(0), begun(1), of_fast]));
}

fn workers_that_begin_listed_trials_do_each_once(database: &TestDatabase) {
    const TRIALS: usize = 90;
    let (study, objective) = (&study(database), &Counted(AtomicUsize::new(0)));
    let ends: Vec<Vec<Trial>> = thread::scope(|scope| {
        let part = || {
            let mut store = worker(database, study, LONG);
            let run = run(objective, &mut InOrder(TRIALS), &mut store, &options(), |_, _| {});
            assert_eq!(run.store_result, Ok(()));
            outcome(&run.history)
        };
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(part)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    assert_eq!(ends[0].len(), TRIALS);
    for (number, trial) in ends[0].iter().enumerate() {
        assert_eq!(trial.params, candidate(number).params);
        assert!(trial.is_finished());
    }
    assert!(ends.iter().all(|trials| *trials == ends[0]));
    assert_eq!(objective.0.load(Ordering::SeqCst), TRIALS * FOLDS);
}

/// So many trials, of which the number says what they try.
struct InOrder(usize);

impl Suggest for InOrder {
    fn suggest(&mut self, history: &History) -> Suggestion {
        let number = history.trials().len();
        self.candidate_at(number, number).into()
    }

    fn is_listed(&self) -> bool {
        true
    }

    fn candidate_at(&self, number: usize, place: usize) -> Option<Candidate> {
        (number < self.0).then(|| candidate(place))
    }
}
