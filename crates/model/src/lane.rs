//! A lane: one training's numbers, whoever computes them. The loop of a training (`train.rs`) and the recorder speak with
//! it, and with nothing else.

mod burn;
mod flex;

use burn_tune::Result;

pub(crate) use burn::BurnLane;
pub use burn::gradients;
pub(crate) use flex::FlexLane;

use crate::mlp::Mlp;

/// What is known of the steps of one call of [`Lane::train`].
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Steps {
    /// The mean loss of each step's batch, from before the step's update.
    pub losses: Vec<f32>,
    /// Of each layer the Euclidean norm of the gradient of its weights, in the last of the steps.
    pub gradient_norms: Vec<f32>,
}

/// One training, from its initial weights on.
pub(crate) trait Lane {
    /// Takes a step on each of these batches, one after the other: indices of examples, of which no batch has more than
    /// the batch size of the training. There is at least one batch.
    ///
    /// A lane may be computed on another thread, or another device: it is told as many batches at once as there are until
    /// somebody looks, and what was computed is read once.
    ///
    /// # Errors
    ///
    /// What `check_stop` says, which is asked often while it computes, or that it cannot be computed. The lane is of no
    /// use then.
    fn train(&mut self, batches: &[&[u32]], check_stop: &dyn Fn() -> Result<()>) -> Result<Steps>;

    /// The model as it is now, on the device that scores it, without autodiff.
    ///
    /// # Errors
    ///
    /// Where it cannot be had from where it is computed.
    fn model(&mut self) -> Result<Mlp>;
}
