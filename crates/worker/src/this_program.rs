//! The program that runs, to be started again.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, io};

/// The program with its arguments.
///
/// # Errors
///
/// Where nobody knows its file.
pub fn this_program() -> io::Result<Command> {
    let mut args = env::args_os();
    let name = args.next().unwrap_or_else(|| OsString::from("program"));
    let mut command = Command::new(this_file()?);
    command.arg0(name).args(args);
    Ok(command)
}

/// Its file. On Linux by a link that leads to the file which runs, where somebody has built the program anew
/// meanwhile: a path would be that of the new one.
fn this_file() -> io::Result<PathBuf> {
    let link = Path::new("/proc/self/exe");
    if cfg!(target_os = "linux") && link.exists() { Ok(link.into()) } else { env::current_exe() }
}

/// Has this process begin anew, with the same arguments, and with this value of a variable in its environment: for what
/// is only read from there. Nothing of the process goes on, and nothing is dropped.
///
/// It comes back where that failed, with the reason.
pub fn begin_anew(variable: &str, value: &str) -> io::Error {
    match this_program() {
        Ok(mut command) => command.env(variable, value).exec(),
        Err(error) => error,
    }
}
