//! Burn's devices, by number, and whether it has the backend that is asked for.

use std::sync::OnceLock;
use std::thread;

use burn::backend::{Device as _, DeviceId, Dispatch, DispatchDevice, DispatchDeviceId};
use burn::tensor::Device;

/// The bits of a device's type above these tell its backend, and what that runs on, such as CUDA or wgpu; those below
/// tell its kind, such as a discrete or an integrated card.
const KIND_BITS: u32 = 5;
/// The bits above these tell the backend alone.
const BACKEND_BITS: u32 = 8;

/// Burn's default device, or the one of its backend that has this number.
///
/// # Panics
///
/// Where there is none, which [`check`] finds out before; where there is no backend.
pub fn numbered(index: Option<usize>) -> Device {
    let Some(index) = index else { return Device::default() };
    let devices = all();
    devices.get(index).cloned().unwrap_or_else(|| panic!("{}", missing(index, devices)))
}

/// Whether there are devices with these numbers. Where there is no backend, the function computes with something else,
/// and nobody can say.
///
/// # Errors
///
/// Which there are.
pub fn check(indices: &[usize]) -> Result<(), String> {
    if indices.is_empty() || quietly(Device::default).is_err() {
        return Ok(());
    }
    let devices = quietly(all).map_err(|reason| format!("the devices cannot be told: {reason}"))?;
    let unknown = indices.iter().find(|index| **index >= devices.len());
    unknown.map_or(Ok(()), |index| Err(missing(*index, devices)))
}

/// Whether Burn has the backend that its variable names, which is `name`.
///
/// # Errors
///
/// Why not, and which there are.
#[cfg(feature = "cli")]
pub fn check_backend(name: &str) -> Result<(), String> {
    let Err(reason) = quietly(Device::default) else { return Ok(()) };
    let has = match backends().as_slice() {
        [] => "no other that computes here".to_owned(),
        names => names.join(", "),
    };
    Err(match reason {
        reason if reason.contains("is not enabled") => format!(
            "this program is built without the backend `{name}`: add the feature `{name}` of the crate `burn` to its Cargo.toml; it has {has}"
        ),
        reason if reason.starts_with("Unknown BURN_DEVICE") => {
            format!("Burn has no backend `{name}`: this program has {has}")
        }
        reason => {
            format!("the backend `{name}` does not compute here: {reason}; this program has {has}")
        }
    })
}

/// The names of the backends that are compiled in, by which Burn's variable calls them; of those that need a graphics
/// card, such for which there is one.
#[cfg(feature = "cli")]
fn backends() -> Vec<&'static str> {
    let has = |id: DispatchDeviceId| DispatchDeviceId::try_from(u16::from(id)).is_ok();
    let mut found = Vec::new();
    if has(DispatchDeviceId::Cube) {
        let devices = quietly(|| Dispatch::enumerate(DispatchDeviceId::Cube)).unwrap_or_default();
        let runtimes: Vec<u16> =
            devices.iter().map(|device| runtime_of(device.to_id()) & 0b111).collect();
        let cards = [(0, "cuda"), (1, "rocm"), (3, "wgpu"), (4, "cpu")];
        found.extend(cards.iter().filter(|(id, _)| runtimes.contains(id)).map(|(_, name)| *name));
    }
    let others = [
        (DispatchDeviceId::Flex, "flex"),
        (DispatchDeviceId::NdArray, "ndarray"),
        (DispatchDeviceId::LibTorch, "tch"),
        (DispatchDeviceId::Remote, "remote"),
    ];
    found.extend(others.into_iter().filter(|(id, _)| has(*id)).map(|(_, name)| name));
    found
}

/// Those of the default device's backend, on whatever that runs. They are looked for once: every training asks, and
/// the system is slow to answer.
fn all() -> &'static [Device] {
    static FOUND: OnceLock<Vec<Device>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let default = Device::default().as_dispatch().to_id();
        let backend = DispatchDeviceId::try_from(default.type_id >> BACKEND_BITS);
        let devices = backend.map(Dispatch::enumerate).unwrap_or_default();
        let ids = devices.iter().map(DispatchDevice::to_id);
        alike(default, ids).map(|id| Device::new(DispatchDevice::from_id(id))).collect()
    })
}

/// Which of the devices are of the backend of the default one, on what that runs, and by the same graphics API.
fn alike(default: DeviceId, ids: impl Iterator<Item = DeviceId>) -> impl Iterator<Item = DeviceId> {
    let same = ids.filter(move |id| runtime_of(*id) == runtime_of(default));
    // The default is the first of its kind: so its index has nothing but the API, where one is asked for, and those
    // that are listed have none.
    same.map(move |id| DeviceId::new(id.type_id, id.index_id | default.index_id))
}

fn runtime_of(id: DeviceId) -> u16 {
    id.type_id >> KIND_BITS
}

fn missing(index: usize, devices: &[Device]) -> String {
    let name =
        |(number, device): (usize, &Device)| format!("{number} is {:?}", device.as_dispatch());
    let names: Vec<String> = devices.iter().enumerate().map(name).collect();
    match names.is_empty() {
        true => format!("there is no device {index}: Burn's backend lists none"),
        false => format!("there is no device {index}: {}", names.join(", ")),
    }
}

/// What it comes to, or the message of its panic, which is shown to nobody else: the log leaves out panics of threads
/// that are called like workers.
fn quietly<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    thread::scope(|scope| {
        let named = thread::Builder::new().name("worker-devices".to_owned());
        let caught = || burn_tune_search::executor::catching(work);
        let result = match named.spawn_scoped(scope, caught) {
            Ok(thread) => thread.join().unwrap_or_else(|_| Err("it panicked".to_owned())),
            Err(error) => Err(error.to_string()),
        };
        result.map_err(|reason| reason.trim_start_matches("panic: ").to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUDA: u16 = 0;
    const WGPU: u16 = 3 << KIND_BITS;

    fn ids(of: &[(u16, u16)]) -> Vec<DeviceId> {
        of.iter().map(|(type_id, index)| DeviceId::new(*type_id, *index)).collect()
    }

    /// As cubecl numbers them, with two cards that CUDA and wgpu reach, an integrated one, and a processor.
    fn found() -> impl Iterator<Item = DeviceId> {
        let cuda = [(CUDA, 0), (CUDA, 1)];
        let wgpu = [(WGPU, 0), (WGPU, 1), (WGPU + 1, 0), (WGPU + 3, 0)];
        ids(&[cuda.as_slice(), wgpu.as_slice()].concat()).into_iter()
    }

    #[test]
    fn numbers_count_the_devices_of_one_backend_of_any_kind() {
        let cuda: Vec<DeviceId> = alike(DeviceId::new(CUDA, 0), found()).collect();
        assert_eq!(cuda, ids(&[(CUDA, 0), (CUDA, 1)]));
        let any_card = DeviceId::new(WGPU + 4, 0);
        let wgpu: Vec<DeviceId> = alike(any_card, found()).collect();
        assert_eq!(wgpu, ids(&[(WGPU, 0), (WGPU, 1), (WGPU + 1, 0), (WGPU + 3, 0)]));
    }

    #[test]
    fn a_graphics_api_that_is_asked_for_is_that_of_all() {
        let vulkan = 1 << 13;
        let any_card = DeviceId::new(WGPU + 4, vulkan);
        let wgpu: Vec<u16> = alike(any_card, found()).map(|id| id.index_id).collect();
        assert_eq!(wgpu, [vulkan, vulkan + 1, vulkan, vulkan]);
    }

    #[test]
    fn a_device_that_is_not_there_is_told_with_those_that_are() {
        assert_eq!(check(&[0]), Ok(()));
        assert_eq!(numbered(Some(0)), Device::default());
        let told = "there is no device 1: 0 is Flex(Cpu)";
        assert_eq!(check(&[0, 1]), Err(told.to_owned()));
        assert_eq!(quietly(|| numbered(Some(1))), Err(told.to_owned()));
    }

    #[cfg(feature = "cli")]
    #[test]
    fn the_backends_of_this_program_are_known() {
        assert!(backends().contains(&"flex"), "{:?}", backends());
    }
}
