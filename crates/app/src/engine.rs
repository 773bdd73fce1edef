//! `search --engine`: workers that an engine, such as Slurm, starts on other machines, while the search watches the
//! database. Here: which engine, and what it is to start.

mod attention;
mod contract;
mod external;
mod failures;
#[cfg(feature = "engines")]
mod kubernetes;
#[cfg(feature = "engines")]
mod ray;
mod slurm;

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result, bail};
use burn_tune_storage::StorageUrl;

pub use self::attention::Placed;
pub use self::contract::Engine;
use self::contract::Workers;
use self::slurm::Slurm;
use crate::about::program_name;
use crate::args::{EngineArgs, EngineKind, Fuse, STORAGE_VARIABLE, SearchOptions, WorkersArg};
use crate::shown_password;

/// Where an engine writes, in the folder of a study.
const FOLDER: &str = "engine";

/// The engine that the arguments ask for, once it is sure that it is here, and that its workers can reach the database.
///
/// # Errors
///
/// What is wrong, and what to do.
pub fn choose(args: &SearchOptions, url: &StorageUrl) -> Result<Option<Box<dyn Engine>>> {
    let EngineArgs { engine, workers, sbatch_arg, .. } = &args.engine;
    let Some(kind) = *engine else {
        if let Some(WorkersArg::Count(count)) = workers {
            bail!(
                "--workers {count} says how many workers an engine starts: name one, such as --engine slurm; --jobs says how many trials run at once on this machine"
            );
        }
        if args.watch && args.timeout.is_some() {
            bail!(
                "--timeout is for trials that this process begins, and with --watch workers do: leave one of them out"
            );
        }
        return Ok(None);
    };
    if !matches!(workers, Some(WorkersArg::Count(_))) {
        bail!(
            "with --engine, --workers says how many workers it starts; whether they train in processes or threads, the program says: `Study::workers`"
        );
    }
    if args.timeout.is_some() {
        bail!(
            "--timeout is for trials that this process begins, and with --engine workers do: leave it out, and have the engine limit them, such as by --sbatch-arg=--time=2:00:00"
        );
    }
    check_options(&args.engine, kind)?;
    let is_reached = || check_storage(url, args.storage.as_deref().unwrap_or_default());
    Ok(Some(match kind {
        EngineKind::Slurm => {
            is_reached()?;
            Box::new(Slurm::find(sbatch_arg.clone())?)
        }
        EngineKind::Ray => {
            is_reached()?;
            ray(&args.engine)?
        }
        EngineKind::Kubernetes => bail!(
            "--engine kubernetes only prints a manifest, and nobody has tried that on a cluster yet: add --print, and give what it prints to `kubectl apply -f -`"
        ),
    }))
}

/// Refuses an option that means nothing to the engine.
fn check_options(args: &EngineArgs, engine: EngineKind) -> Result<()> {
    use EngineKind::{Kubernetes, Ray, Slurm};
    let given: [(&str, bool, &[EngineKind], &str); 6] = [
        ("--sbatch-arg", !args.sbatch_arg.is_empty(), &[Slurm], "Slurm"),
        ("--worker-program", args.worker_program.is_some(), &[Ray], "Ray"),
        ("--ray-address", args.ray_address.is_some(), &[Ray], "Ray"),
        (
            "--worker-gpus",
            args.worker_gpus.is_some(),
            &[Ray, Kubernetes],
            "Ray and Kubernetes, and --sbatch-arg=--gres=gpu:1 for Slurm",
        ),
        ("--image", args.image.is_some(), &[Kubernetes], "Kubernetes"),
        (
            "--print",
            args.print,
            &[Kubernetes],
            "Kubernetes: other engines start the workers themselves",
        ),
    ];
    let wrong = given.iter().find(|(_, is_given, of, _)| *is_given && !of.contains(&engine));
    match wrong {
        Some((option, _, _, whose)) => bail!("{option} is for {whose}"),
        None => Ok(()),
    }
}

#[cfg(feature = "engines")]
fn ray(args: &EngineArgs) -> Result<Box<dyn Engine>> {
    let ray = ray::Ray::find(args.ray_address.as_deref(), args.worker_gpus)?;
    Ok(Box::new(if args.worker_program.is_some() { ray.without_shared_files() } else { ray }))
}

#[cfg(not(feature = "engines"))]
fn ray(_: &EngineArgs) -> Result<Box<dyn Engine>> {
    bail!("{}", without("ray"))
}

/// What is said of an engine that is not in this program.
#[cfg(not(feature = "engines"))]
fn without(engine: &str) -> String {
    format!(
        "this program was built without `--engine {engine}`: the feature `postgres` or `http`, which has the database of its workers, builds it in"
    )
}

/// Refuses a database that workers do not reach, and one whose password they would have to be told.
fn check_storage(url: &StorageUrl, given: &str) -> Result<()> {
    let program = program_name();
    if let StorageUrl::Sqlite(path) = url {
        let path = path.display();
        bail!(
            "the database is the file {path}, which workers on other machines cannot open: name a PostgreSQL, `--storage postgresql://USER@HOST/DATABASE`; or start `{program} serve --storage {path} --listen 0.0.0.0` on this machine, and name that, `--storage https://HOST:8740`"
        );
    }
    if shown_password::has_password(url, given) {
        bail!(
            "the address of the database has a password, and whoever starts workers would have to write it down: leave it out of --storage and {STORAGE_VARIABLE}, and write it into ~/.pgpass, or name a service of ~/.pg_service.conf by PGSERVICE, where the workers' machines have these files"
        );
    }
    Ok(())
}

/// What is said of an address that means another machine on each of them.
pub fn local_address(url: &StorageUrl) -> Option<String> {
    let text = url.to_string();
    let rest = text.split_once("://")?.1;
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let is_local = ["localhost", "127.", "[::1]"].iter().any(|local| host.starts_with(local));
    is_local.then(|| {
        format!(
            "{url} is this machine alone: workers on others look for the database on themselves"
        )
    })
}

/// What an engine is to start for the study called `study`, whose folder is `folder`. `more` are arguments that follow
/// from what is searched; trainings are computed together where `fuses`.
///
/// # Errors
///
/// Where this program does not find itself, or the folder cannot be made.
pub fn workers(
    args: &SearchOptions,
    study: &str,
    url: &StorageUrl,
    folder: &Path,
    (more, fuses): (Vec<String>, bool),
) -> Result<Workers> {
    let folder = absolute(folder)?.join(FOLDER);
    fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let elsewhere = args.engine.worker_program.clone();
    let mut further = Vec::new();
    if elsewhere.is_none() {
        further.push(format!("--out={}", absolute(&args.run.out)?.display()));
        further.extend(args.keep_models.map(|best| format!("--keep-models={best}")));
    }
    further.extend(more);
    let (arguments, cpus) = arguments_of_worker(args, study, (further, fuses));
    let program = elsewhere
        .map_or_else(|| path_of_this_program().map(|path| path.display().to_string()), Ok)?;
    let mut command = vec![program];
    command.extend(arguments);
    Ok(Workers {
        study: study.to_owned(),
        count: args.engine.count(),
        command,
        environment: vec![(STORAGE_VARIABLE.to_owned(), url.to_string())],
        cpus,
        grace: args.engine.grace,
        folder,
        directory: env::current_dir().context("this folder is gone")?,
    })
}

/// What a worker of the study is called with, and how many cores it needs. `more` are further arguments.
fn arguments_of_worker(
    args: &SearchOptions,
    study: &str,
    (more, fuses): (Vec<String>, bool),
) -> (Vec<String>, usize) {
    let EngineArgs { grace, worker_arg, .. } = &args.engine;
    let (how, cpus) = how_many_at_once(args, fuses);
    let mut words = vec!["worker".to_owned(), format!("--study={study}")];
    words.extend(how);
    words.push(format!("--lease={}", humantime::format_duration(args.lease)).replace(' ', ""));
    words.push(format!("--retries={}", args.retries));
    words.push(format!("--grace={}", humantime::format_duration(*grace)).replace(' ', ""));
    words.extend(more);
    // The user's own come last.
    words.extend(worker_arg.iter().cloned());
    (words, cpus)
}

/// What starts the workers of a study that nobody has begun yet, as `--print` prints it; `more` as for [`workers`].
///
/// # Errors
///
/// Where the engine cannot be started so, or would not take it.
pub fn printed(args: &SearchOptions, study: &str, more: (Vec<String>, bool)) -> Result<String> {
    let url: Option<StorageUrl> = args.storage.as_deref().map(str::parse).transpose()?;
    if let (Some(url @ StorageUrl::Sqlite(_)), Some(given)) = (&url, &args.storage) {
        check_storage(url, given)?;
    }
    if let Some(engine) = args.engine.engine {
        check_options(&args.engine, engine)?;
    }
    manifest(&args.engine, study, url.as_ref(), arguments_of_worker(args, study, more))
}

#[cfg(feature = "engines")]
fn manifest(
    args: &EngineArgs,
    study: &str,
    url: Option<&StorageUrl>,
    (arguments, cpus): (Vec<String>, usize),
) -> Result<String> {
    let image = args.image.as_deref().unwrap_or(kubernetes::IMAGE);
    let (count, gpus, grace) = (args.count(), args.worker_gpus, args.grace);
    kubernetes::Pods { study, count, arguments, cpus, gpus, grace, image, url }.manifest()
}

#[cfg(not(feature = "engines"))]
fn manifest(
    _: &EngineArgs,
    _: &str,
    _: Option<&StorageUrl>,
    _: (Vec<String>, usize),
) -> Result<String> {
    bail!("{}", without("kubernetes"))
}

/// The arguments of a worker that say what it trains at once, and how many cores that needs. Where nobody says anything
/// it is one training, since a worker does not know which part of its machine it has.
fn how_many_at_once(args: &SearchOptions, fuses: bool) -> (Vec<String>, usize) {
    let run = &args.run;
    let mut words = Vec::new();
    words.extend(run.jobs.map(|jobs| format!("--jobs={jobs}")));
    if !run.device.is_empty() {
        let devices: Vec<String> = run.device.iter().map(usize::to_string).collect();
        words.push(format!("--device={}", devices.join(",")));
    }
    words.extend(run.per_device.map(|each| format!("--per-device={each}")));
    words.extend(run.fuse.map(|fuse| match fuse {
        Fuse::Off => "--fuse=off".to_owned(),
        Fuse::Together(most) => format!("--fuse={most}"),
    }));
    let together = matches!(run.fuse, Some(Fuse::Together(_))) || fuses && run.fuse.is_none();
    if run.jobs.is_none() && run.device.is_empty() && !together {
        words.push("--jobs=1".to_owned());
    }
    let of_devices = run.device.len().max(1) * run.per_device.unwrap_or(1);
    (words, run.jobs.unwrap_or(of_devices))
}

/// How many workers an engine is to start, where one is, and how many trainings each has at once.
pub fn workers_at_once(args: &SearchOptions) -> Option<(usize, usize)> {
    let together = match args.run.fuse {
        Some(Fuse::Together(most)) => Some(most * args.run.device.len().max(1)),
        _ => None,
    };
    let (_, jobs) = how_many_at_once(args, false);
    args.engine.engine.map(|_| (args.engine.count(), together.unwrap_or(jobs)))
}

/// Where this program is, for other machines that have the same files. By the name that its user has typed, where that
/// is a link: workers are known by it.
fn path_of_this_program() -> Result<PathBuf> {
    let path = env::current_exe().context("this program does not find its own file")?;
    let typed = env::args_os().next().map(PathBuf::from).unwrap_or_default();
    if typed.file_stem() == path.file_stem() {
        return Ok(path);
    }
    let is_it = |found: &PathBuf| found.canonicalize().is_ok_and(|found| found == path);
    let folders = env::var_os("PATH").unwrap_or_default();
    let beside = absolute(&typed)?;
    let found = env::split_paths(&folders).map(|folder| folder.join(&typed));
    Ok(std::iter::once(beside).chain(found).find(is_it).unwrap_or(path))
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("what is the path {}?", path.display()))
}

/// The options of the arguments that have to be given again to go on with the engine; each with a space before it.
pub fn arguments(args: &SearchOptions) -> String {
    let EngineArgs { engine, worker_arg, sbatch_arg, .. } = &args.engine;
    let Some(kind) = engine else { return String::new() };
    let name = clap::ValueEnum::to_possible_value(kind);
    let name = name.map_or_else(String::new, |value| value.get_name().to_owned());
    let mut words = vec![format!("--engine {name} --workers {}", args.engine.count())];
    words.extend(args.run.jobs.map(|jobs| format!("--jobs {jobs}")));
    let quoted =
        |option: &str, given: &String| crate::console::quoted(&format!("{option}={given}"));
    words.extend(worker_arg.iter().map(|given| quoted("--worker-arg", given)));
    words.extend(sbatch_arg.iter().map(|given| quoted("--sbatch-arg", given)));
    words.extend(args.engine.ray_address.iter().map(|given| quoted("--ray-address", given)));
    let program = args.engine.worker_program.iter();
    words.extend(program.map(|given| quoted("--worker-program", given)));
    words.extend(args.engine.worker_gpus.map(|gpus| format!("--worker-gpus {gpus}")));
    words.iter().map(|word| format!(" {word}")).collect()
}
