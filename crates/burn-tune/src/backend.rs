//! Which of Burn's backends computes, where the user of a program says so.

use std::process::ExitCode;

use burn_tune_app::anyhow::{Error, Result};
use burn_tune_search::Identity;
use clap::Args;
use serde_json::Value;

/// The key under which a study keeps the backend, where the user has chosen one: on another, scores are others.
const KEY: &str = "backend";
/// The variable by which Burn itself chooses among the backends that are compiled in.
#[cfg(feature = "burn")]
const VARIABLE: &str = "BURN_DEVICE";

/// How the user chooses it; without the feature `burn`, there is nothing to choose.
#[derive(Debug, Args)]
pub struct BackendArgs {
    /// Which of Burn's backends computes, of those that this program is built with, such as flex, wgpu or cuda
    /// [default: the study's, or Burn's choice]
    #[cfg(feature = "burn")]
    #[arg(long, value_name = "B", env = VARIABLE, hide_env_values = true)]
    backend: Option<String>,
}

impl BackendArgs {
    /// Its name as Burn reads it, in any case.
    fn name(&self) -> Option<String> {
        #[cfg(feature = "burn")]
        return self.backend.as_deref().map(str::to_lowercase);
        #[cfg(not(feature = "burn"))]
        None
    }
}

/// The backend that the user has chosen, if any.
#[derive(Debug, Clone)]
pub struct Backend {
    name: Option<String>,
    /// Whether studies keep it: a program may keep something of its own under the key.
    is_kept: bool,
}

impl Backend {
    /// What the arguments say, for studies of a program with this identity.
    pub fn new(args: &BackendArgs, identity: &Identity) -> Self {
        Backend { name: args.name(), is_kept: !identity.contains_key(KEY) }
    }

    /// The one that a study has kept, for a program with this identity.
    pub fn of_study(identity: &Identity) -> Self {
        Backend { name: None, is_kept: !identity.contains_key(KEY) }
    }

    /// What is said of the identity by it, to compare with that of a study that goes on.
    pub fn overrides(&self) -> Vec<(&'static str, Value)> {
        let kept = self.name.iter().filter(|_| self.is_kept);
        kept.map(|name| (KEY, name.as_str().into())).collect()
    }

    /// Sees to it that Burn takes this backend, or else that of the study that goes on, and adds it to the identity.
    ///
    /// # Errors
    ///
    /// Where it is not in this program; [`OtherBackend`] where Burn takes another one.
    #[cfg(feature = "burn")]
    pub fn settle(&self, stored: Option<&Identity>, identity: &mut Identity) -> Result<()> {
        let stored = stored.filter(|_| self.is_kept).and_then(|stored| stored.get(KEY)?.as_str());
        let Some(name) = self.name.as_deref().or(stored) else { return Ok(()) };
        if !std::env::var(VARIABLE).is_ok_and(|taken| taken.to_lowercase() == name) {
            return Err(OtherBackend(name.to_owned()).into());
        }
        crate::devices::check_backend(name).map_err(Error::msg)?;
        if self.is_kept {
            identity.insert(KEY.to_owned(), name.into());
        }
        Ok(())
    }
}

/// Burn takes another backend in this process than it is to.
#[cfg(feature = "burn")]
#[derive(Debug, thiserror::Error)]
#[error(
    "start this program with the environment variable {VARIABLE}={0}: by it, Burn chooses its backend"
)]
struct OtherBackend(String);

/// Starts the program again where only that makes Burn take the backend: it reads a variable, and a process does not
/// change its own environment while threads may read it. Workers have it from there.
///
/// # Errors
///
/// All others, as they are.
pub fn or_begin_anew(error: Error) -> Result<ExitCode> {
    #[cfg(all(feature = "burn", unix))]
    if let Some(OtherBackend(name)) = error.downcast_ref() {
        let problem = burn_tune_worker::begin_anew(VARIABLE, name);
        return Err(error.context(format!("this program cannot be started again: {problem}")));
    }
    Err(error)
}
