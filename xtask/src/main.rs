//! `cargo xtask`: builds the program with the features that its arguments need, and becomes it. Has no
//! dependencies, so that the first thing a newcomer sees compile is our program.

mod peers;

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

const HELP: &str = "\
cargo xtask bench          training speed, against the processor's peak; --help says what it can be asked
cargo xtask bench peers    whole searches beside Optuna and scikit-learn, or with --training, training alone
                           beside PyTorch; --help says what it can be asked
cargo xtask COMMAND …      burn-tune COMMAND …, built as its arguments need it:
";

/// Backends that are a cargo feature; flex is always built in.
const BACKEND_FEATURES: [&str; 2] = ["ndarray", "wgpu"];

/// What cargo is told to build the benchmark of training.
const THROUGHPUT: [&str; 5] = [
    "bench",
    "--profile=dev",
    "--package=burn-tune-cli",
    "--package=burn-tune-model",
    "--bench=throughput",
];

fn main() -> ExitCode {
    let args: Vec<OsString> = env::args_os().skip(1).collect();
    let outcome = match args.first().and_then(|arg| arg.to_str()) {
        Some("bench") if args.get(1).is_some_and(|arg| arg == "peers") => peers::bench(&args[2..]),
        Some("bench") => bench(&args[1..]),
        None | Some("help" | "--help" | "-h") => help(),
        Some(_) => program(&args),
    };
    outcome.unwrap_or_else(|error| {
        say(&error);
        ExitCode::FAILURE
    })
}

#[expect(clippy::print_stderr, reason = "the one place that prints")]
fn say(line: &str) {
    eprintln!("{line}");
}

fn help() -> Result<ExitCode, String> {
    say(HELP);
    program(&["--help".into()])
}

/// Builds the program and runs it on `args`.
fn program(args: &[OsString]) -> Result<ExitCode, String> {
    let storage = env::var("BURN_TUNE_STORAGE").ok();
    let code = build(&features(args, storage.as_deref()))?;
    if code != ExitCode::SUCCESS {
        return Ok(code);
    }
    let mut command = Command::new(beside_this("burn-tune")?);
    command.args(args);
    become_(command)
}

/// Builds the program, beside this one.
fn build(features: &[&str]) -> Result<ExitCode, String> {
    let mut build: Vec<OsString> =
        vec!["build".into(), "--package=burn-tune-cli".into(), "--bin=burn-tune".into()];
    if !features.is_empty() {
        build.push(format!("--features={}", features.join(",")).into());
    }
    if !beside_this("burn-tune")?.exists() {
        say(
            "building burn-tune: the first time takes a few minutes, most of them for Burn's matrix kernels",
        );
    }
    run(cargo(&build))
}

/// Builds the benchmark of the model crate and runs it. Built together with the program and by its profile,
/// it has the build of Burn of the program and its tests.
fn bench(args: &[OsString]) -> Result<ExitCode, String> {
    let mut bench = THROUGHPUT.map(OsString::from).to_vec();
    bench.push("--".into());
    bench.extend_from_slice(args);
    run(cargo(&bench))
}

/// The features that `--backend NAME`, `serve`, an `--engine` and a `--storage` on a server ask for, or the database that
/// the environment names.
fn features(args: &[OsString], storage: Option<&str>) -> Vec<&'static str> {
    let words: Vec<&str> = args.iter().filter_map(|arg| arg.to_str()).collect();
    let values = |option: &str| -> Vec<&str> {
        let apart = words.windows(2).filter(|pair| pair[0] == option).map(|pair| pair[1]);
        let joined = words.iter().filter_map(|word| word.strip_prefix(option)?.strip_prefix('='));
        apart.chain(joined).collect()
    };
    let backends = values("--backend");
    let mut features: Vec<&str> =
        BACKEND_FEATURES.into_iter().filter(|name| backends.contains(name)).collect();
    let storages: Vec<&str> = values("--storage").into_iter().chain(storage).collect();
    let any =
        |scheme: &str| storages.iter().any(|url| url.starts_with(scheme) && url.contains("://"));
    let of_cluster = ["ray", "kubernetes"].iter().any(|name| values("--engine").contains(name));
    if any("postgres") || of_cluster && !any("http") {
        features.push("postgres");
    }
    if any("http") || words.first() == Some(&"serve") {
        features.push("http");
    }
    features
}

fn cargo(args: &[OsString]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args);
    command
}

/// A program of this build: all of them lie in one folder.
fn beside_this(name: &str) -> Result<PathBuf, String> {
    let this = env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
    Ok(this.with_file_name(format!("{name}{}", env::consts::EXE_SUFFIX)))
}

fn run(mut command: Command) -> Result<ExitCode, String> {
    let status = command.status().map_err(|error| format!("cannot run {command:?}: {error}"))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Replaces this process, so that signals and exit codes are the program's own.
#[cfg(unix)]
fn become_(mut command: Command) -> Result<ExitCode, String> {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    Err(format!("cannot run {command:?}: {error}"))
}

#[cfg(not(unix))]
fn become_(command: Command) -> Result<ExitCode, String> {
    run(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_arguments_need_is_built_in() {
        let check = |line: &str, storage: Option<&str>, expected: &[&str]| {
            let args: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(features(&args, storage), expected, "{line}");
        };
        check("search --space a.toml --backend wgpu", None, &["wgpu"]);
        check("search --backend=ndarray", None, &["ndarray"]);
        check("search --backend flex", None, &[]);
        check("search --name wgpu", None, &[]);
        check("search --backend wgpu --storage postgresql://h/d", None, &["wgpu", "postgres"]);
        check("trials --storage=postgresql+psycopg2://h/d", None, &["postgres"]);
        check("studies --storage postgres.db", Some("x.db"), &[]);
        check("studies", Some("postgres://h/d"), &["postgres"]);
        check("worker --study a --storage https://h", None, &["http"]);
        check("serve --storage x.db", None, &["http"]);
        check("search --engine kubernetes --print", None, &["postgres"]);
        check("search --engine=ray", Some("https://h"), &["http"]);
        check("search --engine slurm", None, &[]);
    }
}

#[cfg(test)]
mod modules;
#[cfg(test)]
mod public_api;
#[cfg(test)]
mod publishing;
#[cfg(test)]
mod shared_builds;
#[cfg(test)]
mod tidy;
