//! The memory of a bank on its card.

use cubecl::client::Client;
use cubecl::prelude::BufferArg;
use cubecl::server::Handle;

use super::kernels::QUAD;
use super::layout::{QUAD_BYTES, SlotSizes};
use super::maker::bank_error;
use crate::fused::bank::BankError;

/// How many losses of a training wait on the card. When one more comes, all are read.
pub(super) const LOSSES: usize = 1_024;

/// A buffer on the card.
pub(super) struct Buffer {
    pub handle: Handle,
    /// How many elements a kernel sees.
    pub len: usize,
}

/// All of them.
pub(super) struct Buffers {
    pub parameters: Buffer,
    pub gradients: Buffer,
    pub first_moments: Buffer,
    pub second_moments: Buffer,
    /// Of each layer. On the way back, gradients take their places.
    pub outputs: Vec<Buffer>,
    /// Of each hidden layer, what goes into its activation.
    pub kept: Vec<Buffer>,
    pub losses: Buffer,
    pub norms: Buffer,
    /// For kernels that have no use for one.
    pub unused: Buffer,
}

impl Buffer {
    fn quads(client: &Client, quads: usize) -> Self {
        Buffer { handle: client.empty(quads * QUAD_BYTES), len: quads }
    }

    fn numbers(client: &Client, numbers: usize) -> Self {
        Buffer { handle: client.empty(numbers * size_of::<f32>()), len: numbers }
    }

    pub fn arg(&self) -> BufferArg {
        // SAFETY: the buffer has this length.
        unsafe { BufferArg::from_raw_parts(self.handle.clone(), self.len) }
    }

    /// The same numbers one by one.
    pub fn arg_of_numbers(&self) -> BufferArg {
        // SAFETY: the buffer has this length.
        unsafe { BufferArg::from_raw_parts(self.handle.clone(), self.len * QUAD) }
    }

    /// So many bytes of a buffer of quads, from `begin` quads on.
    pub fn part(&self, begin: usize, quads: usize) -> Handle {
        let behind = (self.len - begin - quads) * QUAD_BYTES;
        let handle = self.handle.clone().offset_start((begin * QUAD_BYTES) as u64);
        handle.offset_end(behind as u64)
    }
}

impl Buffers {
    /// Each is an allocation of its own, which the card gets back with the bank.
    pub fn new(client: &Client, sizes: &SlotSizes, slots: usize) -> Result<Self, BankError> {
        let layers = sizes.outputs.len();
        let buffers = client.memory_dedicated_allocation((), |()| {
            let parameters = || Buffer::quads(client, sizes.parameters * slots);
            let outputs = |quads: &usize| Buffer::quads(client, quads * slots);
            Buffers {
                parameters: parameters(),
                gradients: parameters(),
                first_moments: parameters(),
                second_moments: parameters(),
                outputs: sizes.outputs.iter().map(outputs).collect(),
                kept: sizes.outputs[..layers - 1].iter().map(outputs).collect(),
                losses: Buffer::numbers(client, LOSSES * slots),
                norms: Buffer::numbers(client, layers * slots),
                unused: Buffer::quads(client, 1),
            }
        });
        client.check(buffers.all().map(|buffer| &buffer.handle)).map_err(bank_error)?;
        Ok(buffers)
    }

    fn all(&self) -> impl Iterator<Item = &Buffer> {
        let Buffers { parameters, gradients, first_moments, second_moments, .. } = self;
        let fixed = [parameters, gradients, first_moments, second_moments];
        let rest = [&self.losses, &self.norms, &self.unused];
        fixed.into_iter().chain(&self.outputs).chain(&self.kept).chain(rest)
    }
}
