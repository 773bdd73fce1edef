//! Models of Burn as files: Burn's own record, and safetensors for PyTorch and others.

use std::fs;
use std::path::Path;

use burn::module::Module;
use burn_store::{BurnToPyTorchAdapter, ModuleSnapshot, SafetensorsStore};

use crate::error::{Error, Result};
use crate::trial::Trial;
use crate::trial::sealed::End;

/// Burn's record, as `Module::save_file` writes it.
const RECORD: &str = "model.bpk";
/// The same for PyTorch.
const SAFETENSORS: &str = "model.safetensors";

impl Trial<'_> {
    /// Saves a model in [`Trial::dir`], in place of one that was saved before: `model.bpk` is Burn's own record, for
    /// `Module::load_file`, and `model.safetensors` is for PyTorch, with its names and layouts of linear and
    /// normalization layers (a linear weight is `[outputs, inputs]` there).
    ///
    /// Where no models are kept, by [`Study::keep_models`](crate::Study::keep_models) or `search --keep-models`, it
    /// does nothing. A model that has autodiff is saved as it is; [`Trial::finish`] also takes `(model, score)`.
    ///
    /// # Errors
    ///
    /// Where it cannot be written. Nothing of it is left then.
    ///
    /// ```
    /// # use burn_tune::prelude::*;
    /// # use burn::module::Module;
    /// fn ends_an_epoch(model: &impl Module, accuracy: f64, best: f64, trial: &Trial) -> Result<()> {
    ///     if accuracy > best {
    ///         trial.save_model(model)?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn save_model<M: Module>(&self, model: &M) -> Result<()> {
        self.try_save_model(model)
            .map_err(|problem| Error::new(format!("the model cannot be saved: {problem}")))
    }

    fn try_save_model<M: Module>(&self, model: &M) -> Result<(), String> {
        if !self.folder.may_stay() {
            return Ok(());
        }
        let folder = self.folder.open().map_err(|error| error.to_string())?;
        save(model, &folder).map_err(|problem| {
            for name in [RECORD, SAFETENSORS] {
                let _ = fs::remove_file(folder.join(name));
            }
            format!("{problem}, in {}", folder.display())
        })
    }
}

fn save<M: Module>(model: &M, folder: &Path) -> Result<(), String> {
    let record = model.clone().save_file(folder.join(RECORD));
    record.map_err(|error| error.to_string())?;
    let path = folder.join(SAFETENSORS);
    let store = SafetensorsStore::from_file(&path).overwrite(true);
    let mut store = store.with_to_adapter(BurnToPyTorchAdapter).skip_enum_variants(true);
    model.save_into(&mut store).map_err(|error| error.to_string())?;
    // The library leaves it private.
    let permissions = fs::metadata(folder.join(RECORD)).map(|record| record.permissions());
    let shared = permissions.and_then(|permissions| fs::set_permissions(path, permissions));
    shared.map_err(|error| error.to_string())
}

/// The score counts, also where the model cannot be saved: hours of training are not to be lost with a full disk.
impl<M: Module> End for (M, f64) {
    fn end(self, trial: &Trial) -> Result<f64> {
        let (model, score) = self;
        // A trial without a score fails, and nothing of it is kept.
        if score.is_finite()
            && let Err(problem) = trial.try_save_model(&model)
        {
            trial.model_is_lost(&problem);
        }
        Ok(score)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use burn_tune_search::flag::MODEL_NOT_SAVED;
    use burn_tune_search::keyed_rng::Task;
    use burn_tune_search::{Stop, TaskHandle};
    use burn_tune_worker::TaskScore;

    use super::*;
    use crate::function::Call;
    use crate::prelude::*;
    use crate::space::Space;

    struct Nothing;

    impl Space for Nothing {
        const NAMES: &'static [&'static str] = &[];

        fn space() -> burn_tune_search::Space {
            burn_tune_search::Space::default()
        }

        fn from_params(_: &burn_tune_search::Params) -> Result<Self, crate::ParamError> {
            Ok(Nothing)
        }

        fn to_params(&self) -> burn_tune_search::Params {
            [].into_iter().collect()
        }

        fn check_value(_: &str, _: &burn_tune_search::ParamValue) -> Result<(), crate::ValueError> {
            Ok(())
        }
    }

    /// What a training comes to that leaves its files in `files`.
    fn trained(
        files: Option<PathBuf>,
        train: impl Fn(&Trial) -> Result<Score> + Send + Sync + 'static,
    ) -> Result<TaskScore, burn_tune_search::ObjectiveError> {
        let study = Study::new("saving", move |_: &Nothing, trial: &Trial| train(trial));
        let stop = Stop::default();
        let task = Task::Fold(0);
        let handle = TaskHandle::new(0, 4, task, &stop);
        let function = study.objective(&study.settings);
        let call = Call {
            number: 4,
            task,
            folds: 1,
            metrics: &function.wanted,
            study_seed: 0,
            seed: 0,
            device: None,
            files: files.as_deref(),
            checkpoints: None,
            link: &handle,
        };
        function.call(&Nothing, call)
    }

    /// A number is a module without params.
    const MODEL: f64 = 1.0;

    #[test]
    fn a_model_is_kept_beside_its_score() {
        let folder = tempfile::tempdir().unwrap();
        let files = Some(folder.path().to_owned());
        let score = trained(files, |trial| trial.finish((MODEL, 0.5))).unwrap();
        assert_eq!((score.score, score.flags), (0.5, vec![]));
        for name in [RECORD, SAFETENSORS] {
            assert!(folder.path().join("trial-4/fold-0").join(name).is_file(), "{name}");
        }
        let score = trained(None, |trial| trial.finish((MODEL, 0.5))).unwrap();
        assert_eq!((score.score, score.flags), (0.5, vec![]));
    }

    #[test]
    fn of_a_training_without_a_score_no_model_stays() {
        let folder = tempfile::tempdir().unwrap();
        let files = || Some(folder.path().to_owned());
        let failed = trained(files(), |trial| {
            trial.save_model(&MODEL)?;
            Err(Error::new("out of luck"))
        });
        assert!(failed.is_err());
        trained(files(), |trial| trial.finish((MODEL, f64::NAN))).unwrap_err();
        assert!(!folder.path().join("trial-4/fold-0").exists());
    }

    #[test]
    fn a_model_that_cannot_be_saved_costs_no_score() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let files = || Some(file.path().to_owned());
        let score = trained(files(), |trial| trial.finish((MODEL, 0.5))).unwrap();
        assert_eq!((score.score, score.flags), (0.5, vec![MODEL_NOT_SAVED.flag()]));
        let error = trained(files(), |trial| {
            trial.save_model(&MODEL)?;
            trial.finish(0.5)
        });
        let error = error.unwrap_err().to_string();
        assert!(error.starts_with("the model cannot be saved: "), "{error}");
    }
}
