//! How far a training has come: as its step, or as a share of all of its steps, for trainings of
//! different lengths.

use plotly::layout::Axis;

use super::downsample::Rounded;
use super::plot::percent_axis;

/// What stands on the horizontal axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The number of the step, from 1.
    Step,
    /// That number through the number of all steps.
    Share,
}

impl Progress {
    /// Both, in the order in which they are offered.
    pub const ALL: [Progress; 2] = [Progress::Step, Progress::Share];

    /// What the choice is called.
    pub fn label(self) -> &'static str {
        match self {
            Progress::Step => "against step",
            Progress::Share => "against share of the training",
        }
    }

    /// Where `step` of `steps` stands.
    pub fn x(self, step: u32, steps: usize) -> Rounded {
        match self {
            Progress::Step => f64::from(step).into(),
            Progress::Share => (f64::from(step) / steps as f64).into(),
        }
    }

    /// The axis.
    pub fn axis(self) -> Axis {
        match self {
            Progress::Step => Axis::new().title("step"),
            Progress::Share => percent_axis("share of the training").range(vec![0.0, 1.0]),
        }
    }

    /// What is shown of `x` at a point, as a template of plotly's.
    pub fn hover(self) -> &'static str {
        match self {
            Progress::Step => "step %{x}",
            Progress::Share => "%{x:.1%} of the training",
        }
    }
}
