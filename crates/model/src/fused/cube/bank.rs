//! Trainings of one shape on a card, each in its slot.

use cubecl::client::Client;
use cubecl::prelude::{BufferArg, CubeCount, CubeDim, CubeElement};
use cubecl::server::Handle;

use super::buffers::{Buffer, Buffers, LOSSES};
use super::kernels::tile::Tiling;
use super::kernels::{QUAD, adam, loss, norm, product, tile};
use super::layout::{Parameters, SlotSizes};
use super::maker::{Data, bank_error};
use super::table::{self, LAYER, LAYERS, quads};
use crate::adam::adam_step;
use crate::fused::bank::{
    BankError, BankShape, LaneBank, LaneSettings, LaneState, LaneStep, Reading,
};
use crate::layer_values::Layers;

/// The most cubes beside each other that every card takes.
const MOST_CUBES: usize = 65_535;

/// A bank on a card.
pub(super) struct CubeBank {
    client: Client,
    data: Data,
    buffers: Buffers,
    sizes: SlotSizes,
    slots: Vec<Option<Slot>>,
}

/// A training in its slot.
struct Slot {
    settings: LaneSettings,
    parameters: Parameters,
    steps: u32,
    /// Losses that are still on the card.
    waiting: usize,
    losses: Vec<f32>,
}

/// What the kernels of a step have in common.
struct Step {
    table: Buffer,
    /// Places in a lane's row of the table.
    row: usize,
    lanes: Vec<LaneSize>,
}

/// How large the matrices of a lane are.
struct LaneSize {
    /// Quads of rows in its batch.
    row_quads: usize,
    /// Quads of the layers' outputs, the inputs first.
    widths: Vec<usize>,
    /// Quads of its parameters.
    parameters: usize,
}

impl CubeBank {
    /// An empty bank of so many slots.
    pub fn new(
        client: Client,
        data: Data,
        shape: &BankShape,
        slots: usize,
    ) -> Result<Self, BankError> {
        let sizes = SlotSizes::new(shape);
        let buffers = Buffers::new(&client, &sizes, slots)?;
        let slots = (0..slots).map(|_| None).collect();
        Ok(CubeBank { client, data, buffers, sizes, slots })
    }

    fn loaded(&mut self, slot: usize) -> &mut Slot {
        self.slots[slot].as_mut().expect("a slot is loaded before it is used")
    }

    /// The parameters or moments of a training on the card.
    fn part(&self, buffer: &Buffer, slot: usize, parameters: &Parameters) -> Handle {
        buffer.part(slot * self.sizes.parameters, parameters.quads)
    }

    fn write(
        &self,
        buffer: &Buffer,
        slot: usize,
        parameters: &Parameters,
        layers: Option<&Layers>,
    ) {
        let packed = match layers {
            Some(layers) => parameters.pack(layers),
            None => vec![0.0; parameters.quads * QUAD],
        };
        let part = self.part(buffer, slot, parameters);
        self.client.write(&part, cubecl::bytes::Bytes::from_elems(packed));
    }

    /// Brings all losses from the card.
    fn read_losses(&mut self) -> Result<(), BankError> {
        let bytes = self.client.read_one(self.buffers.losses.handle.clone()).map_err(bank_error)?;
        self.keep_losses(f32::from_bytes(&bytes));
        Ok(())
    }

    fn keep_losses(&mut self, losses: &[f32]) {
        let slots = self.slots.iter_mut().zip(losses.chunks_exact(LOSSES));
        for (slot, losses) in slots.filter_map(|(slot, losses)| Some((slot.as_mut()?, losses))) {
            slot.losses.extend_from_slice(&losses[..slot.waiting]);
            slot.waiting = 0;
        }
    }

    /// Uploads what the kernels are to do, and counts the step.
    fn begin_step(&mut self, steps: &[LaneStep]) -> Step {
        let layers = self.sizes.outputs.len();
        let row = LAYERS + LAYER * layers;
        let mut words = vec![0; row * steps.len()];
        let mut lanes = Vec::with_capacity(steps.len());
        for (lane, LaneStep { slot, batch, .. }) in steps.iter().enumerate() {
            let begin = words.len();
            words.extend_from_slice(batch);
            let training = self.loaded(*slot);
            training.steps += 1;
            let place = training.waiting;
            training.waiting += 1;
            let row = &mut words[lane * row..][..row];
            training.describe(row);
            row[table::SLOT] = *slot as u32;
            row[table::ROWS] = batch.len() as u32;
            row[table::LOSS] = place as u32;
            row[table::BATCH] = begin as u32;
            lanes.push(LaneSize {
                row_quads: quads(batch.len()),
                widths: training.parameters.widths.iter().map(|width| quads(*width)).collect(),
                parameters: training.parameters.quads,
            });
        }
        let handle = self.client.create_from_slice(u32::as_bytes(&words));
        Step { table: Buffer { handle, len: words.len() }, row, lanes }
    }

    fn forward(&self, step: &Step, layer: usize) {
        let (buffers, sizes) = (&self.buffers, &self.sizes);
        let is_last = layer + 1 == sizes.outputs.len();
        let (inputs, lane_inputs) = match layer {
            0 => (&buffers.parameters, 0),
            layer => (&buffers.outputs[layer - 1], sizes.outputs[layer - 1]),
        };
        let kept = if is_last { &buffers.unused } else { &buffers.kept[layer] };
        for (tiling, count) in step.cubes(|lane| (lane.row_quads, lane.widths[layer + 1])) {
            // SAFETY: places are those of `layout.rs`, and the table's sizes those of the slots.
            unsafe {
                product::forward::launch_unchecked(
                    &self.client,
                    count,
                    CubeDim::new_1d(tile::UNITS as u32),
                    step.table.arg(),
                    self.pixels(),
                    inputs.arg(),
                    buffers.parameters.arg(),
                    buffers.outputs[layer].arg(),
                    kept.arg(),
                    step.row,
                    LAYERS + LAYER * layer,
                    sizes.parameters,
                    lane_inputs,
                    sizes.outputs[layer],
                    layer == 0,
                    is_last,
                    tiling,
                );
            }
        }
    }

    fn losses(&self, step: &Step) {
        let last = self.sizes.outputs.len() - 1;
        // SAFETY: as above; a label is below the classes, and an index below the examples.
        unsafe {
            loss::cross_entropy::launch_unchecked(
                &self.client,
                step.each(1, 1),
                CubeDim::new_1d(loss::UNITS as u32),
                step.table.arg(),
                BufferArg::from_raw_parts(self.data.labels.clone(), self.data.examples),
                self.buffers.outputs[last].arg_of_numbers(),
                self.buffers.losses.arg(),
                step.row,
                LAYERS + LAYER * last,
                self.sizes.outputs[last] * QUAD,
                LOSSES,
            );
        }
    }

    fn gradients(&self, step: &Step, layer: usize) {
        let (buffers, sizes) = (&self.buffers, &self.sizes);
        let (inputs, lane_inputs) = match layer {
            0 => (&buffers.parameters, 0),
            layer => (&buffers.outputs[layer - 1], sizes.outputs[layer - 1]),
        };
        for (tiling, count) in step.cubes(|lane| (lane.widths[layer], lane.widths[layer + 1])) {
            // SAFETY: as above.
            unsafe {
                product::gradients::launch_unchecked(
                    &self.client,
                    count,
                    CubeDim::new_1d(tile::UNITS as u32),
                    step.table.arg(),
                    self.pixels(),
                    inputs.arg(),
                    buffers.outputs[layer].arg(),
                    buffers.gradients.arg(),
                    step.row,
                    LAYERS + LAYER * layer,
                    sizes.parameters,
                    lane_inputs,
                    sizes.outputs[layer],
                    layer == 0,
                    tiling,
                );
            }
        }
    }

    /// From the gradient of a layer's outputs to that of the layer before's.
    fn backward(&self, step: &Step, layer: usize) {
        let (buffers, sizes) = (&self.buffers, &self.sizes);
        for (tiling, count) in step.cubes(|lane| (lane.row_quads, lane.widths[layer])) {
            // SAFETY: as above.
            unsafe {
                product::backward::launch_unchecked(
                    &self.client,
                    count,
                    CubeDim::new_1d(tile::UNITS as u32),
                    step.table.arg(),
                    buffers.outputs[layer].arg(),
                    buffers.parameters.arg(),
                    buffers.kept[layer - 1].arg(),
                    buffers.outputs[layer - 1].arg(),
                    step.row,
                    LAYERS + LAYER * layer,
                    sizes.parameters,
                    sizes.outputs[layer - 1],
                    sizes.outputs[layer],
                    tiling,
                );
            }
        }
    }

    fn update(&self, step: &Step) {
        let largest = step.lanes.iter().map(|lane| lane.parameters).max().unwrap_or(0);
        let cubes = largest.div_ceil(adam::UNITS as usize).min(MOST_CUBES);
        let constants = adam_step(1.0, 1);
        let buffers = &self.buffers;
        // SAFETY: as above.
        unsafe {
            adam::adam::launch_unchecked(
                &self.client,
                step.each(cubes, 1),
                CubeDim::new_1d(adam::UNITS),
                step.table.arg(),
                buffers.gradients.arg(),
                buffers.parameters.arg(),
                buffers.first_moments.arg(),
                buffers.second_moments.arg(),
                step.row,
                self.sizes.parameters,
                constants.share_1,
                constants.beta_2,
                constants.share_2,
                constants.epsilon,
            );
        }
    }

    /// The norms of the gradients of these lanes, into their places on the card.
    fn norms(&self, step: &Step) {
        // SAFETY: as above.
        unsafe {
            norm::norm::launch_unchecked(
                &self.client,
                step.each(1, self.sizes.outputs.len()),
                CubeDim::new_1d(norm::UNITS as u32),
                step.table.arg(),
                self.buffers.gradients.arg(),
                self.buffers.norms.arg(),
                step.row,
                self.sizes.parameters,
            );
        }
    }

    fn pixels(&self) -> BufferArg {
        // SAFETY: the buffer has this length.
        unsafe { BufferArg::from_raw_parts(self.data.pixels.clone(), self.data.words) }
    }
}

impl Step {
    /// So many cubes for each lane.
    fn each(&self, x: usize, y: usize) -> CubeCount {
        CubeCount::Static(x as u32, y as u32, self.lanes.len() as u32)
    }

    /// The cubes for a product whose result has these quads of rows and of columns, for each tiling that any lane has.
    fn cubes(
        &self,
        size: impl Fn(&LaneSize) -> (usize, usize),
    ) -> impl Iterator<Item = (Tiling, CubeCount)> {
        let sizes: Vec<(usize, usize)> = self.lanes.iter().map(size).collect();
        Tiling::ALL.into_iter().filter_map(move |tiling| {
            let ours = || sizes.iter().filter(|(_, columns)| Tiling::of(*columns) == tiling);
            let rows = ours().map(|(rows, _)| rows.div_ceil(tiling.tile_rows())).max()?;
            let columns =
                ours().map(|(_, columns)| columns.div_ceil(tiling.tile_columns())).max()?;
            let count = CubeCount::Static(columns as u32, rows as u32, sizes.len() as u32);
            Some((tiling, count))
        })
    }
}

impl Slot {
    /// Writes into a row of the table what the kernels are to know of the training.
    fn describe(&self, row: &mut [u32]) {
        let LaneSettings { activation, softmax, lr } = self.settings;
        let step = adam_step(lr, self.steps as i32);
        row[table::ACTIVATION] = table::code(activation);
        row[table::SOFTMAX] = softmax.into();
        row[table::STEP_SIZE] = step.step_size.to_bits();
        row[table::CORRECTION] = step.correction_2_sqrt.to_bits();
        row[table::PARAMETERS] = self.parameters.quads as u32;
        let layers = self.parameters.widths.windows(2).zip(&self.parameters.begins);
        for ((pair, begin), row) in layers.zip(row[LAYERS..].chunks_exact_mut(LAYER)) {
            row[table::INPUTS] = quads(pair[0]) as u32;
            row[table::OUTPUTS] = pair[1] as u32;
            row[table::WEIGHTS] = *begin as u32;
        }
    }
}

impl LaneBank for CubeBank {
    fn slots(&self) -> usize {
        self.slots.len()
    }

    fn load(
        &mut self,
        slot: usize,
        settings: LaneSettings,
        state: &LaneState,
    ) -> Result<(), BankError> {
        let parameters = Parameters::of(&state.layers);
        let moments = state.moments.as_ref();
        self.write(&self.buffers.parameters, slot, &parameters, Some(&state.layers));
        let [first, second] = [0, 1].map(|i| moments.map(|moments| &moments[i]));
        self.write(&self.buffers.first_moments, slot, &parameters, first);
        self.write(&self.buffers.second_moments, slot, &parameters, second);
        let steps = state.steps;
        self.slots[slot] =
            Some(Slot { settings, parameters, steps, waiting: 0, losses: Vec::new() });
        Ok(())
    }

    fn step(&mut self, steps: &[LaneStep]) -> Result<(), BankError> {
        if steps.iter().any(|step| self.loaded(step.slot).waiting == LOSSES) {
            self.read_losses()?;
        }
        let step = self.begin_step(steps);
        let layers = self.sizes.outputs.len();
        (0..layers).for_each(|layer| self.forward(&step, layer));
        self.losses(&step);
        for layer in (0..layers).rev() {
            self.gradients(&step, layer);
            if layer > 0 {
                self.backward(&step, layer);
            }
        }
        self.update(&step);
        if steps.iter().any(|step| step.is_read) {
            self.norms(&step);
        }
        Ok(())
    }

    fn read(&mut self, slots: &[usize]) -> Result<Vec<Reading>, BankError> {
        let mut handles =
            vec![self.buffers.losses.handle.clone(), self.buffers.norms.handle.clone()];
        for slot in slots {
            let parameters = self.loaded(*slot).parameters.clone();
            handles.push(self.part(&self.buffers.parameters, *slot, &parameters));
        }
        let bytes = self.client.read(handles).map_err(bank_error)?;
        self.keep_losses(f32::from_bytes(&bytes[0]));
        let layers = self.sizes.outputs.len();
        let norms: Vec<f32> = f32::from_bytes(&bytes[1]).to_vec();
        let readings = slots.iter().zip(&bytes[2..]).map(|(slot, packed)| {
            let training = self.loaded(*slot);
            Reading {
                losses: std::mem::take(&mut training.losses),
                gradient_norms: norms[slot * layers..][..layers].to_vec(),
                layers: training.parameters.unpack(f32::from_bytes(packed)),
            }
        });
        Ok(readings.collect())
    }

    fn unload(&mut self, slot: usize) -> Result<(LaneState, Vec<f32>), BankError> {
        self.read_losses()?;
        let Buffers { parameters, first_moments, second_moments, .. } = &self.buffers;
        let training = self.slots[slot].as_ref().expect("a slot is loaded before it is emptied");
        let buffers = [parameters, first_moments, second_moments];
        let handles = buffers.map(|buffer| self.part(buffer, slot, &training.parameters));
        let bytes = self.client.read(handles.to_vec()).map_err(bank_error)?;
        let unpack = |i: usize| training.parameters.unpack(f32::from_bytes(&bytes[i]));
        let state = LaneState {
            layers: unpack(0),
            moments: (training.steps > 0).then(|| [unpack(1), unpack(2)]),
            steps: training.steps,
        };
        let losses = self.slots[slot].take().map_or(Vec::new(), |training| training.losses);
        Ok((state, losses))
    }
}
