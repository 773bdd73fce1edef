//! A bank on burn-flex: the trainings one after the other, each as if it were alone. So it gives the bits of trainings that
//! nobody fuses.

use std::sync::Arc;

use burn_tune_data::Examples;

use super::bank::{BankError, BankMaker, BankShape, LaneBank, LaneSettings, LaneStep, Reading};
use crate::backend::Backend;
use crate::config::MlpConfig;
use crate::lane::FlexLane;
use crate::lane_state::LaneState;

/// Makes banks on burn-flex.
pub(crate) struct FlexBanks {
    pub examples: Arc<Examples>,
}

struct FlexBank {
    examples: Arc<Examples>,
    slots: Vec<Option<Slot>>,
}

struct Slot {
    lane: FlexLane<Arc<Examples>>,
    losses: Vec<f32>,
}

impl BankMaker for FlexBanks {
    fn padded(&self, width: usize) -> usize {
        width
    }

    /// Trainings in threads are not limited either.
    fn budget_bytes(&self) -> u64 {
        u64::MAX
    }

    fn make(&self, _: &BankShape, slots: usize) -> Result<Box<dyn LaneBank>, BankError> {
        let slots = std::iter::repeat_with(|| None).take(slots).collect();
        Ok(Box::new(FlexBank { examples: self.examples.clone(), slots }))
    }
}

impl FlexBank {
    fn slot(&mut self, slot: usize) -> &mut Slot {
        self.slots[slot].as_mut().expect("only slots that are loaded are asked for")
    }
}

impl LaneBank for FlexBank {
    fn slots(&self) -> usize {
        self.slots.len()
    }

    fn load(
        &mut self,
        slot: usize,
        settings: LaneSettings,
        state: &LaneState,
    ) -> Result<(), BankError> {
        let LaneSettings { activation, softmax, lr } = settings;
        let config = MlpConfig { activation, softmax, lr, ..MlpConfig::default() };
        let device = Backend::Flex.device();
        let lane = FlexLane::resumed(&config, state, self.examples.clone(), &device);
        self.slots[slot] = Some(Slot { lane, losses: Vec::new() });
        Ok(())
    }

    fn step(&mut self, steps: &[LaneStep]) -> Result<(), BankError> {
        for step in steps {
            let slot = self.slot(step.slot);
            let loss = slot.lane.step(step.batch, step.is_read);
            slot.losses.push(loss);
        }
        Ok(())
    }

    fn read(&mut self, slots: &[usize]) -> Result<Vec<Reading>, BankError> {
        let read = |slot: &usize| {
            let slot = self.slot(*slot);
            Reading {
                losses: std::mem::take(&mut slot.losses),
                gradient_norms: slot.lane.gradient_norms(),
                layers: slot.lane.layers(),
            }
        };
        Ok(slots.iter().map(read).collect())
    }

    fn unload(&mut self, slot: usize) -> Result<(LaneState, Vec<f32>), BankError> {
        let slot = self.slots[slot].take().expect("only slots that are loaded are asked for");
        Ok((slot.lane.state(), slot.losses))
    }
}
