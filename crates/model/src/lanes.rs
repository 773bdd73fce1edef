//! Who computes the trainings of this process: each by itself on the thread that asks, or several together.

use std::sync::Arc;

use burn_tune::Result;
use burn_tune_data::Examples;

use crate::backend::Backend;
use crate::config::MlpConfig;
use crate::fused::bank::BankShape;
#[cfg(feature = "wgpu")]
use crate::fused::cube::CubeMaker;
use crate::fused::flex::FlexBanks;
use crate::fused::groups::LaneGroups;
use crate::kernels::product::has_fused_multiply_add;
use crate::lane::{BurnLane, FlexLane, Lane};
use crate::layer_values::Layers;

/// What a model is trained on.
#[derive(Debug, Clone, Copy)]
pub struct TrainingSet<'a> {
    /// Where the examples are.
    pub examples: &'a Examples,
    /// Which of them.
    pub indices: &'a [u32],
    /// How many classes there are.
    pub classes: usize,
}

/// What computes trainings.
#[derive(Debug)]
pub struct Lanes {
    backend: Backend,
    groups: Option<LaneGroups>,
}

impl Lanes {
    /// Each training by itself, on the thread that asks for it.
    ///
    /// # Panics
    ///
    /// On a graphics card, where a single training is a group of one.
    pub fn solo(backend: Backend) -> Self {
        assert!(backend.is_cpu(), "a graphics card computes trainings in groups");
        Lanes { backend, groups: None }
    }

    /// Up to `most` trainings of one shape together; all of them train on `examples`. A training gives the bits that it
    /// gives on this backend without others.
    ///
    /// # Errors
    ///
    /// Where the backend cannot do that.
    pub fn fused(backend: Backend, most: usize, examples: &Arc<Examples>) -> Result<Self, String> {
        let examples = examples.clone();
        let groups = match backend {
            Backend::Flex => LaneGroups::new(most, move |_| {
                Ok(Box::new(FlexBanks { examples: examples.clone() }))
            }),
            #[cfg(feature = "ndarray")]
            Backend::Ndarray => {
                return Err("ndarray computes each training by itself".to_owned());
            }
            #[cfg(feature = "wgpu")]
            Backend::Wgpu => LaneGroups::new(most, move |number| {
                let maker = CubeMaker::new(number, &examples).map_err(|error| error.to_string())?;
                Ok(Box::new(maker))
            }),
        };
        Ok(Lanes { backend, groups: Some(groups) })
    }

    /// Where they are computed.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// How many trainings of one shape are computed together at most; `None` where each is computed by itself.
    pub fn fused_at_most(&self) -> Option<usize> {
        self.groups.as_ref().map(LaneGroups::most_lanes)
    }

    /// How many trainings of such models are to run at once on the device with this number, where they are computed
    /// together: as many as its memory has room for.
    pub(crate) fn fitting(&self, number: Option<usize>, shapes: &[BankShape]) -> Option<usize> {
        let groups = self.groups.as_ref()?;
        // A device that is not there is told of elsewhere.
        Some(groups.fitting(number, shapes).unwrap_or(1))
    }

    /// A training of `config`'s model from these initial numbers on, on the device with this number. Those that are
    /// computed together train on the examples that they share, which `training` has, too.
    ///
    /// # Errors
    ///
    /// Where it cannot be computed there.
    pub(crate) fn begin<'a>(
        &self,
        config: &MlpConfig,
        initial: Layers,
        training: &TrainingSet<'a>,
        number: Option<usize>,
    ) -> Result<Box<dyn Lane + 'a>> {
        let device = self.backend.device();
        match &self.groups {
            None => {
                let examples = training.examples;
                // Without the instruction, each multiply-add of the lane would be a call.
                if self.backend == Backend::Flex && has_fused_multiply_add() {
                    return Ok(Box::new(FlexLane::new(config, &initial, examples, &device)));
                }
                let is_cpu = self.backend.is_cpu();
                Ok(Box::new(BurnLane::new(config, initial, examples, &device, is_cpu)))
            }
            Some(groups) => {
                // A step never has more: nothing is kept ready for it.
                let batch_size = config.batch_size.min(training.indices.len());
                Ok(Box::new(groups.join(number, config, batch_size, initial, device)?))
            }
        }
    }
}
