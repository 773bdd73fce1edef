//! What a training says of itself besides its score: flags, curves, further metrics, and what took its time.

use burn_tune_search::Flag;
use burn_tune_search::clock::Stopwatch;

use crate::trial::Trial;

impl Trial<'_> {
    /// Notes that the model is sick, whatever its score: `id`, in `snake_case`, stands beside the trial in tables
    /// and files, and `advice` says what it means and what to try. With an id that is none, the training fails.
    ///
    #[doc = trial_example!("trial.flag(\"dead_units\", \"units that learn no more: try a smaller learning rate\");")]
    pub fn flag(&self, id: &str, advice: &str) {
        match Flag::new(id, advice) {
            Ok(flag) => self.kept().flags.push(flag),
            Err(_) => {
                self.kept().fault = Some(format!(
                    "`{id}` cannot be the id of a flag: write one of a-z, 0-9 and _, such as `dead_units`"
                ));
            }
        }
    }

    /// The same for a flag that is known before, such as a constant, also with numbers of what it is about.
    ///
    /// ```
    /// use burn_tune::prelude::*;
    ///
    /// # #[derive(Space)]
    /// # struct Net {
    /// #     #[space(0.0..=1.0)]
    /// #     lr: f64,
    /// # }
    /// const NEVER_PREDICTS: KnownFlag =
    ///     KnownFlag::new("never_predicts", 0, "classes that no prediction named: train longer");
    ///
    /// fn train(net: &Net, trial: &Trial) -> Result<Score> {
    ///     trial.raise(NEVER_PREDICTS.with([2, 5]));
    ///     trial.finish(net.lr)
    /// }
    ///
    /// let study = Study::new("net", train).known_flags(&[NEVER_PREDICTS]).run(1)?;
    /// let best = study.best().expect("a trial is complete");
    /// assert_eq!(best.flags[0].to_string(), "never_predicts:[2,5]");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn raise(&self, flag: Flag) {
        self.kept().flags.push(flag);
    }

    /// Adds a point to the curve called `name`; steps ascend. All are kept in `curves.npz`, and the page draws the
    /// one called `loss` beside its trial.
    ///
    #[doc = trial_example!("for step in 1..=100 {\n    trial.curve(\"loss\", step, 1.0 / step as f64);\n}")]
    pub fn curve(&self, name: &str, step: u64, value: f64) {
        let step = u32::try_from(step).unwrap_or(u32::MAX);
        self.kept().curves.push_probe(name, step, value as f32);
    }

    /// Adds the number of the next step to a curve that has one for each step, from 1, such as the loss of each batch.
    /// Where the others say what there was after some of the steps, [`Trial::curve`] counts the same ones.
    ///
    #[doc = trial_example!("for step in 1..=100 {\n    trial.step_curve(\"loss\", 1.0 / step as f64);\n    if step % 10 == 0 {\n        trial.curve(\"accuracy\", step, accuracy);\n    }\n}")]
    pub fn step_curve(&self, name: &str, value: f64) {
        self.kept().curves.push(name, value as f32);
    }

    /// Gives the value of another metric than the score. Of several values the last one counts, so it may be given
    /// after each epoch. With a name that the study does not know, the training fails, and says which there are.
    ///
    /// ```
    /// # use burn_tune::prelude::*;
    /// # #[derive(Space)]
    /// # struct Net {
    /// #     #[space(0.0..=1.0)]
    /// #     lr: f64,
    /// # }
    /// fn train(net: &Net, trial: &Trial) -> Result<Score> {
    ///     trial.metric("parameters", 7_850.0);
    ///     trial.finish(net.lr)
    /// }
    ///
    /// let study = Study::new("net", train).also("parameters", Direction::Minimize).run(1)?;
    /// assert!(study.best().is_some());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn metric(&self, name: &str, value: f64) {
        self.kept().metrics.insert(name.to_owned(), value);
    }

    /// Gives, for each class, the share of its test examples that were recognised. It is kept of refits, whose page
    /// shows it; of folds it is passed over. NaN stands for a class without examples.
    ///
    #[doc = trial_example!("if trial.is_refit() {\n    trial.per_class_recall(vec![0.97, 0.5]); // of cats, and of dogs\n}")]
    pub fn per_class_recall(&self, recall: Vec<f64>) {
        self.kept().per_class_recall = recall;
    }

    /// Does `work`, and counts the time that it takes as that of scoring, in `cv_results.csv` the `score_time`: all else
    /// is that of training, the `fit_time`.
    ///
    #[doc = trial_example!("let accuracy = trial.scoring(|| accuracy); // your evaluation")]
    pub fn scoring<T>(&self, work: impl FnOnce() -> T) -> T {
        let stopwatch = Stopwatch::start();
        let done = work();
        self.kept().score_s += stopwatch.elapsed_s();
        done
    }

    /// How long this training has taken so far, in seconds: without [`Trial::scoring`], and with what it had taken
    /// before it was broken off. For a metric such as the seconds of an epoch: see
    /// [`Study::also_wall_clock`](crate::Study::also_wall_clock).
    ///
    #[doc = trial_example!("let seconds_per_epoch = trial.training_seconds() / 10.0;\nassert!(seconds_per_epoch >= 0.0);")]
    pub fn training_seconds(&self) -> f64 {
        let kept = self.kept();
        kept.earlier_s + self.since.elapsed_s() - kept.score_s
    }
}
