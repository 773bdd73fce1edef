//! `cargo xtask bench peers`: the environment of Python that the peers need, made once for each
//! requirements.txt, and the programs of bench/peers in it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use crate::{THROUGHPUT, beside_this, build, cargo, run, say};

/// Where PyTorch is built without CUDA: 200 MB instead of 3 GB, and quicker to load. PyPI has, for Linux, the
/// other build alone; on processors both compute with the same kernels.
const TORCH_FOR_CPU: &str = "https://download.pytorch.org/whl/cpu";

/// Runs the comparison on `args`: of whole searches, or with `--training` of training alone.
pub(crate) fn bench(args: &[OsString]) -> Result<ExitCode, String> {
    let folder = target()?.join("peers");
    let python = environment(&folder)?;
    let is_option = |arg: &&OsString| *arg != "--training";
    let script = if args.iter().all(|arg| is_option(&arg)) { "peers.py" } else { "training.py" };
    let mut command = Command::new(python);
    // No bytecode: the sources lie in the repository.
    command.arg("-B").arg(sources().join(script)).args(args.iter().filter(is_option));
    command.arg("--folder").arg(&folder);
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        return run(command);
    }
    if script == "peers.py" {
        let code = build(&[])?;
        if code != ExitCode::SUCCESS {
            return Ok(code);
        }
        command.arg("--program").arg(beside_this("burn-tune")?);
    } else {
        command.arg("--program").arg(throughput()?);
    }
    run(command)
}

/// Builds the benchmark of training; where its program is.
fn throughput() -> Result<PathBuf, String> {
    let mut command = cargo(&THROUGHPUT.map(OsString::from));
    command.args(["--no-run", "--message-format=json-render-diagnostics"]).stderr(Stdio::inherit());
    let output = command.output().map_err(|error| format!("cannot run {command:?}: {error}"))?;
    if !output.status.success() {
        return Err("the benchmark of training cannot be built".to_owned());
    }
    executable(&String::from_utf8_lossy(&output.stdout))
        .ok_or_else(|| "cargo does not say where the benchmark of training is".to_owned())
}

/// The program that cargo's messages, a JSON object a line, say was built as the benchmark.
fn executable(messages: &str) -> Option<PathBuf> {
    let of_bench = |line: &&str| line.contains(r#""name":"throughput""#);
    messages.lines().filter(of_bench).find_map(|line| {
        let (_, rest) = line.split_once(r#""executable":""#)?;
        let (path, _) = rest.split_once('"')?;
        // JSON doubles the backslashes of Windows.
        Some(PathBuf::from(path.replace(r"\\", r"\")))
    })
}

/// The interpreter of the environment in `folder`, which is made where there is none for these requirements.
fn environment(folder: &Path) -> Result<PathBuf, String> {
    let requirements = sources().join("requirements.txt");
    let wanted = fs::read_to_string(&requirements).map_err(|error| at(&requirements, &error))?;
    let home = folder.join("python");
    let python = home.join("bin/python");
    // Written last: an installation that was broken off leaves none.
    let stamp = home.join("installed-requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    say("installing the peers, PyTorch among them: gigabytes, once");
    fs::create_dir_all(folder).map_err(|error| at(folder, &error))?;
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv", "--clear"]).arg(&home);
    succeed(venv, "Python 3.11 or later with the module venv is needed (Debian: python3-venv)")?;
    let pip = |args: &[&str]| {
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(args);
        pip
    };
    if let Some(torch) = wanted.lines().find(|line| line.starts_with("torch==")) {
        let mut for_cpu =
            pip(&["--no-deps", "--retries=0", "--timeout=20", "--index-url", TORCH_FOR_CPU]);
        for_cpu.arg(torch).stderr(Stdio::null());
        if run(for_cpu)? != ExitCode::SUCCESS {
            say(
                "PyTorch's own index has no build for this machine, or cannot be reached: the one of PyPI",
            );
        }
    }
    let mut all = pip(&["--requirement"]);
    all.arg(&requirements);
    succeed(all, "the peers cannot be installed")?;
    fs::write(&stamp, wanted).map_err(|error| at(&stamp, &error))?;
    Ok(python)
}

fn succeed(command: Command, otherwise: &str) -> Result<(), String> {
    match run(command)? {
        ExitCode::SUCCESS => Ok(()),
        _ => Err(otherwise.to_owned()),
    }
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("bench").join("peers")
}

/// The folder that cargo builds into: this program lies in a folder of it for each profile.
fn target() -> Result<PathBuf, String> {
    let program = beside_this("burn-tune")?;
    let target = program.ancestors().nth(2);
    target.map(Path::to_owned).ok_or_else(|| format!("{}: not a build of cargo", program.display()))
}

fn at(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_benchmark_is_found_in_what_cargo_says() {
        let other = r#"{"target":{"name":"burn-tune"},"executable":"/t/debug/burn-tune"}"#;
        let message = |path: &str| {
            format!("{other}\n{{\"target\":{{\"name\":\"throughput\"}},\"executable\":{path}}}\n")
        };
        let built = message(r#""/t/debug/deps/throughput-0a""#);
        assert_eq!(executable(&built), Some("/t/debug/deps/throughput-0a".into()));
        let on_windows = message(r#""C:\\t\\throughput-0a.exe""#);
        assert_eq!(executable(&on_windows), Some(r"C:\t\throughput-0a.exe".into()));
        assert_eq!(executable(&message("null")), None);
    }
}
