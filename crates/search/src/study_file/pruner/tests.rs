//! What a file may say of its pruner.

use std::path::Path;

use insta::assert_snapshot;

use super::*;
use crate::study_file::{StudyFile, StudySettings};

fn parse(pruner: &str) -> Result<StudySettings, SpaceError> {
    let text = format!("[study]\npruner = {pruner}\n[space]\nlr = [0.1]");
    StudyFile::parse(Path::new("my.toml"), &text).map(|file| file.study)
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
    assert_snapshot!(refusal("'hyperbnad'"), @"");
    assert_snapshot!(refusal("{ name = 'ahsa' }"), @"");
    assert_snapshot!(refusal("{ reduction_factor = 3 }"), @"");
    assert_snapshot!(refusal("{ name = 'asha', reduction_facter = 3 }"), @"");
    assert_snapshot!(refusal("{ name = 'none', patience = 3 }"), @"");
    assert_snapshot!(refusal("{ name = 'patient', wraps = 'medain' }"), @"");
    assert_snapshot!(refusal("3"), @"");
}

#[test]
fn a_setting_that_no_study_can_have_is_shown_where_it_stands() {
    assert_snapshot!(refusal("{ name = 'asha', reduction_factor = 1 }"), @"");
    assert_snapshot!(refusal("{ name = 'percentile', percentile = 101 }"), @"");
    assert_snapshot!(refusal("{ name = 'percentile', percentile = 'half' }"), @"");
    assert_snapshot!(refusal("{ name = 'hyperband', max_resource = 2, min_resource = 3 }"), @"");
    assert_snapshot!(refusal("{ name = 'patient', min_delta = -1 }"), @"");
    assert_snapshot!(refusal("{ name = 'patient', wraps = 'wilcoxon' }"), @"");
    assert_snapshot!(refusal("{ name = 'wilcoxon', p_threshold = 0 }"), @"");
    assert_snapshot!(refusal("'threshold'"), @"");
    assert_snapshot!(refusal("{ name = 'threshold', lower = 2, upper = 1 }"), @"");
}

#[test]
fn settings_without_a_pruner_read_and_write_as_before_there_were_any() {
    let without = parse("'none'").unwrap();
    let json = serde_json::to_string(&without).unwrap();
    assert_snapshot!(json, @"");
    assert_eq!(serde_json::from_str::<StudySettings>(&json).unwrap(), without);

    let with = parse("'wilcoxon'").unwrap();
    let json = serde_json::to_string(&with).unwrap();
    assert_snapshot!(json, @"");
    assert_eq!(serde_json::from_str::<StudySettings>(&json).unwrap(), with);
}
