//! The backends that are compiled in: the only place that names one.

use burn::tensor::{Device, Tensor};
use burn_tune_search::executor::catching;

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
    /// burn-wgpu: a graphics card, through Vulkan, Metal or DirectX.
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

    /// The device that computes.
    pub fn device(self) -> Device {
        match self {
            Backend::Flex => Device::flex(),
            #[cfg(feature = "ndarray")]
            Backend::Ndarray => Device::ndarray(),
            #[cfg(feature = "wgpu")]
            Backend::Wgpu => Device::wgpu(burn::tensor::DeviceKind::DefaultDevice),
        }
    }

    /// Tries whether the device computes at all: before the trials, each of which would fail alone.
    ///
    /// # Errors
    ///
    /// What Burn says, such as that there is no graphics card.
    pub fn probe(self) -> Result<(), String> {
        let sum = catching(|| {
            let one = Tensor::<1>::from_data([1.0f32, 2.0], &self.device());
            one.sum().try_into_scalar::<f32>().map_err(|error| format!("{error:?}"))
        });
        match sum.flatten() {
            Ok(3.0) => Ok(()),
            Ok(sum) => Err(format!("on the {} backend, 1 + 2 is {sum}", self.name())),
            Err(error) => Err(format!("the {} backend does not work here: {error}", self.name())),
        }
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
