//! Workers on a cluster that is a small server: what is asked of Ray, and what follows from what it says.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

use insta::assert_snapshot;
use serde_json::json;
use tiny_http::{Method, Response, Server};

use super::access::Token;
use super::*;

/// What the cluster is asked, and what it says.
#[derive(Default)]
struct State {
    /// Its jobs by name, in the order of their names.
    jobs: BTreeMap<String, Value>,
    /// Without it nobody is let in.
    token: Option<String>,
    /// What it answers instead of anything else.
    broken: Option<(u16, String)>,
    /// The bodies of all jobs that were submitted.
    submitted: Vec<Value>,
    stopped: Vec<String>,
    /// Whether jobs that are to end take some time for it.
    ends_slowly: bool,
    /// How many more jobs it takes.
    places: Option<usize>,
}

/// A dashboard.
struct Fake {
    server: Arc<Server>,
    state: Arc<Mutex<State>>,
    thread: Option<JoinHandle<()>>,
}

impl Fake {
    fn new() -> Self {
        let server = Arc::new(Server::http("127.0.0.1:0").unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let (listener, shared) = (Arc::clone(&server), Arc::clone(&state));
        let thread = thread::spawn(move || {
            for mut request in listener.incoming_requests() {
                let mut body = String::new();
                request.as_reader().read_to_string(&mut body).unwrap();
                let given =
                    request.headers().iter().find(|header| header.field.equiv("Authorization"));
                let given = given.map(|header| header.value.to_string());
                let (method, url) = (request.method().clone(), request.url().to_owned());
                let (status, text) =
                    answer(&mut shared.lock().unwrap(), &method, &url, given, &body);
                request.respond(Response::from_string(text).with_status_code(status)).unwrap();
            }
        });
        Fake { server, state, thread: Some(thread) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn address(&self) -> String {
        format!("http://{}", self.server.server_addr())
    }

    fn api(&self, token: Option<&str>) -> JobsApi {
        JobsApi::new(self.address(), token.map(Token::of))
    }

    /// A cluster whose silence is told at once.
    fn ray(&self) -> Ray {
        Ray::at(self.api(None), None, Duration::ZERO).unwrap()
    }

    fn with_workers(&self, count: usize) -> Ray {
        let mut ray = self.ray();
        ray.submit(&workers(count)).unwrap();
        ray
    }

    /// The job that is the newest of the place with this number.
    fn id(&self, place: usize) -> String {
        let state = self.state();
        let of_place = |id: &&String| id.rsplit('-').nth(1) == Some(&place.to_string());
        state.jobs.keys().filter(of_place).max().unwrap().clone()
    }

    /// Ray says this of the newest job of a place.
    fn says(&self, place: usize, said: &Value) {
        let id = self.id(place);
        let mut state = self.state();
        let job = state.jobs.get_mut(&id).unwrap().as_object_mut().unwrap();
        job.extend(said.as_object().unwrap().clone());
    }

    fn fails(&self, place: usize, code: i64, log: &str) {
        let message = format!(
            "Job entrypoint command failed with exit code {code}, last available logs (truncated to 20,000 chars):\n{log}"
        );
        self.says(
            place,
            &json!({ "status": "FAILED", "message": message, "driver_exit_code": code }),
        );
    }

    /// What is said of what has changed, without what differs in each run.
    fn notices(&self, ray: &mut Ray) -> String {
        let run = ray.placed.as_ref().unwrap().run.clone();
        let address = self.address();
        let notices = ray.poll().notices.into_iter().map(|notice| match notice {
            Notice::Said(text) => text,
            Notice::Failed(FailedWorker { worker, machine, state, log }) => {
                format!("{worker} on {}: {state}\n{log}", machine.as_deref().unwrap_or("nothing"))
            }
        });
        let all: Vec<String> = notices.collect();
        all.join("\n").replace(&run, "RUN").replace(&address, "ADDRESS")
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.server.unblock();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(
    state: &mut State,
    method: &Method,
    url: &str,
    given: Option<String>,
    body: &str,
) -> (u16, String) {
    if let Some(broken) = &state.broken {
        return broken.clone();
    }
    match (&state.token, given) {
        (Some(_), None) => return (401, "Unauthorized: Missing authentication token".to_owned()),
        (Some(token), Some(given)) if given != format!("Bearer {token}") => {
            return (403, "Forbidden: Invalid authentication token".to_owned());
        }
        _ => {}
    }
    let parts: Vec<&str> = url.trim_matches('/').split('/').collect();
    match (method, parts.as_slice()) {
        (Method::Get, ["api", "version"]) => {
            (200, json!({ "version": "4", "ray_version": "2.60.0" }).to_string())
        }
        (Method::Get, ["api", "jobs"]) => {
            // What was not submitted as a job is in the list, too.
            let driver = json!({ "type": "DRIVER", "submission_id": null, "status": "RUNNING" });
            let jobs: Vec<&Value> = state.jobs.values().chain([&driver]).collect();
            (200, json!(jobs).to_string())
        }
        (Method::Post, ["api", "jobs"]) => submit(state, body),
        (Method::Post, ["api", "jobs", id, "stop"]) => {
            state.stopped.push((*id).to_owned());
            let ends_slowly = state.ends_slowly;
            match state.jobs.get_mut(*id) {
                Some(job) => {
                    if !ends_slowly {
                        job["status"] = "STOPPED".into();
                    }
                    (200, json!({ "stopped": true }).to_string())
                }
                None => (404, format!("Job {id} does not exist")),
            }
        }
        _ => (404, "Not Found".to_owned()),
    }
}

fn submit(state: &mut State, body: &str) -> (u16, String) {
    let job: Value = serde_json::from_str(body).unwrap();
    let id = job["submission_id"].as_str().unwrap().to_owned();
    if state.jobs.contains_key(&id) {
        let error = format!("ValueError: Job with submission_id {id} already exists.");
        return (500, error);
    }
    if state.places == Some(0) {
        return (500, "No available agent to submit job, please try again later.".to_owned());
    }
    state.places = state.places.map(|places| places - 1);
    let info = json!({
        "type": "SUBMISSION", "submission_id": id, "status": "PENDING", "message": null,
        "error_type": null, "driver_exit_code": null, "driver_agent_http_address": null,
        "entrypoint": job["entrypoint"],
    });
    state.jobs.insert(id.clone(), info);
    state.submitted.push(job);
    (200, json!({ "job_id": id, "submission_id": id }).to_string())
}

fn workers(count: usize) -> Workers {
    Workers {
        study: "Night 2".to_owned(),
        count,
        command: ["/opt/burn tune/bin/burn-tune", "worker", "--study=Night 2"]
            .map(str::to_owned)
            .to_vec(),
        environment: vec![("BURN_TUNE_STORAGE".to_owned(), "postgresql://me@db/tune".to_owned())],
        cpus: 8,
        grace: Duration::from_secs(30),
        folder: PathBuf::from("/shared/results/night-2/engine"),
        directory: PathBuf::from("/shared"),
    }
}

fn counts(look: &Look) -> (usize, usize) {
    (look.running, look.waiting)
}

fn running() -> Value {
    json!({ "status": "RUNNING", "driver_agent_http_address": "http://10.0.0.7:52365" })
}

#[test]
fn each_worker_is_a_job_that_asks_for_its_cores_and_gets_time_to_end() {
    let fake = Fake::new();
    let mut ray = fake.ray();
    ray.gpus = Some(0.5);
    let job = ray.submit(&workers(2)).unwrap();
    assert_eq!(job.name, format!("Ray at {}", fake.address()));
    let run = ray.placed.as_ref().unwrap().run.clone();
    assert!(run.starts_with("burn-tune-Night-2-"), "{run}");
    let names: Vec<String> = fake.state().jobs.keys().cloned().collect();
    assert_eq!(names, [format!("{run}-0-1"), format!("{run}-1-1")]);
    let body = serde_json::to_string_pretty(&fake.state().submitted[1]).unwrap();
    assert_snapshot!(body.replace(&run, "RUN"));
    assert_eq!(counts(&ray.poll()), (0, 2));
}

#[test]
fn on_nodes_with_other_files_no_folder_of_this_machine_is_looked_for() {
    let fake = Fake::new();
    let job = fake.ray().without_shared_files().job(&workers(1));
    assert_eq!(job.entrypoint, "exec '/opt/burn tune/bin/burn-tune' worker '--study=Night 2'");
}

#[test]
fn those_that_run_and_those_that_wait_are_counted() {
    let fake = Fake::new();
    let mut ray = fake.with_workers(3);
    fake.says(1, &running());
    fake.says(2, &running());
    assert_eq!(counts(&ray.poll()), (2, 1));
    // The study is complete, or there was nothing to do.
    fake.says(2, &json!({ "status": "SUCCEEDED", "driver_exit_code": 0 }));
    assert_eq!(counts(&ray.poll()), (1, 1));
    assert_eq!(fake.state().submitted.len(), 3);
}

#[test]
fn a_worker_that_fails_is_told_with_its_log_and_another_takes_its_place() {
    let fake = Fake::new();
    let mut ray = fake.with_workers(2);
    fake.says(0, &running());
    ray.poll();
    let log: String = (0..40).map(|line| format!("line {line}\n\n")).collect();
    fake.fails(0, -9, &log);
    assert_snapshot!(fake.notices(&mut ray));
    assert!(fake.id(0).ends_with("-0-2"));
    assert_eq!(counts(&ray.poll()), (0, 2));
    // It is a worker that begins, with nothing that says where the first one was.
    let state = fake.state();
    assert_eq!(state.submitted[2]["entrypoint"], state.submitted[0]["entrypoint"]);
}

#[test]
fn a_worker_that_is_refused_or_fails_again_and_again_is_given_up() {
    let fake = Fake::new();
    let mut ray = fake.with_workers(2);
    let of_ray = "2026-11-30 12:17:45,001 INFO job_manager.py:568 -- Runtime env is setting up.\nRunning entrypoint for job RUN-0-1: cd /shared && exec burn-tune worker\n";
    fake.fails(0, 2, &format!("{of_ray}error: the study was begun by burn-tune 0.2.0"));
    fake.fails(1, 127, "sh: 1: exec: /opt/burn-tune: not found");
    let mut said = vec![fake.notices(&mut ray)];
    for _ in 0..2 {
        fake.fails(1, 127, "sh: 1: exec: /opt/burn-tune: not found");
        said.push(fake.notices(&mut ray));
    }
    assert_snapshot!(said.join("\n"));
    assert_eq!(counts(&ray.poll()), (0, 0));
    assert_eq!(fake.state().submitted.len(), 4);
}

#[test]
fn a_node_that_died_and_a_cluster_that_forgot_its_jobs_get_other_workers() {
    let fake = Fake::new();
    let mut ray = fake.with_workers(2);
    fake.says(0, &running());
    ray.poll();
    let died = "Job supervisor actor died: The actor died because its node has died.\nNode Id: abc";
    fake.says(
        0,
        &json!({ "status": "FAILED", "message": died, "error_type": "JOB_SUPERVISOR_ACTOR_DIED" }),
    );
    let mut said = fake.notices(&mut ray);
    fake.state().jobs.clear();
    for _ in 0..3 {
        said += &fake.notices(&mut ray);
    }
    assert_snapshot!(said);
    assert_eq!(fake.state().jobs.len(), 2);
}

#[test]
fn a_full_cluster_is_no_failure_and_is_told_once() {
    let fake = Fake::new();
    let mut ray = fake.with_workers(2);
    let full = json!({
        "status": "FAILED", "error_type": "JOB_SUPERVISOR_ACTOR_START_TIMEOUT",
        "message": "Job supervisor actor failed to start within 900 seconds.",
    });
    let mut said = String::new();
    for _ in 0..5 {
        fake.says(0, &full);
        fake.says(1, &full);
        said += &fake.notices(&mut ray);
    }
    assert_eq!(said.matches("no place").count(), 1, "{said}");
    assert_eq!(counts(&ray.poll()), (0, 2));
    assert!(fake.id(1).ends_with("-1-6"));
}

#[test]
fn what_somebody_has_stopped_stays_stopped() {
    let fake = Fake::new();
    let mut ray = fake.with_workers(1);
    fake.says(0, &json!({ "status": "STOPPED" }));
    let said = fake.notices(&mut ray);
    assert!(said.contains("somebody has stopped it, no other is started"), "{said}");
    assert_eq!(counts(&ray.poll()), (0, 0));
    assert_eq!(fake.state().submitted.len(), 1);
}

#[test]
fn a_dashboard_that_does_not_answer_is_a_notice_and_changes_no_count() {
    let fake = Fake::new();
    let mut ray = fake.with_workers(2);
    fake.says(0, &running());
    assert_eq!(counts(&ray.poll()), (1, 1));
    let mut said = Vec::new();
    for broken in [(503, "gateway".to_owned()), (200, "<html>".to_owned())] {
        fake.state().broken = Some(broken);
        for _ in 0..3 {
            said.push(fake.notices(&mut ray));
            assert_eq!(counts(&ray.poll()), (1, 1));
        }
        fake.state().broken = None;
        said.push(fake.notices(&mut ray));
    }
    said.retain(|said| !said.is_empty());
    assert_snapshot!(said.join("\n"));
    assert_eq!(fake.state().submitted.len(), 2);
}

#[test]
fn jobs_that_it_does_not_take_now_are_submitted_later() {
    let fake = Fake::new();
    fake.state().places = Some(1);
    let mut ray = fake.with_workers(3);
    assert_eq!(counts(&ray.poll()), (0, 3));
    assert_eq!(fake.state().submitted.len(), 1);
    fake.state().places = None;
    ray.poll();
    assert_eq!(fake.state().submitted.len(), 3);
}

#[test]
fn one_whose_acknowledgement_was_lost_is_there_once() {
    let fake = Fake::new();
    let api = fake.api(None);
    let job = fake.ray().job(&workers(1));
    let job = NewJob { submission_id: "run-0-1".to_owned(), ..job };
    api.submit(&job).unwrap();
    api.submit(&job).unwrap();
    assert_eq!(fake.state().submitted.len(), 1);
}

#[test]
fn workers_are_asked_to_end_those_that_wait_alone_where_the_study_is_complete() {
    let fake = Fake::new();
    let mut ray = fake.with_workers(3);
    fake.says(1, &running());
    ray.poll();
    fake.state().ends_slowly = true;
    ray.cancel(Cancel::Waiting).unwrap();
    let run = ray.placed.as_ref().unwrap().run.clone();
    assert_eq!(fake.state().stopped, [format!("{run}-0-1"), format!("{run}-2-1")]);
    assert_eq!(counts(&ray.poll()), (1, 0));
    ray.cancel(Cancel::InOrder).unwrap();
    assert_eq!(fake.state().stopped.last(), Some(&format!("{run}-1-1")));
    assert_eq!(counts(&ray.poll()), (1, 0), "it has time to end");
    fake.says(1, &json!({ "status": "FAILED", "driver_exit_code": 130 }));
    let look = ray.poll();
    assert_eq!((counts(&look), look.notices.len()), ((0, 0), 0), "its end is no news");
    assert_eq!(fake.state().submitted.len(), 3);
}

#[test]
fn a_job_that_is_gone_needs_not_be_stopped() {
    let fake = Fake::new();
    let mut ray = fake.with_workers(1);
    fake.state().jobs.clear();
    ray.cancel(Cancel::InOrder).unwrap();
    assert_eq!(counts(&ray.poll()), (0, 0));
}

#[test]
fn what_could_not_be_stopped_is_an_error() {
    let fake = Fake::new();
    let mut ray = fake.with_workers(2);
    fake.state().broken = Some((500, "Traceback\nValueError: no".to_owned()));
    let error = ray.cancel(Cancel::InOrder).unwrap_err().to_string();
    assert!(error.ends_with("answers with 500: Traceback\nValueError: no"), "{error}");
    assert_eq!(counts(&ray.poll()), (0, 2));
}

#[test]
fn a_token_is_shown_and_a_wrong_one_is_told_but_never_repeated() {
    let fake = Fake::new();
    fake.state().token = Some("right".to_owned());
    let find = |token| Ray::at(fake.api(token), None, SILENCE);
    assert!(find(Some("right")).is_ok());
    let refused = |token| {
        let error = find(token).err().unwrap().to_string();
        error.replace(&fake.address(), "ADDRESS")
    };
    assert_snapshot!(format!("{}\n{}", refused(None), refused(Some("wrong-secret"))));
}

#[test]
fn a_token_that_is_changed_meanwhile_is_told_at_once() {
    let fake = Fake::new();
    let mut ray = fake.with_workers(1);
    ray.placed.as_mut().unwrap().silence = SILENCE;
    fake.state().token = Some("new".to_owned());
    let said = fake.notices(&mut ray);
    assert!(said.contains("asks for a token, and there is none; what runs goes on"), "{said}");
    assert_eq!(fake.notices(&mut ray), "");
}

#[test]
fn where_there_is_no_ray_is_told_with_the_address_and_what_to_do() {
    let fake = Fake::new();
    let find = |api| Ray::at(api, None, SILENCE).err().unwrap().to_string();
    let mut said = Vec::new();
    for broken in [(404, "no such page"), (200, "<html>"), (200, "[1]"), (403, "forbidden here")] {
        fake.state().broken = Some((broken.0, broken.1.to_owned()));
        said.push(find(fake.api(None)).replace(&fake.address(), "ADDRESS"));
    }
    // A port at which nobody listens.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    said.push(find(JobsApi::new(address.clone(), None)).replace(&address, "ADDRESS"));
    assert_snapshot!(said.join("\n"));
}

#[test]
fn a_refusal_shows_its_end_where_the_reason_is() {
    let fake = Fake::new();
    let mut ray = fake.ray();
    let traceback = format!("{}\nValueError: no such resource", "Traceback ".repeat(200));
    fake.state().broken = Some((500, traceback));
    let error = ray.submit(&workers(2)).unwrap_err().to_string();
    assert!(error.contains("500: … ") && error.ends_with("no such resource"), "{error}");
    assert!(error.len() < 800, "{error}");
}
