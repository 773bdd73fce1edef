//! Running the program in a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use assert_cmd::cargo::cargo_bin;
use tempfile::TempDir;

/// A folder that a test runs the program in.
pub struct Workplace(TempDir);

/// What a run printed and how it ended.
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Workplace {
    /// An empty folder with this text as `search-spaces/space.toml`.
    pub fn with_space(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("search-spaces")).unwrap();
        fs::write(folder.path().join("search-spaces/space.toml"), text).unwrap();
        Workplace(folder)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn leaderboard(&self, folder: &str) -> serde_json::Value {
        serde_json::from_str(&self.read(&format!("{folder}/leaderboard.json"))).unwrap()
    }

    /// The program with these arguments, separated by spaces.
    pub fn command(&self, args: &str) -> Command {
        let mut command = Command::new(cargo_bin("burn-tune"));
        command.current_dir(self.0.path()).args(args.split(' '));
        command.env_remove("RUST_LOG").env_remove("BURN_TUNE_STORAGE");
        command
    }

    pub fn run(&self, args: &str) -> Run {
        Run::new(self.command(args).output().unwrap(), self.0.path())
    }
}

impl Run {
    pub fn new(output: Output, folder: &Path) -> Self {
        let folder = folder.display().to_string();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&folder, "FOLDER");
        Run {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// Fails with all that was printed unless the program ended with this code.
    #[track_caller]
    pub fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}
