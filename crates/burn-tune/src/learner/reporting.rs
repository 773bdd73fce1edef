//! After each epoch of a `Learner`: what is reported of it, and whether it goes on.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use burn_train::metric::store::{Aggregate, EventStoreClient, Split};
use burn_train::{EarlyStoppingStrategy, Interrupter};

use super::ScoreMetric;
use super::epoch_values::{EpochValues, in_shares};
use super::resuming::{Checkpoints, PastEpoch};
use crate::error::{Error, Result};
use crate::trial::{Progress, Trial};

/// How often the trial is asked whether the training is to end in the middle of an epoch.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// What the training tells the thread that speaks with the trial.
pub(super) enum Call {
    /// An epoch has ended.
    Epoch { epoch: usize, score: f64, curves: Vec<(String, f64)>, answer: SyncSender<Progress> },
    /// So has the training.
    End,
}

/// Says that the training has ended, however it has.
pub(super) struct HangUp(pub Sender<Call>);

impl Drop for HangUp {
    fn drop(&mut self) {
        // Where nobody listens, nobody waits.
        let _ = self.0.send(Call::End);
    }
}

/// Speaks with the trial until the training has ended, and interrupts it where it is to be abandoned.
pub(super) fn answer(trial: &Trial, interrupter: &Interrupter, calls: &Receiver<Call>) {
    loop {
        match calls.recv_timeout(ASK_EVERY) {
            Ok(Call::Epoch { epoch, score, curves, answer }) => {
                for (name, value) in curves {
                    trial.curve(&name, epoch as u64, value);
                }
                let _ = answer.send(trial.report(epoch as u64, score));
            }
            Err(RecvTimeoutError::Timeout) if trial.is_stopped() => {
                interrupter.stop(Some("the trial is abandoned"));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Ok(Call::End) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// burn-train's strategy for early stopping: it is called after each epoch, on the thread that trains, when all
/// metrics are there.
///
/// Where several devices train, each has a clone that it asks. They share one verdict for each epoch, or else the
/// trial would get reports twice, and some devices could go on where others have stopped.
#[derive(Clone)]
pub(super) struct Reporting(Arc<Mutex<State>>);

struct State {
    metric: ScoreMetric,
    values: EpochValues,
    /// The user's own.
    strategy: Option<Box<dyn EarlyStoppingStrategy>>,
    checkpoints: Option<Checkpoints>,
    calls: Sender<Call>,
    /// Each with its score.
    epochs: Vec<(usize, f64)>,
    is_pruned: bool,
    verdict: Option<(usize, bool)>,
    problem: Option<String>,
    /// So many of the epochs come from an attempt before, and the user's strategy has not heard of them.
    unheard: usize,
}

impl Reporting {
    pub fn new(
        metric: ScoreMetric,
        values: EpochValues,
        strategy: Option<Box<dyn EarlyStoppingStrategy>>,
        checkpoints: Option<Checkpoints>,
        calls: Sender<Call>,
    ) -> Self {
        Reporting(Arc::new(Mutex::new(State {
            metric,
            values,
            strategy,
            checkpoints,
            calls,
            epochs: Vec::new(),
            is_pruned: false,
            verdict: None,
            problem: None,
            unheard: 0,
        })))
    }

    /// Reports to `trial` what an attempt before has reported, so that pruners see what they would have seen. Returns
    /// whether the training is over with it.
    pub fn report_past(&self, trial: &Trial) -> bool {
        let mut state = self.state();
        let past =
            state.checkpoints.as_ref().map(|found| found.past().to_vec()).unwrap_or_default();
        for epoch in past {
            state.values.restore(epoch.epoch, epoch.metrics());
            for (name, value) in epoch.curves() {
                trial.curve(name, epoch.epoch as u64, value);
            }
            state.epochs.push((epoch.epoch, epoch.score()));
            state.unheard += 1;
            state.is_pruned = trial.report(epoch.epoch as u64, epoch.score()).is_stop();
            if state.is_pruned {
                return true;
            }
        }
        false
    }

    /// The epochs with their scores.
    ///
    /// # Errors
    ///
    /// Where an epoch had none.
    pub fn epochs(&self) -> Result<Vec<(usize, f64)>> {
        let state = self.state();
        match &state.problem {
            Some(problem) => Err(Error::new(problem)),
            None => Ok(state.epochs.clone()),
        }
    }

    pub fn is_pruned(&self) -> bool {
        self.state().is_pruned
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EarlyStoppingStrategy for Reporting {
    fn should_stop(&mut self, epoch: usize, store: &EventStoreClient) -> bool {
        let mut state = self.state();
        if let Some((of, stop)) = state.verdict
            && of == epoch
        {
            return stop;
        }
        let stop = state.after_epoch(epoch, store);
        state.verdict = Some((epoch, stop));
        stop
    }
}

impl State {
    fn after_epoch(&mut self, epoch: usize, store: &EventStoreClient) -> bool {
        // The store works on a thread of its own: with this answer, it has told loggers all that came before.
        store.find_metric(&self.metric.name, epoch, Aggregate::Mean, &Split::Valid);
        let score = match self.values.valid(epoch, &self.metric.name) {
            Ok(value) => in_shares(&self.metric.attributes, value),
            Err(problem) => {
                self.problem = Some(problem);
                return true;
            }
        };
        let curves = self.values.curves(epoch);
        self.is_pruned = self.report(epoch, score, curves.clone()).is_stop();
        let stop = self.ask_strategy(epoch, store) || self.is_pruned;
        self.epochs.push((epoch, score));
        if let Some(checkpoints) = &mut self.checkpoints {
            let metrics = self.values.of_epoch(epoch);
            let kept = checkpoints.add(PastEpoch::new(epoch, score, &curves, metrics, stop));
            self.problem = kept.err().map(|error| format!("no checkpoint can be kept: {error}"));
        }
        stop || self.problem.is_some()
    }

    fn report(&self, epoch: usize, score: f64, curves: Vec<(String, f64)>) -> Progress {
        let (answer, verdict) = sync_channel(1);
        let is_sent = self.calls.send(Call::Epoch { epoch, score, curves, answer }).is_ok();
        let verdict = is_sent.then(|| verdict.recv().ok()).flatten();
        verdict.unwrap_or(Progress::Stop)
    }

    /// A strategy remembers epochs, so it hears first of those that it has missed.
    fn ask_strategy(&mut self, epoch: usize, store: &EventStoreClient) -> bool {
        let Some(strategy) = &mut self.strategy else { return false };
        for (epoch, _) in self.epochs.iter().take(std::mem::take(&mut self.unheard)) {
            strategy.should_stop(*epoch, store);
        }
        strategy.should_stop(epoch, store)
    }
}
