//! The examples on a card, and the banks that train on them.

use burn_tune_data::Examples;
use cubecl::client::Client;
use cubecl::prelude::CubeElement;
use cubecl::server::{Handle, IoError, ServerError};

use super::bank::CubeBank;
use super::layout::SlotSizes;
use super::table::quads;
use crate::adapters::Adapter;
use crate::fused::bank::{BankError, BankMaker, BankShape, LaneBank};

/// What a bank's layers are multiples of: lanes whose layers have sizes that are padded to the same share a bank. Each is
/// computed in its own size, padded to a multiple of four, so this costs memory, and no time.
const WIDTH: usize = 128;

/// What is assumed of the memory of a card that does not say how much it has: as much as small ones have.
const MEMORY_BYTES: u64 = 4 << 30;

/// The examples on a card, where all banks find them.
#[derive(Clone)]
pub(super) struct Data {
    /// Rows of bytes, padded to words.
    pub pixels: Handle,
    /// Words of all pixels.
    pub words: usize,
    /// A word each.
    pub labels: Handle,
    /// How many examples there are.
    pub examples: usize,
}

/// Makes the banks of one card.
pub(crate) struct CubeMaker {
    client: Client,
    data: Data,
    memory: u64,
}

impl CubeMaker {
    /// Uploads the examples to the adapter with this number, or to the one that is preferred.
    ///
    /// # Errors
    ///
    /// Where there is none, they are too large for it, or it does not compute.
    pub fn new(device: Option<usize>, examples: &Examples) -> Result<Self, BankError> {
        let client = Adapter::client(device).map_err(BankError::Device)?;
        let words = quads(examples.features());
        let mut pixels = vec![0u8; examples.len() * words * size_of::<u32>()];
        let rows = pixels.chunks_exact_mut(words * size_of::<u32>());
        for (index, row) in rows.enumerate() {
            row[..examples.features()].copy_from_slice(examples.pixels(index));
        }
        fits(&client, "the examples take", pixels.len() as u64).map_err(BankError::Device)?;
        let labels: Vec<u32> = examples.labels().iter().map(|&label| label.into()).collect();
        let data = Data {
            words: pixels.len() / size_of::<u32>(),
            pixels: client.create_from_slice(&pixels),
            labels: client.create_from_slice(u32::as_bytes(&labels)),
            examples: examples.len(),
        };
        client.check([&data.pixels, &data.labels]).map_err(bank_error)?;
        let memory = Adapter::numbered(device).and_then(|adapter| adapter.memory);
        Ok(CubeMaker { client, data, memory: memory.unwrap_or(MEMORY_BYTES) })
    }
}

impl BankMaker for CubeMaker {
    fn padded(&self, width: usize) -> usize {
        width.next_multiple_of(WIDTH)
    }

    fn bytes_per_slot(&self, shape: &BankShape) -> u64 {
        SlotSizes::new(shape).bytes()
    }

    fn budget_bytes(&self) -> u64 {
        // The examples are there, too, and whatever else the card is used for.
        self.memory / 4 * 3
    }

    fn make(&self, shape: &BankShape, slots: usize) -> Result<Box<dyn LaneBank>, BankError> {
        let largest = SlotSizes::new(shape).largest_bytes();
        fits(&self.client, "one training takes", largest).map_err(BankError::Shape)?;
        if largest * slots as u64 > self.client.properties().memory.max_page_size {
            return Err(BankError::OutOfMemory);
        }
        let bank = CubeBank::new(self.client.clone(), self.data.clone(), shape, slots)?;
        Ok(Box::new(bank))
    }
}

/// Says where the card cannot have a buffer of so many bytes at all.
fn fits(client: &Client, what: &str, bytes: u64) -> Result<(), String> {
    let most = client.properties().memory.max_page_size;
    if bytes <= most {
        return Ok(());
    }
    let mib = bytes.div_ceil(1 << 20);
    let most = most >> 20;
    Err(format!("{what} {mib} MiB in one buffer, and a buffer of this card has at most {most} MiB"))
}

/// What went wrong on the card.
pub(super) fn bank_error(error: ServerError) -> BankError {
    if is_out_of_memory(&error) {
        return BankError::OutOfMemory;
    }
    let told = error.to_string();
    // What follows is the stack of CubeCL's threads.
    let told =
        told.lines().take_while(|line| !line.contains("acktrace") && !line.contains("Asked at"));
    BankError::Device(told.map(str::trim).collect::<Vec<_>>().join(" "))
}

fn is_out_of_memory(error: &ServerError) -> bool {
    match error {
        ServerError::Io(error) => matches!(
            error,
            IoError::OutOfMemory { .. }
                | IoError::BufferTooBig { .. }
                | IoError::PageSizesExhausted { .. }
        ),
        ServerError::Unwritten { root, .. } => is_out_of_memory(root),
        ServerError::Several { errors, .. } => errors.iter().any(is_out_of_memory),
        _ => false,
    }
}
