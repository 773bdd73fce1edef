//! What `sbatch` is given, what `squeue` says, and what is told of it, with stand-ins for these commands.

use insta::assert_snapshot;

use super::*;

fn workers(folder: &Path) -> Workers {
    let words = [
        "/opt/my tools/burn-tune",
        "worker",
        "--study=it's a night",
        "--jobs=8",
        "--lease=5m",
        "--retries=5",
    ];
    Workers {
        study: "it's a night".to_owned(),
        count: 32,
        command: words.map(str::to_owned).to_vec(),
        environment: vec![(
            "BURN_TUNE_STORAGE".to_owned(),
            "postgresql://me@db.cluster/tune?sslmode=verify-full".to_owned(),
        )],
        cpus: 8,
        grace: Duration::from_secs(30),
        folder: folder.to_owned(),
        directory: PathBuf::from("/home/me/my experiment #3"),
    }
}

#[test]
fn the_script_is_an_array_of_workers_over_whose_options_the_users_go() {
    let workers = workers(Path::new("/home/me/100% sure/results/night/engine"));
    let sbatch_args = ["--time=2:00:00".to_owned(), "--gres=gpu:1 --array=0-3".to_owned()];
    let script = Script { workers: &workers, sbatch_args: &sbatch_args };
    assert_snapshot!(script.to_string());
}

#[test]
fn what_was_submitted_before_stays() {
    let folder = tempfile::tempdir().unwrap();
    let workers = workers(folder.path());
    let script = Script { workers: &workers, sbatch_args: &[] };
    for name in ["slurm.sh", "slurm-2.sh", "slurm-3.sh"] {
        assert_eq!(keep(folder.path(), &script).unwrap(), folder.path().join(name));
    }
    let written = std::fs::read_to_string(folder.path().join("slurm-3.sh")).unwrap();
    assert_eq!(written, script.to_string());
    let error = keep(&folder.path().join("none"), &script).unwrap_err();
    assert!(error.to_string().starts_with("cannot write "), "{error}");
}

#[test]
fn the_queue_is_read_as_every_version_writes_it() {
    let text = "CLUSTER: main\n0|RUNNING|n1|None\n1|PENDING||Priority\n2|OUT_OF_MEMORY|n2|OutOfMemory\n \
                3 | COMPLETED | n[3-4] | None \n4|SOMETHING_NEW||a|b\nslurm_load_jobs error\n";
    let tasks = parse(text);
    let told: Vec<String> = tasks
        .iter()
        .map(|(number, Task { phase, state, machine, reason })| {
            format!("{number} {phase:?} {state} {machine:?} {reason:?}")
        })
        .collect();
    assert_snapshot!(told.join("\n"));
}

#[test]
fn what_has_changed_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut slurm = Slurm::new(stand_ins(folder.path(), "exit 1"), Vec::new());
    let job = SlurmJob { id: "12".to_owned(), cluster: None, folder: folder.path().to_owned() };
    slurm.job = Some(job);
    std::fs::write(folder.path().join("slurm-12_1.log"), "error: no password\n").unwrap();
    let mut look = |text: &str| {
        let notices = slurm.take_up(parse(text));
        slurm.look(notices)
    };
    let waiting = "0|PENDING||Resources\n1|PENDING||Priority\n2|PENDING||Priority\n";
    let expected =
        Look { running: 0, waiting: 3, why: Some("Priority".to_owned()), notices: Vec::new() };
    assert_eq!(look(waiting), expected);
    assert_eq!(look("0|RUNNING|n1|None\n1|RUNNING|n2|None\n2|COMPLETED|n3|None").running, 2);
    let failed = FailedWorker {
        worker: "1".to_owned(),
        machine: Some("n2".to_owned()),
        state: "FAILED".to_owned(),
        log: "error: no password".to_owned(),
    };
    let again = Notice::Said("Slurm begins worker 0 again, which ran on n1".to_owned());
    let notices = vec![Notice::Failed(failed), again];
    let text = "0|PENDING||BeginTime\n1|FAILED||NonZeroExitCode\n2|COMPLETED|n3|None\n";
    let expected = Look { running: 0, waiting: 1, why: Some("BeginTime".to_owned()), notices };
    assert_eq!(look(text), expected);
    assert_eq!(look(text), Look { notices: Vec::new(), ..expected });
    // Forgotten, as happens some minutes after their ends.
    assert_eq!(look(""), Look::default());
}

/// Commands in `folder` that keep their words, and then do `script`.
fn stand_ins(folder: &Path, script: &str) -> Commands {
    let path = |name: &str| {
        let path = folder.join(name);
        let log = folder.join("words");
        let text = format!("#!/bin/sh\necho {name} \"$@\" >> '{}'\n{script}\n", log.display());
        // By another process, so that no other test's child has the file open when it is run.
        let write = "printf '%s' \"$1\" > \"$2\" && chmod 755 \"$2\"";
        let mut shell = std::process::Command::new("sh");
        let written = shell.args(["-c", write, "sh", &text]).arg(&path).status().unwrap();
        assert!(written.success());
        path
    };
    Commands { sbatch: path("sbatch"), squeue: path("squeue"), scancel: path("scancel") }
}

fn submitted(script: &str) -> (tempfile::TempDir, Slurm, Result<Job, String>) {
    let folder = tempfile::tempdir().unwrap();
    let mut slurm = Slurm::new(stand_ins(folder.path(), script), Vec::new());
    let submitted = slurm.submit(&workers(folder.path())).map_err(|error| error.to_string());
    (folder, slurm, submitted)
}

#[test]
fn a_job_that_is_refused_is_told_in_the_words_of_slurm() {
    let refused = |script: &str| {
        let (folder, _, submitted) = submitted(script);
        submitted.unwrap_err().replace(&folder.path().display().to_string(), "FOLDER")
    };
    let said = [
        refused("echo 'sbatch: error: invalid partition specified: long' >&2; exit 1"),
        refused("echo hello"),
        refused("exit 0"),
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn the_job_is_asked_about_and_ended_on_its_cluster() {
    let script = "case $1 in --parsable) printf 'welcome\\n12;east\\n';; --noheader) echo '0|RUNNING|n1|None';; *) echo 'scancel: error: Kill job error on job id 12: Job/step already completing or completed' >&2; exit 1;; esac";
    let (folder, mut slurm, submitted) = submitted(script);
    let Ok(job) = submitted else { panic!("{submitted:?}") };
    assert_eq!(job.name, "job 12 of Slurm");
    assert_eq!(job.how_to_cancel, "scancel 12 --clusters=east");
    assert_eq!(slurm.poll().running, 1);
    for which in [Cancel::Waiting, Cancel::InOrder, Cancel::AtOnce] {
        // What has ended already is no error.
        slurm.cancel(which).unwrap();
    }
    let words = std::fs::read_to_string(folder.path().join("words")).unwrap();
    assert_snapshot!(words.replace(&folder.path().display().to_string(), "FOLDER"));
}

#[test]
fn a_slurm_that_is_silent_is_told_of_once_and_nothing_is_taken_for_ended() {
    let script = "test -e \"$(dirname $0)/down\" && { echo 'Unable to contact slurm controller' >&2; exit 1; }; case $1 in --parsable) echo 12;; *) echo '0|RUNNING|n1|None';; esac";
    let (folder, mut slurm, _) = submitted(script);
    let running = Look { running: 1, ..Look::default() };
    assert_eq!(slurm.poll(), running);
    std::fs::write(folder.path().join("down"), "").unwrap();
    let silent = "warning: how the workers are cannot be seen, and they go on: `squeue` has refused: Unable to contact slurm controller";
    let notices = vec![Notice::Said(silent.to_owned())];
    assert_eq!(slurm.poll(), Look { notices, ..running.clone() });
    assert_eq!(slurm.poll(), running);
    assert!(slurm.cancel(Cancel::InOrder).is_err());
    std::fs::remove_file(folder.path().join("down")).unwrap();
    let notices = vec![Notice::Said("Slurm answers again".to_owned())];
    assert_eq!(slurm.poll(), Look { notices, ..running });
}
