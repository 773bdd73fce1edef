//! Studies that are joined by what the database has of them.

use burn_tune_ranking::ResultFile;
use burn_tune_search::runner::RunOptions;
use burn_tune_search::{
    Domain, ExplicitTrial, FoldScore, Identity, ObjectiveError, ParamValue, Params, SamplerKind,
    Space, TaskHandle,
};
use burn_tune_storage::{OpenMode, RetryPolicy, StorageUrl};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::active_study::{ActiveStudy, LeaseOptions};
use crate::objective_reader::AnyObjective;
use crate::open_or_create::{StudyRequest, open_or_create};
use crate::plan::Prepared;

/// The first param, on data that may be other ones.
#[derive(Debug)]
struct First(&'static str);

impl Objective for First {
    type Config = Params;

    fn evaluate(
        &self,
        params: &Params,
        _: usize,
        _: &TaskHandle,
    ) -> Result<FoldScore, ObjectiveError> {
        let score = match params.get("a") {
            Some(ParamValue::Float(score)) => *score,
            _ => 0.0,
        };
        Ok(FoldScore { score, ..FoldScore::default() })
    }

    fn identity(&self) -> Identity {
        Identity::from_iter([("data".to_owned(), self.0.into())])
    }
}

fn storage(folder: &TempDir, name: &str) -> Storage {
    let url = StorageUrl::Sqlite(folder.path().join(name));
    Storage::open(&url, OpenMode::MayCreate, RetryPolicy::default()).unwrap()
}

fn request() -> StudyRequest {
    let range = Domain::FloatRange { low: 0.0, high: 1.0, step: None, log: false };
    let mut spec =
        StudySpec { space: Space::of([("a".to_owned(), range)]), ..StudySpec::default() };
    spec.settings.folds = 1;
    spec.settings.top = 0;
    spec.settings.sampler = SamplerKind::Tpe;
    let values = vec![("a".to_owned(), ParamValue::Float(0.5))];
    spec.trials = vec![ExplicitTrial { values, ..ExplicitTrial::default() }];
    let name = Some("s".to_owned());
    let program = "first".to_owned();
    StudyRequest { spec, trials: Some(12), name, program, ..StudyRequest::default() }
}

fn begin(storage: &mut Storage) -> OpenStudy<First> {
    let mut prepare =
        |_: &_, _: Option<&_>| Ok(Prepared { objective: First("v1"), notices: Vec::new() });
    open_or_create::<_, StudyError>(storage, &request(), None, &AnyObjective, &mut prepare).unwrap()
}

fn join(storage: &mut Storage, data: &'static str) -> Result<OpenStudy<First>, StudyError> {
    let begun = BegunStudy::find(storage, "s")?;
    let mut prepare =
        |_: &_, _: Option<&_>| Ok(Prepared { objective: First(data), notices: Vec::new() });
    begun.open(InCode::default(), &AnyObjective, &mut prepare)
}

fn leaderboard(storage: Storage, study: &OpenStudy<First>) -> String {
    let (options, lease) = (RunOptions::new(2, 0), LeaseOptions::default());
    let mut active = ActiveStudy::join(storage, study, &AnyObjective, options, lease).unwrap();
    active.run(&mut ());
    assert!(active.is_done().unwrap());
    active.results().leaderboard.to_json()
}

#[test]
fn whoever_knows_only_the_database_comes_to_the_same_leaderboard() {
    let folder = tempfile::tempdir().unwrap();
    let mut alone = storage(&folder, "alone.db");
    let study = begin(&mut alone);
    let expected = leaderboard(alone, &study);
    begin(&mut storage(&folder, "begun.db"));
    let mut elsewhere = storage(&folder, "begun.db");
    let joined = join(&mut elsewhere, "v1").unwrap();
    assert_eq!(joined.plan.definition, study.plan.definition);
    assert_eq!(leaderboard(elsewhere, &joined), expected);
}

#[test]
fn other_data_another_version_and_no_such_study_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut storage = storage(&folder, "studies.db");
    assert!(matches!(join(&mut storage, "v1"), Err(StudyError::NoStudy { .. })));
    let record = begin(&mut storage).record;
    let differs = join(&mut storage, "v2").unwrap_err();
    assert!(matches!(&differs, StudyError::Differs { differences, .. } if differences.len() == 1));
    assert_eq!(BegunStudy::find(&mut storage, "s").unwrap().program.as_deref(), Some("first"));
    for (about, theirs) in [
        (json!({ "format": 1, "version": "9.9.9" }), "9.9.9"),
        (json!({ "format": 1 }), "of an unknown version"),
    ] {
        storage.set_study_attribute(record.id, BURN_TUNE, &about.to_string()).unwrap();
        let other = BegunStudy::find(&mut storage, "s").unwrap_err().to_string();
        assert!(other.contains(theirs) && other.contains(VERSION), "{other}");
    }
    let unknown = BegunStudy::find(&mut storage, "t").unwrap_err();
    assert!(matches!(unknown, StudyError::Unknown { known, .. } if known == ["s"]));
}

#[test]
fn limits_are_kept_with_the_study_and_read_by_whoever_joins() {
    let folder = tempfile::tempdir().unwrap();
    let mut storage = storage(&folder, "studies.db");
    let record = begin(&mut storage).record;
    Limits::default().keep(&mut storage, &record).unwrap();
    let attributes = BegunStudy::find(&mut storage, "s").unwrap().record.user_attributes;
    assert!(!attributes.contains_key(LIMITS), "there is nothing to keep");
    let limits = Limits { trial_timeout_s: Some(1.5), memory_bytes: Some(1 << 30) };
    limits.keep(&mut storage, &record).unwrap();
    let found = BegunStudy::find(&mut storage, "s").unwrap();
    assert_eq!(found.limits, limits);
    assert_eq!(found.limits.trial_timeout(), Some(Duration::from_millis(1500)));
    Limits::default().keep(&mut storage, &found.record).unwrap();
    assert_eq!(BegunStudy::find(&mut storage, "s").unwrap().limits, Limits::default());
}
