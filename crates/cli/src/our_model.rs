//! Our model as what is searched: its training on some data, made an objective as those of users are.

use std::cell::RefCell;
use std::sync::Arc;

use anyhow::Result;
use burn_tune::engine::FunctionObjective;
use burn_tune_folds::{Fold, stratified_folds};
use burn_tune_model::{MlpConfig, MlpTraining};
use burn_tune_search::settings::StudySettings;
use burn_tune_study::Prepared;

/// The objective of a study of our model.
pub type MlpObjective = FunctionObjective<MlpConfig>;

/// Our model, with the data that it was last prepared for.
#[derive(Default)]
pub struct OurModel {
    prepared: RefCell<Option<OnData>>,
}

/// Our model on some data.
pub struct OnData {
    pub training: Arc<MlpTraining>,
    /// The splits of its training data.
    pub folds: Vec<Fold>,
}

/// The objective of studies with these settings.
pub fn objective(
    training: &Arc<MlpTraining>,
    folds: &[Fold],
    settings: &StudySettings,
) -> MlpObjective {
    let sizes: Vec<usize> = folds.iter().map(|fold| fold.train.len()).collect();
    let own = training.clone();
    let cost = move |config: &MlpConfig| sizes.iter().map(|&size| own.flops(config, size)).sum();
    let study = training.study(&settings.name).cost(cost);
    study.objective(settings).with_identity(training.identity().to_json())
}

impl OurModel {
    /// The objective of a study with these settings.
    pub fn prepare(
        &self,
        training: MlpTraining,
        settings: &StudySettings,
    ) -> Result<Prepared<MlpObjective>> {
        let splits = stratified_folds(training.dataset.train.labels(), settings.folds)?;
        let warnings = splits.warning.iter().map(ToString::to_string);
        let notices = warnings.chain(training.lanes.backend().warning()).collect();
        let (training, folds) = (Arc::new(training), splits.folds);
        let objective = objective(&training, &folds, settings);
        self.prepared.replace(Some(OnData { training, folds }));
        Ok(Prepared { objective, notices })
    }

    /// What `text` says of it; nothing before it is prepared.
    pub fn told(&self, text: impl FnOnce(&OnData) -> String) -> String {
        self.on_data(text).unwrap_or_default()
    }

    /// What `of` says of it; `None` before it is prepared.
    pub fn on_data<T>(&self, of: impl FnOnce(&OnData) -> T) -> Option<T> {
        self.prepared.borrow().as_ref().map(of)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use burn_tune::Space;
    use burn_tune_spec::StudyFile;

    use super::*;

    #[test]
    fn the_space_of_our_model_is_that_of_the_main_job() {
        let file = include_str!("../search-spaces/mlp.toml");
        let file = StudyFile::parse(Path::new("mlp.toml"), file).unwrap();
        let own = MlpConfig::space();
        let domains = own.domains.iter().filter(|(name, _)| name != "softmax");
        assert!(file.spec.space.domains.iter().eq(domains), "{own:?}");
    }
}
