//! What is written is read as it was, and what is no export is refused with its line.

use proptest::prelude::*;

use super::*;
use crate::transfer::write_export;

fn read(mut file: &[u8]) -> Result<(StudyRecord, Vec<TrialRecord>), TransferError> {
    let (mut reader, study) = Reader::begin(&mut file)?;
    let mut trials = Vec::new();
    while let Some(trial) = reader.trial()? {
        trials.push(trial);
    }
    Ok((study, trials))
}

fn written(study: &StudyRecord, trials: &[TrialRecord]) -> Vec<u8> {
    let mut file = Vec::new();
    write_export(study, trials, &mut file).unwrap();
    file
}

fn texts() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map(any::<String>(), any::<String>(), 0..4)
}

fn date() -> impl Strategy<Value = Option<String>> {
    let parts = (0..10_000u32, 1..13u8, 1..32u8, 0..24u8, 0..60u8, 0..60u8, 0..1_000_000u32);
    prop::option::of(parts.prop_map(|(year, month, day, hour, minute, second, rest)| {
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{rest:06}")
    }))
}

fn params() -> impl Strategy<Value = Vec<ParamRecord>> {
    let param = (any::<String>(), any::<f64>(), any::<String>());
    let param =
        param.prop_map(|(name, value, distribution)| ParamRecord { name, value, distribution });
    prop::collection::vec(param, 0..4)
}

fn trial() -> impl Strategy<Value = TrialRecord> {
    let value = any::<f64>().prop_filter("NaN is no value", |value| !value.is_nan());
    let bytes = prop::collection::vec(any::<u8>(), 0..50);
    (
        prop::sample::select(&RecordState::ALL[..]),
        [value.clone(), value],
        (params(), texts(), texts()),
        prop::collection::btree_map(any::<i64>(), any::<f64>(), 0..4),
        [date(), date(), date()],
        prop::collection::btree_map(any::<String>(), bytes, 0..3),
    )
        .prop_map(|(state, values, (params, user, system), steps, dates, curves)| {
            let [start, complete, heartbeat] = dates;
            TrialRecord {
                id: 0,
                number: 0,
                state,
                values: values.to_vec(),
                params,
                user_attributes: user,
                system_attributes: system,
                intermediate_values: steps,
                start,
                complete,
                heartbeat,
                curves,
            }
        })
}

fn study() -> impl Strategy<Value = StudyRecord> {
    (any::<String>(), texts(), texts()).prop_map(|(name, user_attributes, system_attributes)| {
        let directions = vec!["MAXIMIZE".to_owned(), "MINIMIZE".to_owned()];
        StudyRecord { id: 0, name, directions, user_attributes, system_attributes }
    })
}

proptest! {
    #[test]
    fn a_study_is_read_as_it_was_written(
        study in study(),
        mut trials in prop::collection::vec(trial(), 0..6),
    ) {
        for (number, trial) in trials.iter_mut().enumerate() {
            trial.number = number * number;
        }
        let (read_study, read_trials) = read(&written(&study, &trials)).unwrap();
        prop_assert_eq!(read_study, study);
        // Debug tells -0 from 0, and takes NaN for itself.
        prop_assert_eq!(format!("{read_trials:?}"), format!("{trials:?}"));
    }

    #[test]
    fn a_file_that_was_cut_off_anywhere_is_no_study(
        study in study(),
        trials in prop::collection::vec(trial(), 1),
        place in any::<prop::sample::Index>(),
    ) {
        let whole = written(&study, &trials);
        let cut = place.index(whole.len() - 1);
        prop_assert!(read(&whole[..cut]).is_err(), "{} of {} bytes", cut, whole.len());
    }
}

fn example() -> (StudyRecord, TrialRecord) {
    let study = StudyRecord {
        id: 7,
        name: "mlp".into(),
        directions: vec!["MAXIMIZE".into()],
        user_attributes: BTreeMap::from([("space".into(), "{\"lr\": NaN}".into())]),
        system_attributes: BTreeMap::new(),
    };
    let trial = TrialRecord {
        id: 9,
        number: 3,
        state: RecordState::Complete,
        values: vec![f64::INFINITY],
        params: vec![ParamRecord { name: "lr".into(), value: 0.1, distribution: "{}".into() }],
        user_attributes: BTreeMap::new(),
        system_attributes: BTreeMap::new(),
        intermediate_values: BTreeMap::from([(-1, f64::NAN), (10, 0.5)]),
        start: Some("2026-11-24 11:13:29.123456".into()),
        complete: Some("2026-11-24 11:13:30.000000".into()),
        heartbeat: None,
        curves: BTreeMap::from([("fold0".into(), vec![0, 255])]),
    };
    (study, trial)
}

#[test]
fn the_lines_of_a_file_are_these() {
    let (study, trial) = example();
    let file = String::from_utf8(written(&study, &[trial])).unwrap();
    let expected = r#"{"format":1,"study":{"name":"mlp","directions":["MAXIMIZE"],"user_attributes":{"space":"{\"lr\": NaN}"},"system_attributes":{}}}
{"trial":{"number":3,"state":"COMPLETE","start":"2026-11-24 11:13:29.123456","complete":"2026-11-24 11:13:30.000000","heartbeat":null,"values":["inf"],"params":[{"name":"lr","value":0.1,"distribution":"{}"}],"user_attributes":{},"system_attributes":{},"intermediate_values":{"-1":"nan","10":0.5},"curves":{"fold0":"AP8="}}}
{"end":{"trials":1}}
"#;
    assert_eq!(file, expected);
}

#[test]
fn what_is_no_export_is_refused_with_the_line_and_the_reason() {
    let (study, trial) = example();
    let whole = String::from_utf8(written(&study, &[trial])).unwrap();
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    let (first, second, last) = (lines[0], lines[1], lines[2]);
    let replaced = |from: &str, to: &str| {
        let file = whole.replacen(from, to, 1);
        assert_ne!(file, whole, "{from}");
        file
    };
    let cases = [
        (String::new(), "line 1: the file is empty"),
        ("number,value\n0,0.5\n".into(), "line 1: this is no exported study"),
        (replaced("\"format\":1", "\"format\":2"), "line 1: the file has format 2"),
        (replaced("MAXIMIZE", "UP"), "line 1: there is no direction `UP`"),
        (replaced("[\"MAXIMIZE\"]", "[]"), "line 1: the study has no direction"),
        (replaced("\"name\":\"mlp\",", ""), "line 1: column 114: missing field `name`"),
        (first.to_owned(), "line 2: the file ends here"),
        (first.to_owned() + &second[..200], "line 2: the file ends within this line"),
        (first.to_owned() + second, "line 3: the file ends here"),
        (first.to_owned() + last, "line 2: the study has 1 trials, of which the file has 0"),
        (first.to_owned() + second + second, "line 3: trial 3: it stands behind one"),
        (whole.clone() + first, "line 4: there is something behind the end"),
        (replaced("COMPLETE", "DONE"), "line 2: trial 3: there is no state `DONE`"),
        (replaced("[\"inf\"]", "[]"), "line 2: trial 3: it has 0 values for 1 objectives"),
        (replaced("[\"inf\"]", "[\"nan\"]"), "line 2: trial 3: NaN is no value"),
        (replaced("2026-11-24", "2026-13-24"), "line 2: trial 3: `2026-13-24 11:13:29.123456`"),
        (replaced("11:13:30.000000", "11:13:30"), "line 2: trial 3: `2026-11-24 11:13:30` is no"),
        (replaced("AP8=", "AP8"), "line 2: column 320: Invalid padding"),
        (replaced("\"inf\"", "\"much\""), "line 2: column 151: a number, `inf`, `-inf` or `nan`"),
        (replaced("\"heartbeat\"", "\"pulse\""), "line 2: column 124: unknown field `pulse`"),
    ];
    for (file, expected) in cases {
        let error = read(file.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}\nis not\n{expected}\nof\n{file}");
    }
    let compressed = read(&[0x1f, 0x8b, 0xff, 0x0a]).unwrap_err().to_string();
    assert!(compressed.starts_with("line 1: this is no text in UTF-8"), "{compressed}");
}
