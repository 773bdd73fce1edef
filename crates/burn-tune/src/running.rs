//! Runs a study without a command line, to a result in the user's own type.

use burn_tune_search::Objective;
use burn_tune_search::runner::RunOptions;
use burn_tune_storage::{OpenMode, RetryPolicy, Storage, StorageUrl, StudyRecord};
use burn_tune_study::active_study::LeaseOptions;
use burn_tune_study::objective_reader::AnyObjective;
use burn_tune_study::observer::Observers;
use burn_tune_study::{
    ActiveStudy, Observer, Outcome, Prepared, StudyError, StudyRequest, open_or_create,
};
use burn_tune_worker::{NoWorkers, WorkerObjective, is_worker};

use crate::checkpoint_keeper::{CheckpointKeeper, KeepsCheckpoints, checkpoints_beside};
use crate::error::{Error, Result, ensure};
use crate::function::FunctionObjective;
use crate::outcome::StudyOutcome;
use crate::space::Space;
use crate::study::{Execution, NO_MEMORY_LIMIT, Study, Workers};

impl<S: Space> Study<S> {
    /// Runs the study until it has `trials` trials, those of earlier runs included.
    ///
    /// # Errors
    ///
    /// What is wrong with the space or the settings, or with the database. A trial that fails is none: its reason
    /// stands in [`TrialOutcome::error`](crate::TrialOutcome::error).
    ///
    #[doc = study_example!("let outcome = study.run(20)?;\nassert_eq!(outcome.trials()?.len(), 20);")]
    pub fn run(self, trials: usize) -> Result<StudyOutcome<S>> {
        self.run_with(trials, &mut ())
    }

    /// As [`Study::run`], while `observer` sees what happens: for a display or a tracker of your own.
    ///
    /// # Errors
    ///
    /// As [`Study::run`].
    ///
    #[doc = study_example!("use burn_tune::observer::{Event, Observer, RunningStudy};\n\n/// Prints a line for each trial that has ended.\nstruct Lines;\n\nimpl Observer for Lines {\n    fn event(&mut self, event: &Event, study: &mut RunningStudy) {\n        if let Event::FoldFinished { .. } = event {\n            println!(\"{} trials have ended\", study.ended());\n        }\n    }\n}\n\nstudy.run_with(3, &mut Lines)?;")]
    pub fn run_with(self, trials: usize, observer: &mut dyn Observer) -> Result<StudyOutcome<S>> {
        match self.execution.workers {
            Some(Workers::Processes) if is_worker() => self.serve(),
            Some(Workers::Processes) => {
                let objective = || {
                    let workers = self.execution.processes(&self.settings.name);
                    let workers = workers.map_err(|NoWorkers { problem, help }| {
                        StudyError::Unsuitable(format!("{problem}: {help}"))
                    })?;
                    let function = self.own_objective();
                    let workers = workers.metrics(&function.wanted);
                    Ok(WorkerObjective::new(function, workers))
                };
                self.run_objective(objective, trials, observer)
            }
            Some(Workers::Threads) | None => {
                ensure(
                    self.execution.memory_limit.is_none(),
                    format!("{NO_MEMORY_LIMIT}: add `.workers(Workers::Processes)`"),
                )?;
                self.run_objective(|| Ok(self.own_objective()), trials, observer)
            }
        }
    }

    /// As the program's own settings are.
    fn own_objective(&self) -> FunctionObjective<S> {
        self.objective(&self.spec().settings)
    }

    /// Works for the process that has started this one, until that needs it no more. Then this one ends.
    pub(crate) fn serve(&self) -> ! {
        let function = self.own_objective();
        let served = burn_tune_worker::serve(|request, channel| function.answer(&request, channel));
        std::process::exit(i32::from(served.is_err()))
    }

    fn run_objective<O: Objective + KeepsCheckpoints>(
        &self,
        objective: impl Fn() -> Result<O, StudyError>,
        trials: usize,
        observer: &mut dyn Observer,
    ) -> Result<StudyOutcome<S>> {
        let temporary = tempfile::tempdir()?;
        let temporary = temporary.path().join("studies.db");
        let url = match &self.storage {
            Some(url) => url.parse()?,
            None => StorageUrl::Sqlite(temporary.clone()),
        };
        self.check_run(trials)?;
        let mut storage = Storage::open(&url, OpenMode::MayCreate, RetryPolicy::default())?;
        let name = self.settings.name.clone();
        let resume = storage.study(&name)?.is_some();
        let request = StudyRequest {
            spec: self.spec(),
            trials: Some(trials),
            name: Some(name),
            resume,
            ..StudyRequest::default()
        };
        let mut prepare =
            |_: &_, _: Option<&_>| Ok(Prepared { objective: objective()?, notices: Vec::new() });
        let study = open_or_create::<_, StudyError>(
            &mut storage,
            &request,
            None,
            &AnyObjective,
            &mut prepare,
        )
        .map_err(Error::of_study)?;
        let Execution { trial_timeout, devices, .. } = self.execution.clone();
        let (jobs, seed) = (self.execution.jobs(), study.plan.settings().seed);
        let options = RunOptions { trial_timeout, devices, ..RunOptions::new(jobs, seed) };
        let lease = LeaseOptions { revive: resume, ..LeaseOptions::default() };
        let mut active = ActiveStudy::join(storage, &study, &AnyObjective, options, lease)?;
        let database = match &url {
            StorageUrl::Sqlite(path) => path,
            StorageUrl::Postgres(_) | StorageUrl::Http(_) => &temporary,
        };
        let StudyRecord { name, .. } = &study.record;
        let folder = checkpoints_beside(database, &study.record);
        let identity = (name.as_str(), study.record.created_s());
        let mut keeper = CheckpointKeeper::new(&study.plan, &folder, identity)?;
        let Outcome { failure, .. } = active.run(&mut Observers(vec![&mut keeper, observer]));
        drop(keeper);
        if let Some(failure) = failure {
            return Err(Error::new(failure));
        }
        let results = active.results_of_all()?;
        if active.is_done()? {
            active.mark_finished()?;
        }
        Ok(StudyOutcome::new(results))
    }

    /// What can be said before anything is opened.
    fn check_run(&self, trials: usize) -> Result<()> {
        ensure(trials > 0, "a study of 0 trials finds nothing: run at least 1")?;
        ensure(self.execution.jobs != Some(0), "0 jobs do nothing: take at least 1")?;
        #[cfg(feature = "burn")]
        crate::devices::check(&self.execution.devices).map_err(Error::new)?;
        self.spec().check().map_err(|error| Error::of_study(error.into()))
    }
}
