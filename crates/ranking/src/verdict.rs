//! Whether what was claimed of trainings holds, over the seeds that were tried.

use crate::claim::{Claim, Expectation, Fall};
use serde::{Deserialize, Serialize};

use crate::convergence::Convergence;

/// The share of the seeds of which a statement about one model has to be true to hold, and false to
/// fail: three quarters, so that one odd seed of eight decides nothing.
const SHARE_OF_SEEDS: f64 = 0.75;

/// The share of all pairs of a seed of one model with one of another in which the first has to be
/// earlier, to be called faster.
///
/// This share is the effect size A of A. Vargha and H. D. Delaney, "A Critique and Improvement of the
/// CL Common Language Effect Size Statistics of McGraw and Wong", Journal of Educational and
/// Behavioral Statistics 25 (2000), 101–132, who call 0.71 a large effect.
const SHARE_OF_PAIRS: f64 = 0.71;

/// A first part of a training, within which a sharp fall is done.
const SHARP_SHARE: f64 = 0.1;

/// What came of a claim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ClaimEntry {
    /// The model that it is about.
    pub model: String,
    /// What is claimed, in words.
    pub text: String,
    /// What is measured, in words.
    pub measured: String,
    /// Whether the claim holds.
    pub verdict: Verdict,
}

/// Whether a claim holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It does.
    Holds,
    /// It does for some seeds and not for others.
    DependsOnSeed,
    /// It does not.
    Fails,
    /// It cannot be judged: there are no curves, a training failed, or it ended before the steps that the claim is
    /// about.
    Unknown,
}

/// How the loss of one model fell, over its seeds.
#[derive(Debug, Clone, PartialEq)]
pub struct Falls<'a> {
    /// What the model is called.
    pub name: &'a str,
    /// How many steps each training had.
    pub steps: usize,
    /// For each seed; `None` where the loss did not fall, or was not recorded.
    pub seeds: Vec<Option<Convergence>>,
}

/// Holds `claim` against how the losses of the models fell.
pub fn verdict(claim: &Claim, falls: &[Falls]) -> ClaimEntry {
    let of_model = |name: &str| {
        falls.iter().find(|falls| falls.name == name && falls.seeds.iter().any(Option::is_some))
    };
    let mut verdicts = Vec::new();
    let mut measured = Vec::new();
    for expectation in &claim.expectations {
        let found = of_model(&claim.model).and_then(|model| check(expectation, model, of_model));
        let (verdict, text) = found.unwrap_or((Verdict::Unknown, "nothing was recorded".into()));
        verdicts.push(verdict);
        measured.push(text);
    }
    measured.dedup();
    ClaimEntry {
        model: claim.model.clone(),
        text: claim.text.clone(),
        measured: measured.join("; "),
        // The parts are ordered from good to bad; a claim is as good as its worst part.
        verdict: verdicts.into_iter().max().unwrap_or(Verdict::Unknown),
    }
}

/// One part of a claim; `None` where another model that it names has no figures.
fn check<'a>(
    expectation: &Expectation,
    model: &Falls,
    of_model: impl Fn(&str) -> Option<&'a Falls<'a>>,
) -> Option<(Verdict, String)> {
    let steps = model.steps as f64;
    let flat_within = |low: f64, high: f64| {
        let holds = |seed: &Option<Convergence>| {
            let step = seed.and_then(|seed| seed.flat_step);
            step.is_some_and(|step| (low..=high).contains(&(step as f64)))
        };
        (of_seeds(share(&model.seeds, holds)), model.flat_text())
    };
    Some(match expectation {
        Expectation::FlatStep(low, high) if *low > steps => {
            let range = if low == high { format!("{low}") } else { format!("{low} to {high}") };
            let text = format!(
                "these trainings have {} steps, and the claim is about step {range}",
                model.steps
            );
            (Verdict::Unknown, text)
        }
        Expectation::FlatStep(low, high) => flat_within(*low, *high),
        Expectation::FlatShare(low, high) => flat_within(low * steps, high * steps),
        Expectation::Fall(fall) => {
            let sharp = |seed: &Option<Convergence>| {
                seed.is_some_and(|seed| seed.fallen_step as f64 <= SHARP_SHARE * steps)
            };
            let share = share(&model.seeds, sharp);
            (of_seeds(if *fall == Fall::Sharp { share } else { 1.0 - share }), model.fall_text())
        }
        Expectation::FasterThan(others) => {
            against(model, others, of_model, "earlier", |share| share)?
        }
        Expectation::SlowerThan(others) => {
            against(model, others, of_model, "later", |share| 1.0 - share)?
        }
        Expectation::Like(others) => {
            let mut texts = vec![model.flat_text()];
            let mut worst = Verdict::Holds;
            for other in others {
                let other = of_model(other)?;
                let share = share_earlier(model, other);
                let alike = share.max(1.0 - share) < SHARE_OF_PAIRS;
                worst = worst.max(if alike { Verdict::Holds } else { Verdict::Fails });
                texts.push(format!("{}: {}", other.name, other.flat_text()));
            }
            (worst, texts.join("; "))
        }
    })
}

fn against<'a>(
    model: &Falls,
    others: &[String],
    of_model: impl Fn(&str) -> Option<&'a Falls<'a>>,
    word: &str,
    support: impl Fn(f64) -> f64,
) -> Option<(Verdict, String)> {
    let mut texts = vec![model.flat_text()];
    let mut worst = Verdict::Holds;
    for other in others {
        let other = of_model(other)?;
        let share = support(share_earlier(model, other));
        worst = worst.max(if share >= SHARE_OF_PAIRS {
            Verdict::Holds
        } else if share <= 1.0 - SHARE_OF_PAIRS {
            Verdict::Fails
        } else {
            Verdict::DependsOnSeed
        });
        texts.push(format!("{word} than {} in {:.0}% of pairs", other.name, share * 100.0));
    }
    Some((worst, texts.join("; ")))
}

fn of_seeds(share: f64) -> Verdict {
    if share >= SHARE_OF_SEEDS {
        Verdict::Holds
    } else if share <= 1.0 - SHARE_OF_SEEDS {
        Verdict::Fails
    } else {
        Verdict::DependsOnSeed
    }
}

fn share<T>(all: &[T], holds: impl Fn(&T) -> bool) -> f64 {
    all.iter().filter(|one| holds(one)).count() as f64 / all.len().max(1) as f64
}

/// The share of pairs in which `model` is flat at an earlier step; equal ones count half, and one that
/// is never flat is later than all that are.
fn share_earlier(model: &Falls, other: &Falls) -> f64 {
    let pairs = model.flat_steps().flat_map(|a| other.flat_steps().map(move |b| (a, b)));
    let points: Vec<f64> = pairs
        .map(|(a, b)| {
            if a < b {
                1.0
            } else if a == b {
                0.5
            } else {
                0.0
            }
        })
        .collect();
    points.iter().sum::<f64>() / points.len().max(1) as f64
}

impl Falls<'_> {
    fn flat_steps(&self) -> impl Iterator<Item = f64> {
        let step = |seed: &Option<Convergence>| seed.and_then(|seed| seed.flat_step);
        self.seeds.iter().map(move |seed| step(seed).map_or(f64::INFINITY, |step| step as f64))
    }

    /// The lower median of the steps at which the loss is flat; `None` where it never is in more than
    /// half of the seeds.
    pub fn median_flat_step(&self) -> Option<usize> {
        median(self.flat_steps().collect()).map(|step| step as usize)
    }

    fn flat_text(&self) -> String {
        let mut steps: Vec<f64> = self.flat_steps().collect();
        steps.sort_by(f64::total_cmp);
        let flat = steps.iter().filter(|step| step.is_finite()).count();
        match (flat, self.median_flat_step()) {
            (0, _) => format!("not flat within its {} steps", self.steps),
            (flat, median) => format!(
                "flat at step {}, {} to {} of {}, in {flat} of {} seeds",
                median.map_or("—".into(), |median| median.to_string()),
                steps[0],
                steps[flat - 1],
                self.steps,
                steps.len(),
            ),
        }
    }

    fn fall_text(&self) -> String {
        let fallen = self.seeds.iter().flatten().map(|seed| seed.fallen_step as f64).collect();
        match median(fallen) {
            None => "the loss did not fall".into(),
            Some(step) => format!(
                "90% of the fall done at step {step}, {:.0}% of the training",
                step / self.steps as f64 * 100.0
            ),
        }
    }
}

/// The lower median; `None` where there is none, or it is infinite.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.get(values.len().saturating_sub(1) / 2).copied();
    middle.filter(|middle| middle.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn falls<'a>(name: &'a str, flat: &[Option<usize>]) -> Falls<'a> {
        let seed = |flat_step: &Option<usize>| {
            Some(Convergence { fallen_step: flat_step.unwrap_or(900) / 2, flat_step: *flat_step })
        };
        Falls { name, steps: 1000, seeds: flat.iter().map(seed).collect() }
    }

    fn check(expectation: Expectation) -> (Verdict, String) {
        let claim =
            Claim { model: "a".into(), text: "…".into(), expectations: vec![expectation] };
        let models = [
            falls("a", &[Some(100), Some(120), Some(140), Some(900)]),
            falls("b", &[Some(500), None, Some(600), Some(700)]),
        ];
        let entry = verdict(&claim, &models);
        (entry.verdict, entry.measured)
    }

    #[test]
    fn a_claim_holds_fails_or_depends_on_the_seed() {
        let verdict = |expectation| check(expectation).0;
        assert_eq!(verdict(Expectation::FlatStep(90.0, 150.0)), Verdict::Holds);
        assert_eq!(verdict(Expectation::FlatStep(90.0, 130.0)), Verdict::DependsOnSeed);
        assert_eq!(verdict(Expectation::FlatShare(0.8, 1.0)), Verdict::Fails);
        assert_eq!(verdict(Expectation::Fall(Fall::Sharp)), Verdict::Holds);
        assert_eq!(verdict(Expectation::Fall(Fall::Slow)), Verdict::Fails);
        assert_eq!(verdict(Expectation::FasterThan(vec!["b".into()])), Verdict::Holds);
        assert_eq!(verdict(Expectation::SlowerThan(vec!["b".into()])), Verdict::Fails);
        assert_eq!(verdict(Expectation::Like(vec!["b".into()])), Verdict::Fails);
        assert_eq!(verdict(Expectation::Like(vec!["a".into()])), Verdict::Holds);
        assert_eq!(verdict(Expectation::Like(vec!["c".into()])), Verdict::Unknown);
    }

    #[test]
    fn what_is_said_of_steps_that_there_are_not_cannot_be_judged() {
        let (verdict, measured) = check(Expectation::FlatStep(1500.0, 2500.0));
        assert_eq!(verdict, Verdict::Unknown);
        assert_eq!(
            measured,
            "these trainings have 1000 steps, and the claim is about step 1500 to 2500"
        );
        // They may well be flat by then.
        assert_eq!(check(Expectation::FlatStep(90.0, 2500.0)).0, Verdict::Holds);
    }

    #[test]
    fn what_is_measured_is_said_with_its_spread() {
        assert_eq!(
            check(Expectation::FlatStep(0.0, 1.0)).1,
            "flat at step 120, 100 to 900 of 1000, in 4 of 4 seeds"
        );
        assert_eq!(
            check(Expectation::FasterThan(vec!["b".into()])).1,
            "flat at step 120, 100 to 900 of 1000, in 4 of 4 seeds; earlier than b in 81% of pairs"
        );
        assert_eq!(
            check(Expectation::Fall(Fall::Sharp)).1,
            "90% of the fall done at step 60, 6% of the training"
        );
    }

    #[test]
    fn a_claim_is_as_good_as_its_worst_part() {
        let claim = Claim {
            model: "a".into(),
            text: "…".into(),
            expectations: vec![Expectation::FlatStep(90.0, 150.0), Expectation::FlatStep(0.0, 1.0)],
        };
        let entry = verdict(&claim, &[falls("a", &[Some(100)])]);
        assert_eq!(entry.verdict, Verdict::Fails);
        assert_eq!(entry.measured.matches("flat at").count(), 1, "{}", entry.measured);
    }
}
