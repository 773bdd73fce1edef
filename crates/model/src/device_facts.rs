//! What there is to compute with, for people who choose.

use serde::Serialize;

/// A device of a backend of this build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceFacts {
    /// The backend, as `--backend` takes it.
    pub backend: &'static str,
    /// Its number, as `--device` takes it.
    pub device: usize,
    /// What its maker calls it.
    pub name: String,
    /// `processor`, or of graphics cards `discrete`, `integrated`, `virtual`, `software` or `other`.
    pub kind: &'static str,
    /// Of a graphics card, the interface that it is driven through, such as `Vulkan`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
    /// Of a graphics card, its driver with the driver's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Of a graphics card, its memory in bytes, where its interface tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Of a graphics card, the largest buffer that a kernel can read, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub largest_buffer_bytes: Option<u64>,
}

impl DeviceFacts {
    /// The processor, as the one device of this backend.
    pub(crate) fn processor(backend: &'static str) -> Self {
        DeviceFacts {
            backend,
            device: 0,
            name: processor_name(),
            kind: "processor",
            api: None,
            driver: None,
            memory_bytes: None,
            largest_buffer_bytes: None,
        }
    }
}

/// The graphics cards, as the devices of this backend; what is missing where there is none.
#[cfg(feature = "wgpu")]
pub(crate) fn cards(backend: &'static str) -> Result<Vec<DeviceFacts>, String> {
    use crate::adapters::{Adapter, missing};

    let adapters = Adapter::all();
    if adapters.is_empty() {
        return Err(missing());
    }
    let cards = adapters.iter().enumerate().map(|(device, adapter)| DeviceFacts {
        backend,
        device,
        name: adapter.name.clone(),
        kind: adapter.kind,
        api: Some(adapter.api.clone()),
        driver: Some(adapter.driver.clone()),
        memory_bytes: adapter.memory,
        largest_buffer_bytes: Some(adapter.largest_buffer),
    });
    Ok(cards.collect())
}

/// What the system calls the processor, and how many threads it runs at once.
fn processor_name() -> String {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let facts = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = facts.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or(std::env::consts::ARCH, |(_, name)| name.trim());
    format!("{model}, {threads} thread{}", if threads == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_one_device() {
        let facts = DeviceFacts::processor("flex");
        assert_eq!((facts.device, facts.kind), (0, "processor"));
        assert!(facts.name.contains(" thread"), "{facts:?}");
    }
}
