//! At which of its reports a trial is checked.

use super::IntermediateValue;

/// A check at step `n_warmup_steps`, and at every `interval_steps` from there. Where nothing is reported
/// at such a step, the next report is checked in its place.
///
/// Epochs are counted from 1 here, so that with a warmup of 0 and an interval of 5 epoch 1 stands in
/// for step 0, and then come epochs 5, 10 and so on.
///
/// Source: `_is_first_in_interval_step` of Optuna's `pruners/_percentile.py`.
#[derive(Debug)]
pub(super) struct Schedule {
    pub n_warmup_steps: u64,
    /// At least 1.
    pub interval_steps: u64,
}

impl Schedule {
    /// Whether the last of these reports is checked.
    pub fn is_due(&self, own: &[IntermediateValue]) -> bool {
        let Some((last, before)) = own.split_last() else { return false };
        let Some(since_warmup) = last.step.checked_sub(self.n_warmup_steps) else { return false };
        let check = last.step - since_warmup % self.interval_steps;
        before.last().is_none_or(|previous| previous.step < check)
    }
}
