//! Examples of a line or two in the docs, each of which is a test: what stands around them is the same for all.

/// An example about a `study` of a struct `Net`, whose params `depth` and `lr` a function `train` scores.
macro_rules! study_example {
    ($code:literal) => {
        concat!(
            "```\n",
            "# use burn_tune::prelude::*;\n",
            "# #[derive(Space, Debug)]\n",
            "# struct Net {\n",
            "#     #[space(1..=8)]\n",
            "#     depth: usize,\n",
            "#     #[space(0.0..=1.0)]\n",
            "#     lr: f64,\n",
            "# }\n",
            "# fn train(net: &Net, trial: &Trial) -> Result<Score> {\n",
            "#     trial.finish(net.lr)\n",
            "# }\n",
            "# let study = Study::new(\"net\", train);\n",
            $code,
            "\n# Ok::<(), Error>(())\n```\n"
        )
    };
}

/// An example within a function that trains, which gets a `trial`; what it leaves in `accuracy` is the score.
macro_rules! trial_example {
    ($code:literal) => {
        concat!(
            "```\n",
            "# use burn_tune::prelude::*;\n",
            "# #[derive(Space, Debug)]\n",
            "# struct Net {\n",
            "#     #[space(0.0..=1.0)]\n",
            "#     lr: f64,\n",
            "# }\n",
            "# fn train(net: &Net, trial: &Trial) -> Result<Score> {\n",
            "#     let accuracy = net.lr;\n",
            $code,
            "\n#     trial.finish(accuracy)\n",
            "# }\n",
            "# let study = Study::new(\"net\", train).folds(3).refits(1, 1).run(1)?;\n",
            "# assert!(study.best().is_some());\n",
            "# Ok::<(), Error>(())\n```\n"
        )
    };
}

/// An example within a function that trains with burn-train's `Learner`: it gets a `trial`, a `learner` and the
/// loaders `train` and `valid`, or of these a `training`, and leaves what it has `trained`.
#[cfg(feature = "train")]
macro_rules! learner_example {
    (training, $code:literal) => {
        learner_example!(
            "# let training = trial.supervised_training(train, valid)?;\n# let training = training.metrics((AccuracyMetric::new(), LossMetric::new()));\n",
            $code
        )
    };
    ($code:literal) => {
        learner_example!("", $code)
    };
    ($training:literal, $code:literal) => {
        concat!(
            "```\n",
            include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/src/learner/example_model.txt"
            )),
            "# fn train(net: &Net, trial: &Trial) -> Result<Score> {\n",
            "#     let (train, valid) = loaders(trial, 4)?;\n",
            "#     let model = Model::new(&trial.device().autodiff());\n",
            "#     let learner = Learner::new(model, AdamConfig::new().init(), net.lr);\n",
            $training,
            $code,
            "\n#     trial.finish(trained)\n",
            "# }\n",
            "# assert!(Study::new(\"net\", train).run(1)?.best().is_some());\n",
            "# Ok::<(), Error>(())\n```\n"
        )
    };
}
