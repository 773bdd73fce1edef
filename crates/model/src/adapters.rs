//! Which graphics cards there are, what is missing where there is none, and how to get at one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use cubecl::client::Client;
use cubecl::wgpu::wgpu::{self, Instance, InstanceDescriptor};
use cubecl::wgpu::{AutoGraphicsApi, WgpuDevice, WgpuDeviceKind};

/// A graphics card, or a processor that does a card's work, such as Mesa's lavapipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adapter {
    /// What its maker calls it.
    pub name: String,
    /// `discrete`, `integrated`, `virtual`, `software` or `other`.
    pub kind: &'static str,
    /// The interface that it is driven through: `Vulkan`, `Metal`, `Dx12` or `Gl`.
    pub api: String,
    /// Its driver with the driver's version, as far as they are known.
    pub driver: String,
    /// The largest buffer that a kernel can read, in bytes.
    pub largest_buffer: u64,
    /// Its memory in bytes, where its interface tells it; of a processor, what it has for graphics.
    pub memory: Option<u64>,
    /// CubeCL's name of it.
    device: WgpuDevice,
}

impl Adapter {
    /// Those of this machine, in the order of the numbers that `--device` takes.
    pub fn all() -> &'static [Adapter] {
        // The system is slow to answer, and Vulkan's loader crashes where several threads ask.
        static FOUND: OnceLock<Vec<Adapter>> = OnceLock::new();
        FOUND.get_or_init(|| {
            // As CubeCL chooses: the first interface with a card, else the first with anything.
            let mut software = None;
            for api in AutoGraphicsApi::chain() {
                let adapters = through(api);
                if adapters.iter().any(|adapter| adapter.kind != SOFTWARE) {
                    return adapters;
                }
                if !adapters.is_empty() {
                    software.get_or_insert(adapters);
                }
            }
            software.unwrap_or_default()
        })
    }

    /// The adapter with this number; without one, the one that is preferred where there are several of a kind: the first,
    /// and cards before all else.
    pub(crate) fn numbered(number: Option<usize>) -> Option<&'static Adapter> {
        let rank = |adapter: &&Adapter| match adapter.kind {
            "discrete" => 0,
            "integrated" => 1,
            SOFTWARE => 3,
            _ => 2,
        };
        match number {
            Some(number) => Adapter::all().get(number),
            None => Adapter::all().iter().min_by_key(rank),
        }
    }

    /// CubeCL's client of the adapter with this number, or of the one that it prefers.
    ///
    /// # Errors
    ///
    /// What is missing on this machine, or why the adapter cannot be used.
    pub(crate) fn client(number: Option<usize>) -> Result<Client, String> {
        let adapters = Adapter::all();
        if adapters.is_empty() {
            return Err(missing());
        }
        let device = match number {
            None => WgpuDevice::default(),
            Some(number) => match adapters.get(number) {
                Some(adapter) => adapter.device.clone(),
                None => return Err(format!("there is no graphics card {number}")),
            },
        };
        // CubeCL panics where it cannot open one.
        catch_unwind(AssertUnwindSafe(|| cubecl::Device::Wgpu(device).client())).map_err(|panic| {
            let told = panic.downcast_ref::<String>().map(String::as_str);
            let told = told.or_else(|| panic.downcast_ref::<&str>().copied());
            told.unwrap_or("the graphics card cannot be opened").to_owned()
        })
    }

    /// Whether the adapter with this number, or the preferred one, gives back what it is given.
    ///
    /// # Errors
    ///
    /// What is missing on this machine, or what the card says.
    pub(crate) fn probe(number: Option<usize>) -> Result<(), String> {
        let client = Adapter::client(number)?;
        let sent = [1, 2, 3, 4];
        match client.read_one(client.create_from_slice(&sent)) {
            Ok(received) if received[..] == sent => Ok(()),
            Ok(received) => {
                Err(format!("it was given {sent:?}, and gave back {:?}", &received[..]))
            }
            Err(error) => Err(error.to_string().lines().next().unwrap_or_default().to_owned()),
        }
    }
}

const SOFTWARE: &str = "software";

/// The adapters that this interface has.
fn through(api: wgpu::Backend) -> Vec<Adapter> {
    let instance = Instance::new(InstanceDescriptor {
        backends: api.into(),
        ..InstanceDescriptor::new_without_display_handle()
    });
    let found = cubecl::future::block_on(instance.enumerate_adapters(api.into()));
    let mut before = Vec::new();
    let adapters = found.iter().map(|adapter| {
        let (info, limits) = (adapter.get_info(), adapter.limits());
        // CubeCL counts each kind by itself.
        let place = before.iter().filter(|kind| **kind == info.device_type).count();
        before.push(info.device_type);
        let (kind, device) = match info.device_type {
            wgpu::DeviceType::DiscreteGpu => ("discrete", WgpuDeviceKind::DiscreteGpu(place)),
            wgpu::DeviceType::IntegratedGpu => ("integrated", WgpuDeviceKind::IntegratedGpu(place)),
            wgpu::DeviceType::VirtualGpu => ("virtual", WgpuDeviceKind::VirtualGpu(place)),
            wgpu::DeviceType::Cpu => (SOFTWARE, WgpuDeviceKind::Cpu),
            wgpu::DeviceType::Other => ("other", WgpuDeviceKind::Other(place)),
        };
        let driver = [info.driver, info.driver_info];
        let driver = driver.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
        Adapter {
            name: info.name,
            kind,
            api: format!("{:?}", info.backend),
            driver: driver.collect::<Vec<_>>().join(", "),
            largest_buffer: limits.max_storage_buffer_binding_size.min(limits.max_buffer_size),
            memory: memory(adapter),
            device: WgpuDevice::new(device),
        }
    });
    adapters.collect()
}

/// The largest memory of the adapter's own: others are windows that the processor sees it through.
#[cfg(any(target_os = "linux", target_os = "windows"))]
fn memory(adapter: &wgpu::Adapter) -> Option<u64> {
    /// `VK_MEMORY_HEAP_DEVICE_LOCAL_BIT`
    const DEVICE_LOCAL: u32 = 1;
    // SAFETY: nothing of it is destroyed, and the question changes nothing.
    let heaps = unsafe {
        let adapter = adapter.as_hal::<wgpu::hal::api::Vulkan>()?;
        let instance = adapter.shared_instance().raw_instance();
        instance.get_physical_device_memory_properties(adapter.raw_physical_device())
    };
    let heaps = heaps.memory_heaps.iter().take(heaps.memory_heap_count as usize);
    heaps.filter(|heap| heap.flags.as_raw() & DEVICE_LOCAL != 0).map(|heap| heap.size).max()
}

#[cfg(not(any(target_os = "linux", target_os = "windows")))]
fn memory(_: &wgpu::Adapter) -> Option<u64> {
    None
}

/// What a machine lacks that has no adapter.
pub fn missing() -> String {
    let advice = if cfg!(target_os = "linux") && !has_vulkan_loader() {
        "Vulkan's loader is missing: install it (Debian and Ubuntu: libvulkan1; Fedora: vulkan-loader), and the card's driver"
    } else if cfg!(target_os = "linux") {
        "Vulkan's loader is there, and finds no driver: install the card's (NVIDIA's own; for AMD and Intel Debian's and \
         Ubuntu's mesa-vulkan-drivers, Fedora's mesa-vulkan-drivers), and in a container pass the card through"
    } else {
        "install the driver of the card"
    };
    format!("there is no graphics card here: {advice}")
}

/// As Vulkan's own programs look for it.
fn has_vulkan_loader() -> bool {
    let folders = ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64"].map(Into::into);
    let own = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let folders = folders.into_iter().chain(std::env::split_paths(&own));
    let multiarch = format!("{}-linux-gnu", std::env::consts::ARCH);
    folders
        .flat_map(|folder: std::path::PathBuf| [folder.join(&multiarch), folder])
        .any(|folder| folder.join("libvulkan.so.1").exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adapters_have_the_numbers_of_cubecls_devices() {
        let cubecls = cubecl::Device::enumerate_all();
        let own = Adapter::all().iter().map(|adapter| cubecl::Device::Wgpu(adapter.device.clone()));
        assert!(own.eq(cubecls));
        let Err(error) = Adapter::client(Some(1_000)) else { panic!("so many there are not") };
        assert!(error.starts_with("there is no graphics card"), "{error}");
    }
}
