//! The arguments of the commands that look at studies, and move them.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::args::STORAGE_VARIABLE;
use burn_tune_study::filter::Filter;
use burn_tune_study::selection::SortKey;
use burn_tune_study::trial_view::State;

/// How far a trial is, as `--state` takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StateArg {
    /// With all values
    Complete,
    /// Without a value
    Failed,
    /// Ended early, for lack of promise
    Pruned,
    /// Under way
    Running,
    /// Left alone, because its workers ended again and again; `search --resume` takes it up
    Lost,
    /// Asked for, and not begun
    Waiting,
}

impl From<StateArg> for State {
    fn from(state: StateArg) -> Self {
        match state {
            StateArg::Complete => State::Complete,
            StateArg::Failed => State::Failed,
            StateArg::Pruned => State::Pruned,
            StateArg::Running => State::Running,
            StateArg::Lost => State::Lost,
            StateArg::Waiting => State::Waiting,
        }
    }
}

/// What can be done with the studies of a database.
#[derive(Debug, Subcommand)]
pub enum StudiesCommand {
    /// List the studies of a database, Optuna's too
    #[command(after_long_help = STUDIES_EXAMPLES, display_order = 10)]
    Studies(StudiesArgs),
    /// List the trials of a study
    #[command(after_long_help = TRIALS_EXAMPLES, display_order = 11)]
    Trials(TrialsArgs),
    /// The best trial of a study: its score, its params, its refits
    #[command(after_long_help = BEST_EXAMPLES, display_order = 12)]
    Best(BestArgs),
    /// Everything about one trial
    #[command(after_long_help = SHOW_EXAMPLES, display_order = 13)]
    Show(ShowArgs),
    /// Delete a study with all of its trials and models
    #[command(after_long_help = DELETE_EXAMPLES, display_order = 14)]
    Delete(DeleteArgs),
    /// Write a study as JSON lines: for a backup, or for another database
    #[command(after_long_help = EXPORT_EXAMPLES, display_order = 15)]
    Export(ExportArgs),
    /// Read a study that `export` has written
    #[command(after_long_help = IMPORT_EXAMPLES, display_order = 16)]
    Import(ImportArgs),
    /// Print what makes a shell complete commands and arguments
    #[command(after_long_help = COMPLETIONS_EXAMPLES, display_order = 17)]
    Completions {
        /// The shell
        shell: Shell,
    },
}

const STUDIES_EXAMPLES: &str = "Examples:
  burn-tune studies
  burn-tune studies --storage optuna.db                   of another database
  burn-tune studies --storage postgresql://me@host/tune   on a server
  burn-tune studies --format json | jq -r '.[].name'";

const TRIALS_EXAMPLES: &str = "Examples:
  burn-tune trials                                  of the newest study
  burn-tune trials --study mlp-2 --sort -value --limit 10
  burn-tune trials --state failed                   with the reason of each
  burn-tune trials --where 'lr<0.01' --where activation=relu
  burn-tune trials --where flags~dead_units --sort duration
  burn-tune trials --format csv > trials.csv   with all columns, for pandas

Conditions: KEY OPERATOR VALUE, in quotes where the shell has a use for < or >
  keys       number, name, state, value, std_test_score, duration_s, flags,
             error, datetime_start, datetime_complete, and each param; value0,
             value1 … of several objectives; user attributes of other programs;
             params_NAME and user_attrs_NAME where two are called alike
  operators  = != < <= > >= and ~ (the text on its right is a part)
  A trial that has no such key is left out.";

const BEST_EXAMPLES: &str = "Examples:
  burn-tune best
  burn-tune best --params                           {\"lr\":0.001,\"depth\":2}
  burn-tune best --format toml >> my-space.toml     a [[trial]] to train again
  burn-tune best --model                            results/mlp/models/trial-7/…
  burn-tune best --study mlp-2 --format json | jq .value

Of several objectives no trial is the best: then it is all of those that no other beats in every objective.";

const SHOW_EXAMPLES: &str = "Examples:
  burn-tune show 12                                 of the newest study
  burn-tune show 12 --study mlp-2 --format json";

const DELETE_EXAMPLES: &str = "Examples:
  burn-tune delete --study mlp-2                    asks first
  burn-tune delete --study mlp-2 --yes              for scripts";

const EXPORT_EXAMPLES: &str = "Examples:
  burn-tune export > mlp.jsonl                      the newest study
  burn-tune export --study mlp-2 --to mlp-2.jsonl
  burn-tune export | burn-tune import - --storage postgresql://me@host/tune";

const IMPORT_EXAMPLES: &str = "Examples:
  burn-tune import mlp.jsonl                        into results/studies.db
  burn-tune import mlp.jsonl --study mlp-copy       under another name
  zcat mlp.jsonl.gz | burn-tune import -

Where the same study is there already, trials that it lacks are added and nothing that it has is changed: so to import a file twice does no harm. Another study of that name is refused.";

const COMPLETIONS_EXAMPLES: &str = "To install them, from a terminal of that shell:
  bash        burn-tune completions bash \\
                > ~/.local/share/bash-completion/completions/burn-tune
  zsh         burn-tune completions zsh > ~/.zfunc/_burn-tune
              (with `fpath+=~/.zfunc` in ~/.zshrc, before `compinit`)
  fish        burn-tune completions fish \\
                > ~/.config/fish/completions/burn-tune.fish
  elvish      burn-tune completions elvish >> ~/.config/elvish/rc.elv
  powershell  burn-tune completions powershell >> $PROFILE";

/// Where studies are kept.
#[derive(Debug, Args)]
pub struct StorageArgs {
    /// The database: a file of SQLite, postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or https://HOST:PORT of a
    /// `serve`
    // A text until it is opened: clap repeats a wrong value, which may have a password in it.
    #[arg(
        long,
        value_name = "URL",
        env = STORAGE_VARIABLE,
        hide_env_values = true,
        default_value = "results/studies.db"
    )]
    pub storage: String,
}

/// Which study of which database.
#[derive(Debug, Args)]
pub struct StudyArgs {
    #[command(flatten)]
    pub database: StorageArgs,
    /// The study [default: the newest one of the database]
    #[arg(long, value_name = "NAME")]
    pub study: Option<String>,
}

/// How a list is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For people
    Table,
    /// An array with all that there is
    Json,
    /// The same as columns
    Csv,
}

/// How the best trial is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BestFormat {
    /// For people
    Table,
    /// An object; an array of them for several objectives
    Json,
    /// An explicit `[[trial]]` of a space file
    Toml,
}

/// How a trial is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ShowFormat {
    /// For people
    Table,
    /// An object
    Json,
}

#[derive(Debug, Args)]
pub struct StudiesArgs {
    #[command(flatten)]
    pub database: StorageArgs,
    /// How they are printed
    #[arg(long, value_name = "F", value_enum, default_value = "table")]
    pub format: ListFormat,
}

#[derive(Debug, Args)]
pub struct TrialsArgs {
    #[command(flatten)]
    pub study: StudyArgs,
    /// Only trials of these states, separated by commas
    #[arg(long, value_name = "STATE", value_enum, value_delimiter = ',')]
    pub state: Vec<StateArg>,
    /// Only trials for which this holds, such as 'lr<0.01'; repeat it for several conditions
    #[arg(long = "where", value_name = "CONDITION")]
    pub conditions: Vec<Filter>,
    /// Sort by value, number, duration or a param; -KEY for the largest first
    #[arg(long, value_name = "KEY", allow_hyphen_values = true, default_value = "number")]
    pub sort: SortKey,
    /// Only the first N
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// How they are printed
    #[arg(long, value_name = "F", value_enum, default_value = "table")]
    pub format: ListFormat,
}

#[derive(Debug, Args)]
pub struct BestArgs {
    #[command(flatten)]
    pub study: StudyArgs,
    /// Print its params alone, as JSON in one line
    #[arg(long, conflicts_with = "format")]
    pub params: bool,
    /// Print the folder with its model alone: of the first refit, or else of the first fold
    #[arg(long, conflicts_with_all = ["format", "params"])]
    pub model: bool,
    /// The folder with the result files, where models are [default: that of the database, or results]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// How it is printed
    #[arg(long, value_name = "F", value_enum, default_value = "table")]
    pub format: BestFormat,
}

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The number of the trial
    #[arg(value_name = "N")]
    pub number: usize,
    #[command(flatten)]
    pub study: StudyArgs,
    /// How it is printed
    #[arg(long, value_name = "F", value_enum, default_value = "table")]
    pub format: ShowFormat,
}

#[derive(Debug, Args)]
pub struct DeleteArgs {
    #[command(flatten)]
    pub database: StorageArgs,
    /// The study
    #[arg(long, value_name = "NAME")]
    pub study: String,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Delete it even while somebody works on it
    #[arg(long)]
    pub force: bool,
    /// The folder with the result files, where its models are [default: that of the database, or results]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    pub study: StudyArgs,
    /// Write to this file [default: stdout]
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The file that `export` has written; - for stdin
    pub file: PathBuf,
    #[command(flatten)]
    pub database: StorageArgs,
    /// Another name for the study
    #[arg(long, value_name = "NEW")]
    pub study: Option<String>,
}
