//! Workers as an Indexed Job of Kubernetes, as a manifest for `kubectl apply`. Nothing here speaks with a cluster, and
//! nothing of a password gets in: the address of the database is a secret of the cluster.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use burn_tune_ranking::format::count;
use burn_tune_storage::StorageUrl;
use serde_json::{Value, json};

use crate::about::program_name;
use crate::args::STORAGE_VARIABLE;
use crate::console::quoted;
use crate::exit::{INTERRUPTED, WRONG_INPUT};

/// What a pod leaves its worker beyond its time to end in order, before it is killed.
const BEYOND_GRACE: Duration = Duration::from_secs(15);
/// How often a worker may fail, as Kubernetes has it for whole jobs. A node that is drained does not count.
const BACKOFF_LIMIT: usize = 6;
/// How long workers wait for a study that somebody has yet to begin.
const WAIT_FOR_STUDY: &str = "--wait-for-study=1d";
/// Names of pods are those of their job with an index, and names of hosts, which have 63 letters at most.
const LONGEST_NAME: usize = 50;

/// The image that `docker build -t burn-tune .` makes of the Dockerfile.
pub const IMAGE: &str = "burn-tune";

/// What the manifest is made of.
pub struct Pods<'a> {
    /// The study.
    pub study: &'a str,
    /// How many workers there are.
    pub count: usize,
    /// What the program in the image is called with.
    pub arguments: Vec<String>,
    /// How many cores each needs.
    pub cpus: usize,
    /// Graphics cards of each.
    pub gpus: Option<f64>,
    /// How long one that is to end may take for it.
    pub grace: Duration,
    /// The image, whose entry point is the program.
    pub image: &'a str,
    /// Where the study is, if that is known.
    pub url: Option<&'a StorageUrl>,
}

impl Pods<'_> {
    /// The manifest, with what has to be done before it as comments.
    ///
    /// # Errors
    ///
    /// What of it no cluster would take.
    pub fn manifest(&self) -> Result<String> {
        let job = serde_saphyr::to_string(&self.job()?).context("cannot write YAML")?;
        Ok(format!("{}{job}", self.comments()))
    }

    fn name(&self) -> String {
        let words = self.study.split(|c: char| !c.is_ascii_alphanumeric());
        let words: Vec<&str> = ["burn-tune"].into_iter().chain(words).collect();
        let words = words.into_iter().filter(|word| !word.is_empty());
        let name = words.collect::<Vec<&str>>().join("-").to_ascii_lowercase();
        name.chars().take(LONGEST_NAME).collect::<String>().trim_end_matches('-').to_owned()
    }

    /// What a client of the database has to show, by its variable and its key in the secret, beside the address.
    fn credential(&self) -> (&'static str, &'static str) {
        match self.url {
            Some(StorageUrl::Http(_)) => ("BURN_TUNE_TOKEN", "token"),
            _ => ("PGPASSWORD", "password"),
        }
    }

    fn comments(&self) -> String {
        let (name, program) = (self.name(), program_name());
        let (variable, key) = self.credential();
        let workers = count(self.count, "worker");
        let study = quoted(&self.study);
        [
            format!("{workers} of the study {study}. Nobody has tried this on a cluster yet."),
            "The address of the database comes from a secret, which is made first:".to_owned(),
            format!(
                "  printf %s \"${STORAGE_VARIABLE}\" | kubectl create secret generic {name} --from-file=storage=/dev/stdin"
            ),
            format!("Its key `{key}`, if there is one, becomes {variable} in the workers."),
            "They wait for the study, which begins with:".to_owned(),
            format!("  {program} search … --study {study} --watch"),
        ]
        .map(|line| format!("# {line}\n"))
        .concat()
    }

    fn job(&self) -> Result<Value> {
        let name = self.name();
        let labels = json!({
            "app.kubernetes.io/name": "burn-tune",
            "app.kubernetes.io/instance": name,
        });
        Ok(json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": { "name": name, "labels": labels },
            "spec": {
                "completionMode": "Indexed",
                "completions": self.count,
                "parallelism": self.count,
                "backoffLimitPerIndex": BACKOFF_LIMIT,
                "podFailurePolicy": { "rules": failure_rules() },
                "template": {
                    "metadata": { "labels": labels },
                    "spec": {
                        // What counts failures of each worker asks for it; the job starts another pod.
                        "restartPolicy": "Never",
                        "terminationGracePeriodSeconds": (self.grace + BEYOND_GRACE).as_secs(),
                        // A worker asks the cluster nothing.
                        "automountServiceAccountToken": false,
                        "containers": [self.container()?],
                    },
                },
            },
        }))
    }

    fn container(&self) -> Result<Value> {
        let secret = |variable: &str, key: &str, optional: bool| {
            let mut reference = json!({ "name": self.name(), "key": key });
            if optional {
                reference["optional"] = true.into();
            }
            json!({ "name": variable, "valueFrom": { "secretKeyRef": reference } })
        };
        let mut arguments = self.arguments.clone();
        if !arguments.iter().any(|argument| argument.starts_with("--wait-for-study")) {
            arguments.push(WAIT_FOR_STUDY.to_owned());
        }
        let (variable, key) = self.credential();
        Ok(json!({
            "name": "worker",
            "image": checked_image(self.image)?,
            "args": arguments,
            "env": [secret(STORAGE_VARIABLE, "storage", false), secret(variable, key, true)],
            "resources": self.resources()?,
        }))
    }

    fn resources(&self) -> Result<Value> {
        let mut resources = json!({ "requests": { "cpu": self.cpus.to_string() } });
        let Some(gpus) = self.gpus else { return Ok(resources) };
        if gpus.fract() != 0.0 {
            bail!(
                "--worker-gpus is {gpus}: Kubernetes gives whole graphics cards to a worker, and --per-device lets a worker train several trials on each"
            );
        }
        // Of what is no processor and no memory, the limit is also what is asked for.
        resources["limits"] = json!({ "nvidia.com/gpu": gpus.to_string() });
        Ok(resources)
    }
}

/// What the end of a pod means, in the order in which it is looked.
fn failure_rules() -> Value {
    json!([
        // A node that is drained, or a pod that makes way for another one: no fault of the worker.
        {
            "action": "Ignore",
            "onPodConditions": [{ "type": "DisruptionTarget", "status": "True" }],
        },
        // Somebody has deleted the pod, and the worker has ended in order.
        { "action": "Ignore", "onExitCodes": on_exit_code(INTERRUPTED) },
        // It was refused, as one of another release, and so would the next one be.
        { "action": "FailIndex", "onExitCodes": on_exit_code(WRONG_INPUT) },
    ])
}

fn on_exit_code(code: u8) -> Value {
    json!({ "containerName": "worker", "operator": "In", "values": [code] })
}

fn checked_image(image: &str) -> Result<&str> {
    match image.is_empty() || image.contains(|c: char| c.is_whitespace() || c.is_control()) {
        true => bail!(
            "--image is `{image}`: write the name of an image, such as registry.example.org/burn-tune:0.1"
        ),
        false => Ok(image),
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn pods<'a>() -> Pods<'a> {
        Pods {
            study: "Night: 2",
            count: 32,
            arguments: ["worker", "--study=Night: 2", "--jobs=8"].map(str::to_owned).to_vec(),
            cpus: 8,
            gpus: None,
            grace: Duration::from_secs(30),
            image: "registry.example.org/burn-tune:0.1",
            url: None,
        }
    }

    #[test]
    fn a_job_with_an_index_for_each_worker_is_printed() {
        assert_snapshot!(pods().manifest().unwrap());
    }

    #[test]
    fn graphics_cards_are_asked_for_only_where_wanted_and_are_whole() {
        let of = |gpus: f64| Pods { gpus: Some(gpus), ..pods() }.manifest();
        let two = of(2.0).unwrap();
        assert!(two.contains("nvidia.com/gpu: \"2\""), "{two}");
        assert!(!pods().manifest().unwrap().contains("gpu"));
        let half = of(0.5).unwrap_err().to_string();
        assert!(half.starts_with("--worker-gpus is 0.5: Kubernetes gives whole"), "{half}");
    }

    #[test]
    fn no_address_and_no_password_gets_into_it() {
        for url in ["postgresql://me:secret@db/tune", "https://login1:8740"] {
            let url: StorageUrl = url.parse().unwrap();
            let manifest = Pods { url: Some(&url), ..pods() }.manifest().unwrap();
            assert!(!manifest.contains("secret@") && !manifest.contains("login1"), "{manifest}");
            let is_served = matches!(url, StorageUrl::Http(_));
            assert_eq!(manifest.contains("BURN_TUNE_TOKEN"), is_served, "{manifest}");
            assert_eq!(manifest.contains("PGPASSWORD"), !is_served, "{manifest}");
        }
    }

    #[test]
    fn names_are_those_that_kubernetes_takes() {
        let name = |study| Pods { study, ..pods() }.name();
        assert_eq!(name("night"), "burn-tune-night");
        assert_eq!(name("Äpfel_2 "), "burn-tune-pfel-2");
        let long = "x".repeat(39) + "-" + &"y".repeat(80);
        assert_eq!(name(&long), format!("burn-tune-{}", "x".repeat(39)));
    }

    #[test]
    fn what_is_no_image_is_refused() {
        for image in ["", "a b", "a\nb"] {
            let refused = Pods { image, ..pods() }.manifest().unwrap_err().to_string();
            assert!(refused.contains("write the name of an image"), "{refused}");
        }
    }

    #[test]
    fn who_waits_longer_for_the_study_says_so() {
        let mut pods = pods();
        pods.arguments.push("--wait-for-study=7d".to_owned());
        let manifest = pods.manifest().unwrap();
        assert_eq!(manifest.matches("--wait-for-study").count(), 1, "{manifest}");
    }
}
