//! Studies that are begun, go on, or are refused.

use burn_tune_search::Event;
use burn_tune_search::runner::{RefitEvent, RunOptions};
use burn_tune_search::spec::Place;
use burn_tune_search::{
    Constraint, Domain, FoldScore, ObjectiveError, ParamValue, Params, SamplerKind, Space,
    TaskHandle,
};
use burn_tune_storage::{OpenMode, RetryPolicy};
use tempfile::TempDir;

use super::*;
use crate::active_study::{ActiveStudy, LeaseOptions};
use crate::objective_reader::AnyObjective;
use crate::observer::{Observer as _, Observers, RunningStudy};
use crate::results::StudyResults;
use crate::told_objective::ToldObjective;

/// The sum of the params, on data that may be other ones.
#[derive(Debug)]
struct Sum {
    data: &'static str,
}

impl Objective for Sum {
    type Config = Params;

    fn evaluate(
        &self,
        params: &Params,
        _: usize,
        _: &TaskHandle,
    ) -> Result<FoldScore, ObjectiveError> {
        let number = |value: &ParamValue| match value {
            ParamValue::Float(number) => *number,
            _ => 0.0,
        };
        let sum = params.iter().map(|(_, value)| number(value)).sum();
        Ok(FoldScore { score: sum, ..FoldScore::default() })
    }

    fn identity(&self) -> Identity {
        Identity::from_iter([("data".to_owned(), self.data.into())])
    }
}

fn storage(folder: &TempDir) -> Storage {
    let url = StorageUrl::Sqlite(folder.path().join("studies.db"));
    Storage::open(&url, OpenMode::MayCreate, RetryPolicy::default()).unwrap()
}

fn request() -> StudyRequest {
    let range = |low, high| Domain::FloatRange { low, high, step: None, log: false };
    let space = Space::of([("a".to_owned(), range(0.0, 1.0)), ("b".to_owned(), range(1.0, 2.0))]);
    let settings = StudySettings { folds: 1, top: 0, ..StudySettings::default() };
    let spec = StudySpec { settings, space, ..StudySpec::default() };
    StudyRequest { spec, trials: Some(4), ..StudyRequest::default() }
}

fn open(
    storage: &mut Storage,
    request: &StudyRequest,
    data: &'static str,
) -> Result<OpenStudy<Sum>, StudyError> {
    let mut prepare =
        |_: &_, _: Option<&_>| Ok(Prepared { objective: Sum { data }, notices: Vec::new() });
    open_or_create(storage, request, None, &AnyObjective, &mut prepare)
}

/// Runs a study to its end, and says which leaderboard it has.
fn run(storage: Storage, study: &OpenStudy<Sum>) -> String {
    use burn_tune_ranking::ResultFile;
    let options = RunOptions::new(2, 0);
    let lease = LeaseOptions::default();
    let mut active = ActiveStudy::join(storage, study, &AnyObjective, options, lease).unwrap();
    let outcome = active.run(&mut ());
    assert_eq!(outcome, crate::Outcome::default());
    assert!(active.is_done().unwrap());
    active.mark_finished().unwrap();
    active.results().leaderboard.to_json()
}

#[test]
fn a_study_that_goes_on_comes_to_the_leaderboard_of_one_that_was_asked_for_all_at_once() {
    let folder = TempDir::new().unwrap();
    let at_once = StudyRequest { trials: Some(9), ..request() };
    let study = open(&mut storage(&folder), &at_once, "x").unwrap();
    let whole = run(storage(&folder), &study);

    let study = open(&mut storage(&folder), &request(), "x").unwrap();
    assert_eq!((study.record.name.as_str(), study.resumed), ("study-2", false));
    let part = run(storage(&folder), &study);
    assert_ne!(part, whole);
    let more = StudyRequest { resume: true, ..at_once };
    let study = open(&mut storage(&folder), &more, "x").unwrap();
    assert_eq!((study.record.name.as_str(), study.resumed), ("study-2", true));
    assert_eq!(study.plan.budgets, [4, 9]);
    assert_eq!(run(storage(&folder), &study), whole);
}

#[test]
fn what_is_not_as_it_was_is_told_and_nothing_is_changed() {
    let folder = TempDir::new().unwrap();
    let named = StudyRequest { name: Some("s".into()), ..request() };
    open(&mut storage(&folder), &named, "x").unwrap();
    let differences = |request: &StudyRequest, data| match open(
        &mut storage(&folder),
        request,
        data,
    )
    .unwrap_err()
    {
        StudyError::Differs { differences, .. } => differences
            .into_iter()
            .map(|difference| {
                (difference.what, difference.was.to_string(), difference.now.to_string())
            })
            .collect::<Vec<_>>(),
        other => panic!("{other}"),
    };
    let seed = SettingsOverrides { seed: Some(7), ..SettingsOverrides::default() };
    let other_seed = StudyRequest { overrides: seed, ..named.clone() };
    let seed = (Setting::Override("seed".into()), "0".to_owned(), "7".to_owned());
    assert_eq!(differences(&other_seed, "x"), [seed]);
    let data = (Setting::Identity("data".into()), "\"x\"".to_owned(), "\"y\"".to_owned());
    assert_eq!(differences(&named, "y"), [data]);
    let mut other_space = named.clone();
    other_space.spec.space.domains.pop();
    assert_eq!(differences(&other_space, "x")[0].0, Setting::Param("b".into()));
    assert!(open(&mut storage(&folder), &named, "x").unwrap().resumed);
}

#[test]
fn other_numbers_of_trials_need_a_resume_and_never_shrink() {
    let folder = TempDir::new().unwrap();
    let named = StudyRequest { name: Some("s".into()), ..request() };
    open(&mut storage(&folder), &named, "x").unwrap();
    let asked = |trials, resume| StudyRequest { trials: Some(trials), resume, ..named.clone() };
    let error = |request: &StudyRequest| open(&mut storage(&folder), request, "x").unwrap_err();
    let more = error(&asked(6, false));
    assert!(matches!(more, StudyError::MoreTrials { asked: 4, trials: 6, .. }), "{more}");
    let fewer = error(&asked(3, true));
    assert!(matches!(fewer, StudyError::FewerTrials { asked: 4, trials: 3, .. }), "{fewer}");
    // One that is refused for another reason asks for nothing.
    let error = open(&mut storage(&folder), &asked(9, true), "y").unwrap_err();
    assert!(matches!(error, StudyError::Differs { .. }), "{error}");
    assert_eq!(open(&mut storage(&folder), &named, "x").unwrap().plan.budgets, [4]);
    assert_eq!(open(&mut storage(&folder), &asked(6, true), "x").unwrap().plan.budgets, [4, 6]);
}

#[test]
fn a_study_that_is_not_there_cannot_go_on() {
    let folder = TempDir::new().unwrap();
    let resume = StudyRequest { resume: true, ..request() };
    let error = |request: &StudyRequest| open(&mut storage(&folder), request, "x").unwrap_err();
    assert!(matches!(error(&resume), StudyError::NothingToResume { .. }));
    let named = StudyRequest { name: Some("s".into()), ..resume.clone() };
    assert!(matches!(error(&named), StudyError::NoStudy { .. }));
    let study = open(&mut storage(&folder), &request(), "x").unwrap();
    assert!(matches!(error(&named), StudyError::Unknown { known, .. } if known == ["study"]));
    run(storage(&folder), &study);
    let resume = StudyRequest { trials: None, ..resume };
    assert!(matches!(error(&resume), StudyError::NothingLeft { trials: 4, .. }));
    let url = StorageUrl::Sqlite(folder.path().join("none.db"));
    let mut prepare = |_: &_, _: Option<&_>| -> Result<Prepared<Sum>, StudyError> {
        Ok(Prepared { objective: Sum { data: "x" }, notices: Vec::new() })
    };
    let none = plan_without_database(&url, &resume, &AnyObjective, &mut prepare);
    assert!(matches!(none.map(drop), Err(StudyError::NoDatabase { .. })));
}

/// A study of the numbers 1 to 9 for `a` and `b`, of which only pairs with a sum of less than `sum` are allowed.
fn small_sums(sum: i64, sampler: SamplerKind) -> StudyRequest {
    let numbers = Domain::IntRange { low: 1, high: 9, step: 1, log: false };
    let number = |params: &Params, name| match params.get(name) {
        Some(ParamValue::Int(number)) => *number,
        _ => 0,
    };
    let check = move |params: &Params| match number(params, "a") + number(params, "b") < sum {
        true => Ok(()),
        false => Err(format!("the sum is not below {sum}")),
    };
    let mut request = request();
    let spec = &mut request.spec;
    spec.space = Space::of([("a".to_owned(), numbers.clone()), ("b".to_owned(), numbers)]);
    spec.constraint = Some(Constraint::new(check));
    spec.settings.sampler = sampler;
    StudyRequest { trials: Some(50), ..request }
}

/// Counts what it sees, by the method that it sees it with.
#[derive(Debug, Default, PartialEq)]
struct Counter(std::collections::BTreeMap<&'static str, usize>);

impl Counter {
    fn count(&mut self, method: &'static str) {
        *self.0.entry(method).or_default() += 1;
    }
}

impl crate::Observer for Counter {
    fn event(&mut self, _: &Event, _: &mut RunningStudy) {
        self.count("event");
    }

    fn ended_early(&mut self, _: &str) {
        self.count("ended_early");
    }

    fn given_up(&mut self, _: &StudyResults) {
        self.count("given_up");
    }

    fn refits_begin(&mut self, _: usize) {
        self.count("refits_begin");
    }

    fn refit(&mut self, _: RefitEvent, _: usize) {
        self.count("refit");
    }
}

#[test]
fn several_observers_see_everything() {
    let folder = TempDir::new().unwrap();
    let study = open(&mut storage(&folder), &small_sums(6, SamplerKind::Random), "x").unwrap();
    let (options, lease) = (RunOptions::new(1, 0), LeaseOptions::default());
    let active = ActiveStudy::join(storage(&folder), &study, &AnyObjective, options, lease);
    let mut active = active.unwrap();
    let (mut one, mut two) = (Counter::default(), Counter::default());
    let mut observers = Observers(vec![&mut one, &mut two]);
    assert_eq!(active.run(&mut observers), crate::Outcome::default());
    let results = active.results_of_all().unwrap();
    observers.given_up(&results);
    observers.refits_begin(1);
    observers.refit(RefitEvent::GivenUp, 1);
    assert_eq!(one, two);
    let methods: Vec<&str> = one.0.into_keys().collect();
    assert_eq!(methods, ["ended_early", "event", "given_up", "refit", "refits_begin"]);
}

/// Keeps why a study ended early.
#[derive(Default)]
struct Reason(String);

impl crate::Observer for Reason {
    fn ended_early(&mut self, reason: &str) {
        self.0 = reason.to_owned();
    }
}

#[test]
fn a_study_tries_what_its_check_allows_and_says_why_it_has_no_more_trials() {
    for sampler in [SamplerKind::Random, SamplerKind::Tpe] {
        let folder = TempDir::new().unwrap();
        let study = open(&mut storage(&folder), &small_sums(6, sampler), "x").unwrap();
        let notice = "the check allows only 10 different points of the space: all of them are tried, instead of 50 trials";
        assert_eq!(study.plan.notices, [notice], "{sampler:?}");
        let (options, lease) = (RunOptions::new(2, 0), LeaseOptions::default());
        let active = ActiveStudy::join(storage(&folder), &study, &AnyObjective, options, lease);
        let mut active = active.unwrap();
        let mut reason = Reason::default();
        assert_eq!(active.run(&mut reason), crate::Outcome::default());
        assert_eq!(
            reason.0,
            "no further combination of the space is allowed by the check; the last was refused with: the sum is not below 6"
        );
        assert!(active.is_done().unwrap());
        let trials = active.state().history.trials();
        assert_eq!(trials.len(), 10, "{sampler:?}");
        let allowed = |params: &Params| study.plan.spec.check_params(params).is_ok();
        assert!(trials.iter().all(|trial| allowed(&trial.params)), "{sampler:?}");
    }
}

#[test]
fn a_study_whose_check_allows_nothing_is_refused_before_there_is_one() {
    let folder = TempDir::new().unwrap();
    let error = open(&mut storage(&folder), &small_sums(2, SamplerKind::Tpe), "x").unwrap_err();
    let StudyError::Spec(error) = error else { panic!("{error}") };
    assert_eq!(error.place, Place::Space);
    assert!(error.help.contains("the sum is not below 2"), "{error}: {}", error.help);
    assert_eq!(storage(&folder).studies().unwrap().len(), 0);
}

#[test]
fn trials_are_either_scored_or_told() {
    let folder = TempDir::new().unwrap();
    let named = |name: &str| StudyRequest { name: Some(name.into()), ..request() };
    open(&mut storage(&folder), &named("searched"), "x").unwrap();
    let ask = |name: &str| {
        let request = StudyRequest { told: true, ..named(name) };
        let mut prepare =
            |_: &_, _: Option<&_>| Ok(Prepared { objective: ToldObjective, notices: Vec::new() });
        open_or_create::<_, StudyError>(
            &mut storage(&folder),
            &request,
            None,
            &AnyObjective,
            &mut prepare,
        )
    };
    assert!(matches!(ask("searched"), Err(StudyError::IsSearched { .. })));
    ask("told").unwrap();
    let searched = open(&mut storage(&folder), &named("told"), "x");
    assert!(matches!(searched, Err(StudyError::IsTold { .. })));
}

#[test]
fn a_study_of_another_program_is_taken_over_if_it_has_the_same_directions() {
    let folder = TempDir::new().unwrap();
    storage(&folder).create_study("up", &["MAXIMIZE"], &[]).unwrap();
    storage(&folder).create_study("down", &["MINIMIZE"], &[]).unwrap();
    let named = |name: &str| StudyRequest { name: Some(name.into()), ..request() };
    let error = open(&mut storage(&folder), &named("down"), "x").unwrap_err();
    assert!(matches!(error, StudyError::Directions { .. }), "{error}");
    let study = open(&mut storage(&folder), &named("up"), "x").unwrap();
    assert!(study.resumed && study.record.is_ours());
    run(storage(&folder), &study);
}
