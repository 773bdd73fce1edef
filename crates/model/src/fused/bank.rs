//! A bank: trainings of one shape that one device computes together, each in its slot.

use crate::activation::Activation;
pub(crate) use crate::lane_state::LaneState;
use crate::layer_values::Layers;

/// What the trainings of a bank have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct BankShape {
    /// The sizes of the layers' outputs, the inputs first and the classes last, as the bank has them: those of a lane may
    /// be smaller, see [`BankMaker::padded`].
    pub widths: Vec<usize>,
    /// How many examples a step has at most.
    pub batch_size: usize,
}

impl BankShape {
    /// What a training of this shape takes, in bytes: weights, gradients and both moments, and of each layer the values
    /// of a batch with their gradients.
    pub fn estimated_bytes(&self) -> u64 {
        let numbers = |pair: &[usize]| (pair[0] as u64 + 1).saturating_mul(pair[1] as u64);
        let parameters = self.widths.windows(2).map(numbers).fold(0, u64::saturating_add);
        let units = self.widths.iter().fold(0u64, |sum, width| sum.saturating_add(*width as u64));
        let values = units.saturating_mul(self.batch_size as u64);
        let numbers = parameters.saturating_mul(4).saturating_add(values.saturating_mul(2));
        numbers.saturating_mul(size_of::<f32>() as u64)
    }
}

/// What each training of a bank has of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LaneSettings {
    /// What stands behind each hidden layer.
    pub activation: Activation,
    /// Whether a softmax stands in front of the cross-entropy, which applies softmax itself.
    pub softmax: bool,
    /// Adam's learning rate.
    pub lr: f64,
}

/// What is read of a training.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reading {
    /// The mean loss of the batch of each step since the training was loaded or last read, in their order.
    pub losses: Vec<f32>,
    /// Of each layer the Euclidean norm of the gradient of its weights, in the last step.
    pub gradient_norms: Vec<f32>,
    /// Weights and biases, in their true sizes.
    pub layers: Layers,
}

/// A step of one training of a bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LaneStep<'a> {
    /// Where the training is.
    pub slot: usize,
    /// Its examples: at least one, and at most as many as the batch size.
    pub batch: &'a [u32],
    /// Whether the training is read after this step: the norms of its gradients are not asked for after any other.
    pub is_read: bool,
}

/// Trainings of one shape that are computed together. All calls come from the thread that has made it.
///
/// **The bits of a training depend on nothing but the training**: not on its slot, the number of slots, nor what stands in
/// the others or takes part in a step.
pub(crate) trait LaneBank {
    /// How many trainings have room.
    fn slots(&self) -> usize;

    /// Puts a training into a slot, whatever was there: it is not read nor stepped again.
    fn load(
        &mut self,
        slot: usize,
        settings: LaneSettings,
        state: &LaneState,
    ) -> Result<(), BankError>;

    /// A step for each of these slots. Slots ascend; none is there twice, and all are loaded. What fails for want of
    /// memory has changed nothing.
    fn step(&mut self, steps: &[LaneStep]) -> Result<(), BankError>;

    /// What is to be read of each of these slots, all at once, so that a device is waited for once. Slots ascend, and the
    /// last step of each said so.
    fn read(&mut self, slots: &[usize]) -> Result<Vec<Reading>, BankError>;

    /// The training in this slot, to be loaded elsewhere, and the losses that were not read yet. The slot is empty after
    /// it.
    fn unload(&mut self, slot: usize) -> Result<(LaneState, Vec<f32>), BankError>;
}

/// Makes the banks of one device, all of them from the same examples.
pub(crate) trait BankMaker: Send + Sync {
    /// The size that a layer of this many units has in a bank: the same for all sizes that share a bank.
    fn padded(&self, width: usize) -> usize;

    /// What one slot takes of the device's memory at most, in bytes.
    fn bytes_per_slot(&self, shape: &BankShape) -> u64 {
        shape.estimated_bytes()
    }

    /// How much memory all banks of the device may take together, in bytes.
    fn budget_bytes(&self) -> u64;

    /// A bank with room for this many trainings, at least one. It is used on the thread that calls.
    fn make(&self, shape: &BankShape, slots: usize) -> Result<Box<dyn LaneBank>, BankError>;
}

/// Why a bank cannot do something.
#[cfg_attr(
    not(any(feature = "wgpu", test)),
    expect(
        dead_code,
        reason = "the system, not the bank, ends what takes too much memory of a processor"
    )
)]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BankError {
    /// The device has too little memory: fewer trainings at once may have room.
    #[error("the device has too little memory")]
    OutOfMemory,
    /// No training of this shape can be computed on the device, for this reason; those of other shapes can.
    #[error("{0}")]
    Shape(String),
    /// The device computes no more, such as one that was taken away, for this reason. Nor will it later.
    #[error("{0}")]
    Device(String),
}
