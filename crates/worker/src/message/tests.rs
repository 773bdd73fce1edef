//! Messages there and back, and what is none.

use burn_tune_search::keyed_rng::Task;
use burn_tune_search::{Curves, Direction, Flag, Metric, ParamValue, Params};
use proptest::prelude::*;

use super::*;

/// What comes out at the other side, in pieces of so many bytes.
fn sent<M: Serialize + DeserializeOwned>(messages: &[M], piece: usize) -> Vec<M> {
    let bytes: Vec<u8> = messages.iter().flat_map(|message| encoded(message).unwrap()).collect();
    let (mut frames, mut came) = (Frames::default(), Vec::new());
    for piece in bytes.chunks(piece) {
        frames.push(piece);
        while let Some(message) = frames.next().unwrap() {
            came.push(message);
        }
    }
    assert_eq!(frames.read, frames.bytes.len(), "nothing is left");
    came
}

fn request(params: Params) -> Request {
    Request {
        study: "näme".into(),
        trial: 7,
        task: Task::Refit(3),
        folds: 5,
        metrics: vec![Metric::wall_clock("s", Direction::Minimize)],
        study_seed: 9,
        seed: u64::MAX,
        params,
        files: Some("models".into()),
        checkpoints: Some(crate::CheckpointPlace {
            folder: "checkpoints".into(),
            study: "mine".into(),
        }),
        wants_reports: true,
        device: Some(3),
        worker: 1,
    }
}

#[test]
fn params_keep_their_order_and_types() {
    let values = [
        ("z", ParamValue::Float(1.0)),
        ("a", ParamValue::Int(1)),
        ("m", ParamValue::Int(i64::MIN)),
        ("small", ParamValue::Float(f64::MIN_POSITIVE / 3.0)),
        ("zero", ParamValue::Float(-0.0)),
        ("yes", ParamValue::Bool(true)),
        ("one", ParamValue::Str("1".into())),
        ("none", ParamValue::Str(String::new())),
    ];
    let params: Params =
        values.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
    let message = ToWorker::Task(Box::new(request(params.clone())));
    assert_eq!(sent(std::slice::from_ref(&message), 1000), [message]);
    let ToWorker::Task(came) = &sent(&[ToWorker::Task(Box::new(request(params)))], 1)[0] else {
        panic!()
    };
    let Some(ParamValue::Float(zero)) = came.params.get("zero") else { panic!() };
    assert!(zero.is_sign_negative());
}

#[test]
fn numbers_that_are_not_finite_and_whole_flags_arrive() {
    let mut curves = Curves::default();
    curves.add("loss", vec![f32::NAN, f32::INFINITY, -0.0, f32::MIN_POSITIVE / 8.0]);
    curves.set_probe_steps(vec![2, 4]);
    curves.add("accuracy", vec![0.5, 0.1]);
    let flag = Flag::new("odd", "try an even one").unwrap().about([3, -5]);
    let score = TaskScore {
        score: f64::NAN,
        extra_values: vec![f64::NEG_INFINITY, -0.0, 0.1 + 0.2],
        flags: vec![flag],
        curves: Some(curves.clone()),
        ..TaskScore::default()
    };
    let came = sent(&[FromWorker::Scored(score)], 3).remove(0);
    let FromWorker::Scored(came) = came else { panic!("{came:?}") };
    assert!(came.score.is_nan());
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<u64>>();
    assert_eq!(bits(&came.extra_values), bits(&[f64::NEG_INFINITY, -0.0, 0.1 + 0.2]));
    assert_eq!(
        (came.flags[0].to_string(), came.flags[0].advice()),
        ("odd:[3,-5]".into(), "try an even one")
    );
    let bits = |curves: &Curves, name: &str| {
        curves.get(name).iter().map(|value| value.to_bits()).collect::<Vec<u32>>()
    };
    let came = came.curves.unwrap();
    assert_eq!(came.probe_steps(), [2, 4]);
    for name in ["loss", "accuracy"] {
        assert_eq!(bits(&came, name), bits(&curves, name));
    }
}

#[test]
fn a_million_numbers_are_a_message_like_others() {
    let mut curves = Curves::default();
    curves.add("loss", (0..1_000_000).map(|step| (step as f32).sqrt()).collect());
    let answer = FromWorker::Scored(TaskScore { curves: Some(curves), ..TaskScore::default() });
    assert_eq!(sent(&[answer.clone(), answer.clone()], 65_536), [answer.clone(), answer]);
}

#[test]
fn what_is_no_message_is_an_error_and_half_a_message_is_none_yet() {
    let next = |bytes: &[u8]| {
        let mut frames = Frames::default();
        frames.push(bytes);
        frames.next::<FromWorker>().map_err(|error| error.to_string())
    };
    let whole = encoded(&FromWorker::Report { step: 3, value: 0.5 }).unwrap();
    for end in 0..whole.len() {
        assert_eq!(next(&whole[..end]), Ok(None));
    }
    assert_eq!(
        next(b"epoch 1: loss 0.5\n").unwrap_err(),
        "1668247653 is not the length of a message"
    );
    assert!(next(&[0, 0, 0, 0]).unwrap_err().starts_with("this is no message"));
    assert!(next(&[2, 0, 0, 0, 0xc1, 0xc1]).unwrap_err().starts_with("this is no message"));
    let mut longer = whole;
    longer[0] += 1;
    longer.push(0);
    assert_eq!(next(&longer).unwrap_err(), "there is more in a message than the message");
    let other = encoded(&ToWorker::Verdict { stop: true }).unwrap();
    assert!(next(&other).is_err());
}

fn float() -> impl Strategy<Value = f64> {
    any::<u64>().prop_map(f64::from_bits)
}

fn message() -> impl Strategy<Value = FromWorker> {
    let flag = ("[a-z0-9_]{1,9}", ".{0,20}", proptest::collection::vec(any::<i64>(), 0..4));
    let flag =
        flag.prop_map(|(id, advice, numbers)| Flag::new(&id, &advice).unwrap().about(numbers));
    let flags = proptest::collection::vec(flag, 0..3);
    let scored = (float(), proptest::collection::vec(float(), 0..4), flags.clone());
    let scored = scored.prop_map(|(score, extra_values, flags)| {
        FromWorker::Scored(TaskScore { score, extra_values, flags, ..TaskScore::default() })
    });
    let failed =
        (".{0,50}", flags).prop_map(|(reason, flags)| FromWorker::Failed { reason, flags });
    let show = (any::<u64>(), any::<Option<u64>>(), float())
        .prop_map(|(step, steps, value)| FromWorker::Show { step, steps, value });
    let report =
        (any::<u64>(), float()).prop_map(|(step, value)| FromWorker::Report { step, value });
    prop_oneof![scored, failed, show, report]
}

proptest! {
    #[test]
    fn any_messages_arrive_in_pieces_of_any_size(
        messages in proptest::collection::vec(message(), 0..8),
        piece in 1usize..200,
    ) {
        let bytes = |messages: &[FromWorker]| -> Vec<Vec<u8>> {
            messages.iter().map(|message| encoded(message).unwrap()).collect()
        };
        // As bytes: NaN is not equal to itself.
        prop_assert_eq!(bytes(&sent(&messages, piece)), bytes(&messages));
    }

    #[test]
    fn whatever_comes_is_read_or_refused(
        message in message(),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        garbage in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let mut bytes = encoded(&message).unwrap();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        bytes.extend(garbage);
        let mut frames = Frames::default();
        frames.push(&bytes);
        while let Ok(Some(_)) = frames.next::<FromWorker>() {}
        while let Ok(Some(_)) = frames.next::<ToWorker>() {}
    }
}
