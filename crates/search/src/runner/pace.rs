//! How long trials take here, and so how many are claimed at once.

/// Trials for so many seconds of work are claimed at once. They are this process's then, so it is no longer than others
/// may well wait at the end of a study.
const AHEAD_S: f64 = 0.25;
/// More than that gains nothing.
const MOST_AHEAD: f64 = 16.0;
/// How much the last fold counts.
const LAST: f64 = 0.25;

/// How long a fold takes, of late.
#[derive(Debug, Default)]
pub struct Pace {
    fold_s: Option<f64>,
}

impl Pace {
    /// A fold took so many seconds.
    pub fn took(&mut self, seconds: f64) {
        let before = self.fold_s.unwrap_or(seconds);
        self.fold_s = Some(before + LAST * (seconds - before));
    }

    /// How many trials are claimed at once: one, unless they are short.
    pub fn trials_ahead(&self, jobs: usize, folds: usize) -> usize {
        let trial_s = self.fold_s.unwrap_or(f64::INFINITY) * folds.max(1) as f64;
        (AHEAD_S * jobs.max(1) as f64 / trial_s).clamp(1.0, MOST_AHEAD) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ahead(fold_s: f64, jobs: usize, folds: usize) -> usize {
        let mut pace = Pace::default();
        pace.took(fold_s);
        pace.trials_ahead(jobs, folds)
    }

    #[test]
    fn only_short_trials_are_claimed_together() {
        assert_eq!(Pace::default().trials_ahead(64, 1), 1, "nobody knows yet");
        assert_eq!(ahead(10.0, 1, 1), 1);
        assert_eq!(ahead(10.0, 16, 3), 1);
        assert_eq!(ahead(0.05, 1, 1), 5);
        assert_eq!(ahead(0.05, 1, 5), 1);
        assert_eq!((ahead(0.0, 1, 1), ahead(1e-6, 64, 1)), (16, 16));
        let mut pace = Pace::default();
        [0.0, 10.0].into_iter().for_each(|fold_s| pace.took(fold_s));
        assert_eq!(pace.trials_ahead(1, 1), 1, "one that takes long is noticed at once");
    }
}
