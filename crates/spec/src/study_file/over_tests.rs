//! Files that change a study which stands elsewhere.

use burn_tune_search::{Domain, ParamValue};

use super::*;

fn base() -> StudySpec {
    let text = "
        [study]
        seed = 7
        sampler = \"tpe\"
        pruner = \"asha\"
        target = 0.9
        [space]
        act = [\"relu\", \"gelu\"]
        lr = { low = 1e-4, high = 1e-1, log = true }
        dropout = { low = 0.0, high = 0.5, when = { act = \"relu\" } }
        [[trial]]
        act = \"relu\"
    ";
    StudyFile::parse(Path::new("base.toml"), text).unwrap().spec
}

fn over(text: &str) -> Result<StudySpec, SpaceError> {
    StudyFile::parse_over(Path::new("changes.toml"), text, &base()).map(|file| file.spec)
}

#[test]
fn what_a_file_does_not_say_stays_as_it_is() {
    assert_eq!(over("").unwrap(), base());
}

#[test]
fn a_file_takes_a_pruner_away() {
    assert_eq!(over("[study]\npruner = \"none\"").unwrap().settings.pruner, None);
}

#[test]
fn a_file_changes_what_it_says() {
    let text = "[study]\nseed = 8\n[space]\nlr = [0.1, 0.2]\nact = [\"relu\"]\n[[trial]]\nlr = 0.1";
    let spec = over(text).unwrap();
    assert_eq!((spec.settings.seed, spec.settings.sampler), (8, SamplerKind::Tpe));
    let names: Vec<&str> = spec.space.domains.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["act", "lr", "dropout"]);
    let lr = Domain::Choices(vec![ParamValue::Float(0.1), ParamValue::Float(0.2)]);
    assert_eq!(spec.space.get("lr"), Some(&lr));
    assert_eq!(spec.space.conditions_of("dropout").count(), 1);
    assert_eq!(spec.trials.len(), 1);
    assert_eq!(spec.trials[0].values, [("lr".to_owned(), ParamValue::Float(0.1))]);
}

#[test]
fn a_parameter_that_is_not_there_is_told_with_its_line() {
    let error = over("[space]\nlearning_rate = 0.1\n").unwrap_err();
    assert_eq!(error.problem, "there is no parameter `learning_rate` to be changed");
    assert_eq!(error.place, "changes.toml:2:1");
    assert!(over("[data]\ndataset = \"mnist\"").is_err());
}

#[test]
fn when_a_parameter_exists_is_not_for_a_file_to_change() {
    let refusal = |line: &str| {
        let error = over(&format!("[space]\n{line}\n")).unwrap_err();
        format!("{}: {}; {}", error.place, error.problem, error.help)
    };
    let dropout = |when: &str| {
        refusal(&format!("dropout = {{ low = 0.1, high = 0.2, when = {{ {when} }} }}"))
    };
    let always = "changes.toml:2:6: `lr` exists always, and a file cannot change that; take `when` out of it";
    assert_eq!(refusal("lr = { values = [0.1], when = { act = \"relu\" } }"), always);
    let relu = "changes.toml:2:11: `dropout` exists where `act` is relu, and a file cannot change that; take `when` out of it";
    assert_eq!(dropout("act = \"gelu\""), relu);
    assert_eq!(dropout("act = [\"relu\", \"gelu\"]"), relu);
    let never = "changes.toml:3:1: `dropout` never exists beside the other values of this file; it exists only where `act` is relu: take it out, or allow that";
    assert_eq!(refusal("act = \"gelu\"\ndropout = 0.1"), never);
    let whole = "changes.toml:2:6: `lr` is a float, and this is a range of whole numbers; write both ends with a decimal point, such as 1.0";
    assert_eq!(refusal("lr = { low = 1, high = 2 }"), whole);
    let of_trial = "act = \"gelu\"\n[[trial]]\nact = \"relu\"\ndropout = 0.2";
    let gone = "changes.toml:5:1: `dropout` never exists beside the other values of this file; it exists only where `act` is relu: take it out, or allow that";
    assert_eq!(refusal(of_trial), gone);
    let mut first = base();
    first.trials[0].values.push(("dropout".to_owned(), ParamValue::Float(0.2)));
    let text = "[space]\nact = \"gelu\"\n";
    let error = StudyFile::parse_over(Path::new("changes.toml"), text, &first).unwrap_err();
    assert_eq!(
        error.problem,
        "`dropout` never exists beside the other values of this file, and `trial 0`, which is tried first, has it"
    );
    // To say it again is no change.
    let again = over("[space]\ndropout = { low = 0.1, high = 0.2, when = { act = \"relu\" } }\n");
    assert_eq!(again.unwrap().space.conditions, base().space.conditions);
}

#[test]
fn what_depends_on_values_that_are_gone_is_gone_too() {
    let text = "[space]\nact = [\"gelu\"]\n";
    let spec = over(text).unwrap();
    assert_eq!(spec.space.get("dropout"), None);
    assert!(spec.space.conditions.is_empty());
}
