//! What a file may say of its pruner.

use std::path::Path;

use insta::assert_snapshot;

use super::*;
use burn_tune_search::StudySettings;

use crate::StudyFile;

fn parse(pruner: &str) -> Result<StudySettings, SpaceError> {
    let text = format!("[study]\npruner = {pruner}\n[space]\nlr = [0.1]");
    StudyFile::parse(Path::new("my.toml"), &text).map(|file| file.spec.settings)
}

fn refusal(pruner: &str) -> String {
    let error = parse(pruner).expect_err("the file is wrong");
    format!("{error}\nhelp: {}", error.help)
}

#[test]
fn a_name_stands_for_the_defaults_and_a_table_changes_some() {
    let pruner = |text: &str| parse(text).unwrap().pruner;
    assert_eq!(pruner("'none'"), None);
    assert_eq!(pruner("'hyperband'"), PrunerSettings::by_name("hyperband"));
    assert_eq!(
        pruner("{ name = 'asha', min_resource = 2 }"),
        Some(PrunerSettings::Asha {
            min_resource: 2,
            reduction_factor: 4,
            min_early_stopping_rate: 0,
            bootstrap_count: 0,
        })
    );
    assert_eq!(
        pruner("{ name = 'patient', patience = 5, wraps = { name = 'median' } }"),
        Some(PrunerSettings::Patient {
            patience: 5,
            min_delta: 0.0,
            wraps: PrunerSettings::by_name("median").map(Box::new),
        })
    );
    assert_eq!(
        pruner("{ name = 'threshold', lower = 1, upper = 2.5 }"),
        Some(PrunerSettings::Threshold {
            lower: Some(1.0),
            upper: Some(2.5),
            n_warmup_steps: 0,
            interval_steps: 1,
        })
    );
    assert_eq!(
        pruner("{ name = 'hyperband', max_resource = 9 }"),
        Some(PrunerSettings::Hyperband {
            min_resource: 1,
            max_resource: Some(9),
            reduction_factor: 3,
        })
    );
}

#[test]
fn every_setting_can_be_written() {
    for name in PrunerSettings::NAMES.into_iter().filter(|name| *name != "threshold") {
        let settings = PrunerSettings::by_name(name).unwrap();
        let json = serde_json::to_value(&settings).unwrap();
        let keys = json.as_object().unwrap().iter().filter(|(_, value)| !value.is_null());
        let table: Vec<String> = keys.map(|(key, value)| format!("{key} = {value}")).collect();
        assert_eq!(parse(&format!("{{ {} }}", table.join(", "))).unwrap().pruner, Some(settings));
    }
}

#[test]
fn a_wrong_name_or_key_is_answered_with_the_right_one() {
    assert_snapshot!(refusal("'hyperbnad'"), @"
    my.toml:2:10: there is no pruner `hyperbnad`
    help: did you mean `hyperband`? Allowed: none, median, percentile, asha, hyperband, patient, threshold, wilcoxon
    ");
    assert_snapshot!(refusal("{ name = 'ahsa' }"), @"
    my.toml:2:19: there is no pruner `ahsa`
    help: did you mean `asha`? Allowed: none, median, percentile, asha, hyperband, patient, threshold, wilcoxon
    ");
    assert_snapshot!(refusal("{ reduction_factor = 3 }"), @"
    my.toml:2:10: the pruner has no `name`
    help: add one: median, percentile, asha, hyperband, patient, threshold, wilcoxon
    ");
    assert_snapshot!(refusal("{ name = 'asha', reduction_facter = 3 }"), @"
    my.toml:2:27: the pruner has no key `reduction_facter`
    help: did you mean `reduction_factor`? Allowed: name, min_resource, reduction_factor, min_early_stopping_rate, bootstrap_count
    ");
    assert_snapshot!(refusal("{ name = 'none', patience = 3 }"), @"
    my.toml:2:27: the pruner has no key `patience`
    help: allowed: name
    ");
    assert_snapshot!(refusal("{ name = 'patient', wraps = 'medain' }"), @"
    my.toml:2:38: there is no pruner `medain`
    help: did you mean `median`? Allowed: none, median, percentile, asha, hyperband, patient, threshold, wilcoxon
    ");
    assert_snapshot!(refusal("3"), @"
    my.toml:2:10: `pruner` must be a name, or a table with a name
    help: put the name in quotes
    ");
}

#[test]
fn a_setting_that_no_study_can_have_is_shown_where_it_stands() {
    assert_snapshot!(refusal("{ name = 'asha', reduction_factor = 1 }"), @"
    my.toml:2:46: `reduction_factor` must be a whole number, at least 2
    help: write a whole number, at least 2
    ");
    assert_snapshot!(refusal("{ name = 'percentile', percentile = 101 }"), @"
    my.toml:2:46: `percentile` cannot be 101
    help: write a number from 0 to 100
    ");
    assert_snapshot!(refusal("{ name = 'percentile', percentile = 'half' }"), @"
    my.toml:2:46: `percentile` must be a number
    help: such as 0.95
    ");
    assert_snapshot!(refusal("{ name = 'hyperband', max_resource = 2, min_resource = 3 }"), @"
    my.toml:2:47: a trial has at most 2 epochs, fewer than `min_resource`, which is 3
    help: write a smaller `min_resource`, or a larger `max_resource`
    ");
    assert_snapshot!(refusal("{ name = 'patient', min_delta = -1 }"), @"
    my.toml:2:42: `min_delta` cannot be -1
    help: write a number, at least 0
    ");
    assert_snapshot!(refusal("{ name = 'patient', wraps = 'wilcoxon' }"), @"
    my.toml:2:38: wilcoxon looks at folds, and patience is for epochs: it cannot be wrapped
    help: wrap another pruner, or take this one alone
    ");
    assert_snapshot!(refusal("{ name = 'wilcoxon', p_threshold = 0 }"), @"
    my.toml:2:45: `p_threshold` cannot be 0
    help: write a number above 0, at most 1
    ");
    assert_snapshot!(refusal("'threshold'"), @r#"
    my.toml:2:10: a threshold needs `lower` or `upper`
    help: write it in the file, as in `[study] pruner = { name = "threshold", lower = 0.5 }`
    "#);
    assert_snapshot!(refusal("{ name = 'threshold', lower = 2, upper = 1 }"), @"
    my.toml:2:40: `lower` is 2, above `upper`, which is 1
    help: swap them
    ");
}

#[test]
fn settings_without_a_pruner_read_and_write_as_before_there_were_any() {
    let without = parse("'none'").unwrap();
    let json = serde_json::to_string(&without).unwrap();
    assert_snapshot!(json, @r#"{"name":"my","direction":"maximize","seed":0,"sampler":"random","folds":3,"top":3,"refit_seeds":3}"#);
    assert_eq!(serde_json::from_str::<StudySettings>(&json).unwrap(), without);

    let with = parse("'wilcoxon'").unwrap();
    let json = serde_json::to_string(&with).unwrap();
    assert_snapshot!(json, @r#"{"name":"my","direction":"maximize","seed":0,"sampler":"random","pruner":{"name":"wilcoxon","p_threshold":0.1,"n_startup_steps":2},"folds":3,"top":3,"refit_seeds":3}"#);
    assert_eq!(serde_json::from_str::<StudySettings>(&json).unwrap(), with);
}
