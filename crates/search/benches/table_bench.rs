//! Samplers and pruners on a table of trainings that were done once: how many epochs a search needs until it
//! has found one of the three best of all configurations. Prints a line of JSON for each search.
//!
//! ```text
//! cargo bench --profile dev --bench table_bench > bench/table/ours.json
//! ```
//!
//! The searches are those of the product, with its loop, samplers and pruners; what they train is looked up.
//! `SAMPLERS=tpe,gp`, `PRUNERS=none`, `WORKERS=8,128` and `SEEDS=10` take others than the table has
//! (`bench/samplers/windows.py`).

#![expect(clippy::print_stdout, reason = "it is a program")]

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::path::Path;

use burn_tune_search::objective::{ObjectiveError, Verdict};
use burn_tune_search::pruner::{PrunerSettings, Pruning, StepName};
use burn_tune_search::runner::{RunOptions, run};
use burn_tune_search::settings::{SamplerKind, StudySettings};
use burn_tune_search::store::InMemory;
use burn_tune_search::suggester::Suggester;
use burn_tune_search::{Direction, FoldScore, History, Objective, ParamValue, TaskHandle};
use burn_tune_spec::StudyFile;

/// Cargo runs a benchmark in the folder of its crate.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../bench/table");
const SAMPLERS: [SamplerKind; 3] = [SamplerKind::Random, SamplerKind::Sobol, SamplerKind::Tpe];
const PRUNERS: [Option<&str>; 4] = [None, Some("median"), Some("asha"), Some("hyperband")];
const WORKERS: [usize; 3] = [1, 4, 16];
const SEEDS: u64 = 30;
/// A fifth of what the whole grid takes.
const SHARE: f64 = 0.2;

/// Accuracies by configuration, after each epoch.
struct Table {
    curves: HashMap<String, Vec<f64>>,
    epochs: u64,
}

type Config = BTreeMap<String, ParamValue>;

fn key(config: &Config) -> String {
    let values = config.iter().filter(|(name, _)| *name != "epochs");
    values.map(|(name, value)| format!("{name}={value} ")).collect()
}

impl Table {
    fn read(folder: &Path) -> Result<(StudyFile, Self), Box<dyn Error>> {
        let path = folder.join("fashion_mlp.toml");
        let file = StudyFile::parse(&path, &std::fs::read_to_string(&path)?)?;
        let json: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(folder.join("fashion_mlp.json"))?)?;
        let examples = json["examples"].as_f64().ok_or("no number of examples")?;
        let rows = json["rows"].as_array().ok_or("no rows")?;
        let mut curves = HashMap::new();
        for row in rows {
            let config: Config = serde_json::from_value(row["params"].clone())?;
            let correct = row["correct"].as_array().ok_or("a row without a curve")?;
            let curve = correct.iter().filter_map(|count| Some(count.as_f64()? / examples));
            curves.insert(key(&config), curve.collect::<Vec<f64>>());
        }
        let epochs = curves.values().map(Vec::len).max().unwrap_or(0) as u64;
        Ok((file, Table { curves, epochs }))
    }

    /// The last accuracy of the third best.
    fn third(&self) -> f64 {
        let mut last: Vec<f64> =
            self.curves.values().filter_map(|curve| curve.last().copied()).collect();
        last.sort_by(|a, b| b.total_cmp(a));
        last[2]
    }
}

impl Objective for Table {
    type Config = Config;

    fn steps(&self, _: &Config) -> Option<u64> {
        Some(self.epochs)
    }

    fn evaluate(
        &self,
        config: &Config,
        _: usize,
        handle: &TaskHandle,
    ) -> Result<FoldScore, ObjectiveError> {
        let failed = || ObjectiveError::Failed { reason: "not in the table".into(), flags: vec![] };
        let curve = self.curves.get(&key(config)).ok_or_else(failed)?;
        let mut score = f64::NAN;
        for (epoch, value) in (1..).zip(curve) {
            score = *value;
            if handle.report(epoch, *value) == Verdict::Stop {
                break;
            }
        }
        Ok(FoldScore { score, ..FoldScore::default() })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (file, table) = Table::read(Path::new(FOLDER))?;
    let mut rows = Vec::new();
    let by_name =
        |name: String| SamplerKind::NAMES.iter().find(|known| known.0 == name).map(|n| n.1);
    let samplers = listed("SAMPLERS").map(|names| names.into_iter().filter_map(by_name).collect());
    let pruners = listed("PRUNERS");
    let pruner = |name: &String| PRUNERS.into_iter().find(|known| known.unwrap_or("none") == name);
    let pruners = pruners.map(|names| names.iter().filter_map(pruner).collect());
    let workers = listed("WORKERS");
    let workers = workers.map(|all| all.iter().filter_map(|n| n.parse().ok()).collect());
    let seeds = listed("SEEDS").and_then(|seeds| seeds.first()?.parse().ok()).unwrap_or(SEEDS);
    for sampler in samplers.unwrap_or(SAMPLERS.to_vec()) {
        for &pruner in pruners.as_ref().unwrap_or(&PRUNERS.to_vec()) {
            for &workers in workers.as_ref().unwrap_or(&WORKERS.to_vec()) {
                for seed in 0..seeds {
                    let (epochs, best) = search(&file, &table, sampler, pruner, workers, seed)?;
                    rows.push(serde_json::json!({
                        "sampler": sampler.name(), "pruner": pruner.unwrap_or("none"), "workers": workers,
                        "seed": seed, "epochs": epochs, "best": best,
                    }).to_string());
                }
            }
        }
    }
    println!("[\n{}\n]", rows.join(",\n"));
    Ok(())
}

/// What stands in a variable, with commas between.
fn listed(name: &str) -> Option<Vec<String>> {
    Some(std::env::var(name).ok()?.split(',').map(str::to_owned).collect())
}

/// After how many epochs one of the three best was complete, if it was, and the best accuracy after a fifth of
/// all epochs.
fn search(
    file: &StudyFile,
    table: &Table,
    sampler: SamplerKind,
    pruner: Option<&str>,
    workers: usize,
    seed: u64,
) -> Result<(Option<u64>, f64), Box<dyn Error>> {
    // Not quite all of them: scikit-learn's random search does not shuffle where it is asked for everything.
    let trials = table.curves.len() * 97 / 100;
    let settings = StudySettings {
        sampler,
        pruner: pruner.and_then(PrunerSettings::by_name),
        window: Some(workers),
        seed,
        ..file.spec.settings.clone()
    };
    let mut suggester =
        Suggester::of(&file.spec, &settings, &[trials], vec![(0, Direction::Maximize)])?;
    let build = |pruner| {
        Pruning::of(pruner, Direction::Maximize, 1, Some(table.epochs), StepName::Training)
    };
    let pruning = settings.pruner.as_ref().map(build).transpose()?;
    let options = RunOptions { pruning, window: workers, ..RunOptions::new(1, seed) };
    let stop = options.stop.clone();
    let fifth = (SHARE * (table.curves.len() as u64 * table.epochs) as f64) as u64;
    let (mut epochs, mut found, mut best) = (0, None, 0.0f64);
    let third = table.third();
    let mut counted = 0;
    let watch = |_: &burn_tune_search::Event, history: &History| {
        while let Some(trial) = history.trials().get(counted).filter(|trial| trial.is_finished()) {
            counted += 1;
            epochs += match trial.folds().first().map(|fold| fold.intermediate_values.as_slice()) {
                Some([.., last]) => last.step,
                _ => table.epochs,
            };
            let Some(value) = trial.value() else { continue };
            if value >= third && found.is_none() {
                found = Some(epochs);
            }
            if epochs <= fifth {
                best = best.max(value);
            }
        }
        if epochs > fifth && found.is_some() {
            stop.request();
        }
    };
    run(table, &mut suggester, &mut InMemory::default(), &options, watch).store_result?;
    Ok((found, best))
}
