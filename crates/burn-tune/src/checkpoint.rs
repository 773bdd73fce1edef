//! A training that goes on at its epoch: what is kept of it, and how it is taken up again.
//!
//! A checkpoint has the state of whatever is trained, and all that the training has said so far: reports, curves,
//! flags and metrics. A training that goes on says its reports again, since the search knows nothing of them: what a
//! fold has reported is stored with its score. So pruners see each value once, in the same order, and whoever looks
//! at the results finds what a training has said that was never broken off.
//!
//! In a file: eight letters, a sum of all that follows, and then pieces, each with its length before it; of these,
//! the first is the [`Header`].

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use burn_tune_search::{Curves, Flag, KnownFlag};
use burn_tune_worker::wire;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::checkpoint_folder::write;
use crate::error::{Error, Result};
use crate::trial::{Kept, Trial};

/// What a file begins with; another version of it has another number.
const MAGIC: &[u8; 8] = b"BTCHECK1";
/// What the name of a file begins with; the epoch follows.
const EPOCH: &str = "epoch-";
/// So many are kept: should the disk lose the newest, there is the one before it.
const KEPT: usize = 2;
/// What a length or a sum takes, in bytes.
const WORD: usize = size_of::<u64>();

/// What a checkpoint is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// A value.
    Value,
    /// A model of Burn and its optimizer.
    Burn,
}

/// What the training has said so far.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    kind: Kind,
    #[serde(with = "wire::flags")]
    flags: Vec<Flag>,
    #[serde(with = "wire::curves")]
    curves: Option<Curves>,
    metrics: BTreeMap<String, f64>,
    reports: Vec<(u64, f64)>,
    fault: Option<String>,
    /// How long it has trained, in seconds, without scoring.
    trained_s: f64,
    /// How long it has scored. Older versions have not written this, nor what follows.
    #[serde(default)]
    scored_s: f64,
    #[serde(default)]
    per_class_recall: Vec<f64>,
}

impl Header {
    fn of(trial: &Trial, kind: Kind) -> Self {
        let trained_s = trial.training_seconds();
        let kept = trial.kept().clone();
        Header {
            kind,
            flags: kept.flags,
            curves: Some(kept.curves),
            metrics: kept.metrics,
            reports: kept.reports,
            fault: kept.fault,
            trained_s,
            scored_s: kept.score_s,
            per_class_recall: kept.per_class_recall,
        }
    }

    fn into_kept(self, known_flags: &[KnownFlag]) -> Kept {
        let Header { mut flags, reports, .. } = self;
        Flag::look_up(&mut flags, known_flags);
        Kept {
            flags,
            curves: self.curves.unwrap_or_default(),
            metrics: self.metrics,
            last_step: reports.iter().map(|(step, _)| *step).max(),
            reports,
            fault: self.fault,
            earlier_s: self.trained_s + self.scored_s,
            score_s: self.scored_s,
            per_class_recall: self.per_class_recall,
            ..Kept::default()
        }
    }
}

impl Trial<'_> {
    /// The seed of what is random in `epoch`, such as the order of the examples: it follows from [`Trial::seed`] and
    /// the epoch alone, so that a training which goes on in the middle draws what it would have drawn.
    ///
    /// ```
    /// # use burn_tune::prelude::*;
    /// # #[derive(Space)]
    /// # struct Net { #[space(1..=9)] x: u64 }
    /// fn train(net: &Net, trial: &Trial) -> Result<Score> {
    ///     assert_eq!(trial.seed_of(3), trial.seed_of(3));
    ///     assert_ne!(trial.seed_of(3), trial.seed_of(4));
    ///     assert_ne!(trial.seed_of(0), trial.seed());
    ///     trial.finish(net.x as f64)
    /// }
    /// # assert_eq!(Study::new("seeds", train).run(1)?.trials()?[0].error, None);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn seed_of(&self, epoch: u64) -> u64 {
        seed_of_epoch(self.seed, epoch)
    }

    /// Keeps `value`, what this training has come to in `epoch`, so that it goes on there when it is broken off: by a
    /// crash of the training's process, of the search or of the machine. To be called at the end of an epoch, after
    /// [`Trial::report`]; what the training has reported and recorded is kept along.
    ///
    /// For a model of Burn there is `Trial::checkpoint`. Where an epoch takes less than a file takes to be written
    /// for good (some milliseconds), every tenth is often enough.
    ///
    /// ```
    /// use burn_tune::prelude::*;
    ///
    /// #[derive(Space, Debug)]
    /// struct Net {
    ///     #[space(1e-4..=1e-1, log)]
    ///     lr: f64,
    /// }
    ///
    /// fn train(net: &Net, trial: &Trial) -> Result<Score> {
    ///     let (mut first, mut weights) = (1, vec![0.0; 3]); // whatever serde can write
    ///     if let Some((epoch, trained)) = trial.restore_value()? {
    ///         (first, weights) = (epoch + 1, trained);
    ///     }
    ///     for epoch in first..=10 {
    ///         weights.iter_mut().for_each(|weight| *weight += net.lr); // your training
    ///         if trial.report(epoch, weights[0]).is_stop() {
    ///             break;
    ///         }
    ///         trial.checkpoint_value(epoch, &weights)?;
    ///     }
    ///     trial.finish(weights[0])
    /// }
    /// # assert!(Study::new("value", train).run(2)?.best().is_some());
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Where serde cannot write the value, or the disk takes no file.
    pub fn checkpoint_value<V: Serialize + ?Sized>(&self, epoch: u64, value: &V) -> Result<()> {
        self.write_checkpoint(epoch, Kind::Value, &[&rmp_serde::to_vec(value)?])
    }

    /// What [`Trial::checkpoint_value`] has kept of this training, and the epoch of it: of the newest that can be
    /// read. `None` where the training begins afresh. To be called before the first report.
    ///
    /// A checkpoint that cannot be read is no error but a warning. [`Trial::checkpoint_value`] has a whole loop.
    ///
    #[doc = trial_example!("let (done, weights) = trial.restore_value::<Vec<f64>>()?.unwrap_or((0, vec![0.0; 8]));\nassert_eq!((done, weights.len()), (0, 8)); // this training was not broken off")]
    ///
    /// # Errors
    ///
    /// Where the folder of the checkpoints cannot be made or read.
    pub fn restore_value<V: DeserializeOwned>(&self) -> Result<Option<(u64, V)>> {
        self.read_checkpoint(Kind::Value, |pieces| match pieces {
            [value] => Ok(rmp_serde::from_slice(value)?),
            _ => Err(Error::new("it is not of one value")),
        })
    }

    pub(crate) fn write_checkpoint(&self, epoch: u64, kind: Kind, state: &[&[u8]]) -> Result<()> {
        let folder = self.checkpoint_dir()?;
        let header = rmp_serde::to_vec(&Header::of(self, kind))?;
        let pieces: Vec<&[u8]> =
            [header.as_slice()].into_iter().chain(state.iter().copied()).collect();
        write_pieces(&folder.join(format!("{EPOCH}{epoch}")), &pieces)?;
        // Later ones are of an attempt that this one has not gone on with.
        let of_others = |(other, _): &(u64, PathBuf)| *other > epoch;
        let (later, earlier): (Vec<_>, Vec<_>) =
            checkpoints(&folder)?.into_iter().partition(of_others);
        let too_many = earlier.into_iter().skip(KEPT);
        too_many.chain(later).try_for_each(|(_, path)| remove_file(&path))?;
        Ok(())
    }

    /// The newest checkpoint whose state `load` takes.
    pub(crate) fn read_checkpoint<T>(
        &self,
        kind: Kind,
        mut load: impl FnMut(&[&[u8]]) -> Result<T>,
    ) -> Result<Option<(u64, T)>> {
        for (epoch, path) in checkpoints(&self.checkpoint_dir()?)? {
            let read = read(&path, kind, &mut load);
            match read {
                Ok((header, state)) => {
                    self.go_on(header.into_kept(self.known_flags));
                    self.link.log(false, &format!("goes on with {}", path.display()));
                    return Ok(Some((epoch, state)));
                }
                Err(problem) => {
                    self.link.log(true, &format!("{} is passed over: {problem}", path.display()));
                    remove_file(&path)?;
                }
            }
        }
        Ok(None)
    }

    /// Says again what the training had said.
    fn go_on(&self, kept: Kept) {
        let reports = kept.reports.clone();
        *self.kept() = kept;
        for (step, value) in reports {
            // It went on after each of them. Where it is to be abandoned now, the next report says so.
            let _ = self.tell(step, value);
        }
    }
}

/// The seed of an epoch of a training with this seed: SplitMix64, the numbers of which are far apart for seeds that are
/// near.
pub(crate) fn seed_of_epoch(seed: u64, epoch: u64) -> u64 {
    let step = epoch.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = seed.wrapping_add(step);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The checkpoints in a folder with their epochs, the newest first.
fn checkpoints(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let epoch = name.to_str().and_then(|name| name.strip_prefix(EPOCH)?.parse().ok());
        found.extend(epoch.map(|epoch| (epoch, entry.path())));
    }
    found.sort_by_key(|(epoch, _)| std::cmp::Reverse(*epoch));
    Ok(found)
}

fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        // A process that has lost its trial, and does not know it yet, is at work on the same.
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn write_pieces(path: &Path, pieces: &[&[u8]]) -> io::Result<()> {
    let lengths: Vec<[u8; WORD]> =
        pieces.iter().map(|piece| (piece.len() as u64).to_le_bytes()).collect();
    let with_lengths = lengths.iter().zip(pieces).flat_map(|(length, piece)| [&length[..], piece]);
    let mut sum = crc32fast::Hasher::new();
    with_lengths.clone().for_each(|piece| sum.update(piece));
    let sum = u64::from(sum.finalize()).to_le_bytes();
    let all: Vec<&[u8]> = [&MAGIC[..], &sum].into_iter().chain(with_lengths).collect();
    write(path, &all)
}

fn read<T>(
    path: &Path,
    kind: Kind,
    load: &mut impl FnMut(&[&[u8]]) -> Result<T>,
) -> Result<(Header, T)> {
    let bytes = fs::read(path)?;
    let pieces = pieces(&bytes).ok_or_else(|| Error::new("it is damaged"))?;
    let [header, state @ ..] = pieces.as_slice() else {
        return Err(Error::new("it is empty"));
    };
    let header: Header = rmp_serde::from_slice(header)?;
    if header.kind != kind {
        return Err(Error::new("it was written by the other kind of checkpoint"));
    }
    let state = load(state)?;
    Ok((header, state))
}

/// The pieces of a file; `None` where they are not what was written.
fn pieces(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let (sum, mut rest) = bytes.strip_prefix(MAGIC)?.split_first_chunk::<WORD>()?;
    if u64::from_le_bytes(*sum) != u64::from(crc32fast::hash(rest)) {
        return None;
    }
    let mut pieces = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<WORD>() {
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        let (piece, after) = after.split_at_checked(length)?;
        pieces.push(piece);
        rest = after;
    }
    rest.is_empty().then_some(pieces)
}

#[cfg(feature = "burn")]
mod burn_state;

#[cfg(test)]
mod tests;
