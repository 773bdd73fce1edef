//! The backends that are compiled in: the only place that names one.

use burn::tensor::{Device, Tensor};

#[cfg(feature = "wgpu")]
use crate::adapters::Adapter;
#[cfg(feature = "wgpu")]
use crate::device_facts;
use crate::device_facts::DeviceFacts;
use crate::kernels::product;

/// What computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Backend {
    /// burn-flex: the processor, fast.
    #[default]
    Flex,
    /// burn-ndarray: the processor; deprecated by Burn.
    #[cfg(feature = "ndarray")]
    Ndarray,
    /// Kernels of ours on a graphics card, through Vulkan, Metal or DirectX, for trainings; models are scored by burn-flex.
    #[cfg(feature = "wgpu")]
    Wgpu,
}

impl Backend {
    /// The names of all backends, compiled in or not.
    pub const NAMES: [&'static str; 3] = ["flex", "ndarray", "wgpu"];

    /// The backend called `name`; `None` where it is unknown or not compiled in.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::compiled_in().iter().copied().find(|backend| backend.name() == name)
    }

    /// The backends of this build.
    pub fn compiled_in() -> &'static [Backend] {
        &[
            Backend::Flex,
            #[cfg(feature = "ndarray")]
            Backend::Ndarray,
            #[cfg(feature = "wgpu")]
            Backend::Wgpu,
        ]
    }

    /// Those of this build whose tensors are Burn's, in this process's memory.
    pub fn processors() -> impl Iterator<Item = Backend> {
        Self::compiled_in().iter().copied().filter(|backend| backend.is_cpu())
    }

    /// As users type it.
    pub fn name(self) -> &'static str {
        match self {
            Backend::Flex => "flex",
            #[cfg(feature = "ndarray")]
            Backend::Ndarray => "ndarray",
            #[cfg(feature = "wgpu")]
            Backend::Wgpu => "wgpu",
        }
    }

    /// Burn's device that models are on, besides their trainings: that of a processor, and of graphics cards burn-flex's.
    /// There, a tensor of a new size would mean new shaders, and a score to wait for whatever the card does for others.
    pub fn device(self) -> Device {
        match self {
            Backend::Flex => Device::flex(),
            #[cfg(feature = "ndarray")]
            Backend::Ndarray => Device::ndarray(),
            #[cfg(feature = "wgpu")]
            Backend::Wgpu => Device::flex(),
        }
    }

    /// Its devices, in the order of their numbers.
    ///
    /// # Errors
    ///
    /// What is missing where there is none.
    pub fn device_facts(self) -> Result<Vec<DeviceFacts>, String> {
        match self {
            #[cfg(feature = "wgpu")]
            Backend::Wgpu => device_facts::cards(self.name()),
            processor => Ok(vec![DeviceFacts::processor(processor.name())]),
        }
    }

    /// Tries whether the devices with these numbers compute at all, or the default one: before the trials, each of
    /// which would fail alone.
    ///
    /// # Errors
    ///
    /// Which devices there are, what is missing where there is none, or what Burn or the card says.
    pub fn probe(self, numbers: &[usize]) -> Result<(), String> {
        let count = self.device_facts()?.len();
        if let Some(number) = numbers.iter().find(|number| **number >= count) {
            let name = self.name();
            return Err(match count {
                1 => format!("there is no device {number}: {name} has one, which is device 0"),
                count => {
                    format!("there is no device {number}: {name} has {count}, from device 0 on")
                }
            });
        }
        match self {
            #[cfg(feature = "wgpu")]
            Backend::Wgpu => match numbers {
                [] => self.probe_card(None),
                numbers => numbers.iter().try_for_each(|number| self.probe_card(Some(*number))),
            },
            processor => processor.probe_processor(),
        }
    }

    #[cfg(feature = "wgpu")]
    fn probe_card(self, number: Option<usize>) -> Result<(), String> {
        Adapter::probe(number).map_err(|reason| self.does_not_work(&reason))
    }

    fn probe_processor(self) -> Result<(), String> {
        let two = Tensor::<1>::from_data([1.0f32, 2.0], &self.device());
        match two.sum().try_into_scalar::<f32>() {
            Ok(3.0) => Ok(()),
            Ok(sum) => Err(format!("on the {} backend, 1 + 2 is {sum}", self.name())),
            Err(error) => Err(self.does_not_work(&format!("{error:?}"))),
        }
    }

    /// What its user is told where it cannot compute for this reason.
    pub fn does_not_work(self, reason: &str) -> String {
        format!("the {} backend does not work here: {reason}", self.name())
    }

    /// What is to be said about computing here, if anything: that the numbers are others than elsewhere.
    pub fn warning(self) -> Option<String> {
        let is_flex = self == Backend::Flex;
        (is_flex && !product::has_fused_multiply_add()).then(|| {
            "this processor has no fused multiply-add: scores differ in their last bits from those of \
             other processors, and trainings are slow"
                .to_owned()
        })
    }

    /// Whether tensors live in this process's memory, where a slice of them costs nothing.
    pub fn is_cpu(self) -> bool {
        match self {
            Backend::Flex => true,
            #[cfg(feature = "ndarray")]
            Backend::Ndarray => true,
            #[cfg(feature = "wgpu")]
            Backend::Wgpu => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_is_not_there_is_told_with_those_that_are() {
        assert_eq!(Backend::Flex.probe(&[]), Ok(()));
        assert_eq!(Backend::Flex.probe(&[0]), Ok(()));
        let told = "there is no device 1: flex has one, which is device 0";
        assert_eq!(Backend::Flex.probe(&[0, 1]), Err(told.to_owned()));
    }
}
