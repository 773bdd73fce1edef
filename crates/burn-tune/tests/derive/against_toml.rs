//! A derived space equals that of the same TOML, value for value.

use std::fs;
use std::path::Path;

use burn_tune::Space;
use burn_tune_search::{self as search, StudySpec};
use burn_tune_spec::StudyFile;

use crate::spaces::{ALL_TOML, All, Mlp, NET_TOML, Net};

fn space_of(toml: &str) -> search::Space {
    StudyFile::parse(Path::new("s.toml"), toml).expect("a file that parses").spec.space
}

fn check<S: Space>(toml: &str) {
    let space = S::space();
    assert_eq!(space, space_of(toml));
    let names: Vec<&str> = space.domains.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, S::NAMES);
    assert_eq!(StudySpec { space, ..StudySpec::default() }.check(), Ok(()));
}

#[test]
fn a_derived_space_is_that_of_the_same_toml() {
    check::<Net>(NET_TOML);
    check::<All>(ALL_TOML);
}

#[test]
fn the_parameters_of_our_own_model_can_be_derived() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../search-spaces/mlp.toml");
    check::<Mlp>(&fs::read_to_string(file).unwrap());
}

#[test]
fn what_only_values_tell_is_refused_when_the_space_is_checked() {
    const HIGH: u64 = u64::MAX;
    const LOW: f64 = 0.0;

    #[derive(Space)]
    struct TooLarge {
        #[space(1..=HIGH)]
        steps: u64,
    }
    #[derive(Space)]
    struct NoLogarithm {
        #[space(LOW..=1.0, log)]
        lr: f64,
    }
    #[derive(Space)]
    struct Never {
        #[space([1, 2])]
        depth: usize,
        #[space([1, 2], when(depth = 3))]
        width: Option<usize>,
    }
    let problem = |space| {
        let spec = StudySpec { space, ..StudySpec::default() };
        spec.check().expect_err("it is wrong").problem
    };
    assert!(problem(TooLarge::space()).contains("is too large"));
    assert!(problem(NoLogarithm::space()).contains("begins at or below 0"));
    assert_eq!(problem(Never::space()), "`width` cannot depend on `depth`");
}
