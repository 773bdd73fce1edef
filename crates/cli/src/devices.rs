//! `burn-tune devices`: what there is to compute with.

use std::process::ExitCode;

use anyhow::Result;
use burn_tune_app::console::{print, print_json, say};
use burn_tune_app::exit::FAILED;
use burn_tune_model::{Backend, DeviceFacts};
use serde::Serialize;

use crate::args::{DevicesArgs, not_built_in};

/// What is printed as JSON.
#[derive(Serialize)]
struct Devices {
    devices: Vec<DeviceFacts>,
    /// Backends that have none.
    missing: Vec<Missing>,
}

/// A backend without a device.
#[derive(Serialize)]
struct Missing {
    backend: &'static str,
    is_built_in: bool,
    reason: String,
}

/// Lists the devices of each backend that is compiled in, and says on stderr why others have none.
pub fn devices(args: &DevicesArgs) -> Result<ExitCode> {
    let mut found = Devices { devices: Vec::new(), missing: Vec::new() };
    for backend in Backend::NAMES {
        let facts = match Backend::by_name(backend) {
            Some(backend) => backend.device_facts(),
            None => Err(not_built_in(backend)),
        };
        match facts {
            Ok(facts) => found.devices.extend(facts),
            Err(reason) => {
                let is_built_in = Backend::by_name(backend).is_some();
                found.missing.push(Missing { backend, is_built_in, reason });
            }
        }
    }
    let printed = match args.json {
        true => print_json(&found)?,
        false => print(&table(&found.devices))?,
    };
    if !args.json {
        let missing = found.missing.iter();
        missing.for_each(|Missing { backend, reason, .. }| say(&format!("{backend}: {reason}")));
    }
    let lacks = found.missing.iter().any(|missing| missing.is_built_in);
    Ok(if lacks { ExitCode::from(FAILED) } else { printed })
}

fn table(devices: &[DeviceFacts]) -> String {
    let mut text = "backend  device  kind        name\n".to_owned();
    for facts in devices {
        let DeviceFacts { backend, device, name, kind, .. } = facts;
        text += &format!("{backend:7}  {device:>6}  {kind:10}  {name}{}\n", details(facts));
    }
    text
}

/// What is known of a graphics card besides.
fn details(facts: &DeviceFacts) -> String {
    let driver = match (&facts.api, &facts.driver) {
        (Some(api), Some(driver)) if !driver.is_empty() => Some(format!("{api}, {driver}")),
        (api, _) => api.clone(),
    };
    let buffer = facts.largest_buffer_bytes;
    let buffer = buffer.map(|bytes| format!("buffers up to {} MiB", bytes >> 20));
    let memory = facts.memory_bytes.map(|bytes| format!("memory {} MiB", bytes >> 20));
    let details: Vec<String> = driver.into_iter().chain(memory).chain(buffer).collect();
    if details.is_empty() { String::new() } else { format!(" ({})", details.join("; ")) }
}
