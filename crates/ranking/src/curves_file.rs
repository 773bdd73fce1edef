//! `curves.npz`: what was recorded while models trained, as numpy's `np.load` reads it.
//!
//! An array's name is `trial<N>/<task>/<series>`, with `fold<N>` or `seed<N>` as the task: so
//! `trial0/seed3/loss` is the loss at each step of trial 0, seed 3. All are `float32`, but for
//! `probe_steps`, which are the steps of the probes that all other series belong to.

use std::collections::BTreeMap;
use std::io::Cursor;

use burn_tune_search::Curves;
use burn_tune_search::keyed_rng::Task;

pub use crate::npz::NpzError;
use crate::npz::{NpzReader, NpzWriter};

/// The curves of each task of each trial.
pub type CurvesByTask = BTreeMap<(usize, Task), std::sync::Arc<Curves>>;

const PROBE_STEPS: &str = "probe_steps";

/// The bytes of the file. Equal curves give equal bytes.
///
/// # Errors
///
/// Where an array cannot be encoded, such as one of more than 4 GiB.
pub fn to_npz(curves: &CurvesByTask) -> Result<Vec<u8>, NpzError> {
    let mut writer = NpzWriter::new();
    for ((trial, task), curves) in curves {
        let name = |series: &str| format!("trial{trial}/{}/{series}", task_name(*task));
        for (series, values) in curves.series() {
            writer.add(&name(series), values)?;
        }
        writer.add(&name(PROBE_STEPS), curves.probe_steps())?;
    }
    writer.finish()
}

/// Reads the bytes of a file; arrays of other names are passed over.
///
/// # Errors
///
/// Where it is no archive, or an array is not of the type that it should be.
pub fn from_npz(bytes: &[u8]) -> Result<CurvesByTask, NpzError> {
    let mut reader = NpzReader::new(Cursor::new(bytes))?;
    let mut found: BTreeMap<(usize, Task), Curves> = BTreeMap::new();
    for name in reader.names() {
        let Some((task, series)) = parse_name(&name) else { continue };
        let curves = found.entry(task).or_default();
        if series == PROBE_STEPS {
            curves.set_probe_steps(reader.array(&name)?);
        } else {
            curves.add(series, reader.array(&name)?);
        }
    }
    Ok(found.into_iter().map(|(task, curves)| (task, curves.into())).collect())
}

fn task_name(task: Task) -> String {
    match task {
        Task::Fold(fold) => format!("fold{fold}"),
        Task::Refit(seed) => format!("seed{seed}"),
    }
}

fn parse_name(name: &str) -> Option<((usize, Task), &str)> {
    let mut parts = name.splitn(3, '/');
    let trial = parts.next()?.strip_prefix("trial")?.parse().ok()?;
    let task = parts.next()?;
    let fold = task.strip_prefix("fold").and_then(|fold| fold.parse().ok()).map(Task::Fold);
    let seed = task.strip_prefix("seed").and_then(|seed| seed.parse().ok()).map(Task::Refit);
    Some(((trial, fold.or(seed)?), parts.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_read_as_they_were_written() {
        let curves = |loss: &[f32]| {
            let mut curves = Curves::default();
            curves.set_probe_steps(vec![1, 10]);
            curves.add("loss", loss.to_vec());
            curves.add("accuracy", vec![0.1, 0.9]);
            curves.add("an_objectives_own", vec![0.0, 0.5]);
            std::sync::Arc::new(curves)
        };
        let all: CurvesByTask = [
            ((0, Task::Fold(2)), curves(&[2.3, 1.0])),
            ((12, Task::Refit(0)), curves(&[2.25, f32::INFINITY])),
        ]
        .into();
        let bytes = to_npz(&all).unwrap();
        assert_eq!(bytes, to_npz(&all).unwrap(), "equal curves have equal bytes");
        assert_eq!(from_npz(&bytes).unwrap(), all);
        assert!(from_npz(b"no archive").is_err());
    }
}
