//! Files against an objective: what it cannot take is shown where it stands.

use std::path::Path;

use insta::assert_snapshot;
use serde::Deserialize;

use burn_tune_search::bind::check_spec;
use burn_tune_search::{FoldScore, Objective, ObjectiveError, Rejection, TaskHandle};

use super::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    lr: f64,
    #[serde(default)]
    batch: u32,
    #[serde(default)]
    act: Option<Act>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Act {
    Relu,
    Tanh,
}

struct Stub;

impl Objective for Stub {
    type Config = Config;
    fn check(&self, config: &Config) -> Result<(), Rejection> {
        let _ = (config.batch, config.act.as_ref().map(|act| matches!(act, Act::Relu | Act::Tanh)));
        Rejection::unless(config.lr > 0.0, "lr", config.lr, "a number above 0")
    }
    fn evaluate(&self, _: &Config, _: usize, _: &TaskHandle) -> Result<FoldScore, ObjectiveError> {
        Err(ObjectiveError::Interrupted)
    }
}

fn check(text: &str) -> String {
    let file = StudyFile::parse(Path::new("s.toml"), text).expect("a file that parses");
    match check_spec(&Stub, &file.spec).map_err(|error| file.error(&error)) {
        Ok(()) => "fits".into(),
        Err(error) => format!("{error}\nhelp: {}", error.help),
    }
}

#[test]
fn a_file_that_fits_the_model_passes() {
    assert_eq!(check("[space]\nlr = [0.1, 0.2]\nbatch = [1]\nact = ['relu', 'tanh']"), "fits");
    assert_eq!(check("[space]\nlr = [1, 2]"), "fits", "an integer is a number, too");
}

#[test]
fn what_the_model_cannot_take_is_shown_where_it_stands() {
    assert_snapshot!(check("[space]\nlr = [0.1]\nbach = [1]"), @r#"
s.toml:3:1: the model has no parameter `bach`
help: did you mean `batch`? Allowed: lr, batch, act
"#);
    assert_snapshot!(check("[space]\nlr = [0.1]\nact = ['relu', 'tanhh']"), @"
    s.toml:3:16: `act`: there is no `tanhh`
    help: did you mean `tanh`? Allowed: relu, tanh
    ");
    assert_snapshot!(check("[space]\nlr = { low = -1.0, high = 1.0 }"), @"
    s.toml:2:14: `lr` is -1
    help: allowed: a number above 0
    ");
    assert_snapshot!(check("[space]\nlr = [0.1]\nbatch = 1.5"), @"
    s.toml:3:9: `batch`: this is floating point `1.5`
    help: allowed: u32
    ");
    assert_snapshot!(check("[space]\nbatch = 1"), @"
    s.toml:2:10: the model's parameter `lr` is not in [space]
    help: add `lr` to [space], with a list, a range or a fixed value
    ");
    assert_snapshot!(check("[space]\nlr = [0.1]\n[[trial]]\nlr = -0.5"), @"
    s.toml:4:6: `lr` is -0.5
    help: allowed: a number above 0
    ");
    assert_snapshot!(check("[space]\nlr = [0.1]\nact = 3"), @"
    s.toml:3:7: `act`: this is of type integer, where one of a few strings is expected
    help: allowed: relu, tanh
    ");
}
