//! Ray's REST API of jobs, as far as it is needed here. Nothing else of the program speaks HTTP with a scheduler.

use std::sync::Arc;
use std::time::Duration;

use burn_tune_search::clock::Stopwatch;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ureq::http::StatusCode;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Proxy, Timeout};

use super::access::Token;

/// A dashboard that is there takes a connection at once, also over a slow tunnel.
const CONNECT: Duration = Duration::from_secs(5);
/// The longest that an answer may take: whoever wants the search to end waits for it.
const ANSWER: Duration = Duration::from_secs(10);
/// The same for a new job, of which Ray itself waits 10 seconds for a node that could take it.
const SUBMISSION: Duration = Duration::from_secs(20);
/// A list of jobs has the last lines of all that have failed, also of other people's.
const MOST_BYTES: u64 = 64 << 20;
/// What is shown of a refusal: it may be a whole traceback of Python.
const MOST_CHARS: usize = 600;

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// Nobody is there, or nobody answers in time.
    #[error("Ray does not answer at {address}: {reason}")]
    NoAnswer { address: String, reason: String },
    /// It wants a token.
    #[error("Ray at {address} asks for a token, and there is none")]
    NoToken { address: String },
    /// It does not take this one.
    #[error("Ray at {address} refuses the token")]
    WrongToken { address: String },
    /// It does not do what it was asked to.
    #[error("Ray at {address} answers with {status}: {said}")]
    Refused { address: String, status: u16, said: String },
    /// It says something that Ray does not say.
    #[error(
        "what answers at {address} is not the dashboard of Ray, or of a release that is not known: {problem}"
    )]
    Unreadable { address: String, problem: String },
}

impl ApiError {
    /// Whether it is about who may do something.
    pub fn is_about_token(&self) -> bool {
        matches!(self, ApiError::NoToken { .. } | ApiError::WrongToken { .. })
    }
}

/// A job that is to be.
#[derive(Debug, Clone, Serialize)]
pub struct NewJob {
    /// A name that no other job has.
    pub submission_id: String,
    /// A command line of a shell.
    pub entrypoint: String,
    /// Cores that Ray keeps free for it. With none of anything, Ray starts every job on its head.
    pub entrypoint_num_cpus: usize,
    /// Graphics cards, which may be a part of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entrypoint_num_gpus: Option<f64>,
    pub runtime_env: RuntimeEnv,
    pub metadata: Map<String, Value>,
}

#[derive(Debug, Clone, Serialize)]
pub struct RuntimeEnv {
    pub env_vars: Map<String, Value>,
}

/// Where a job has got to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum JobStatus {
    Pending,
    Running,
    /// Somebody has stopped it.
    Stopped,
    Succeeded,
    Failed,
    /// One that later releases of Ray may have.
    #[serde(other)]
    Unknown,
}

/// What Ray says of a job.
#[derive(Debug, Clone, Deserialize)]
pub struct Job {
    /// None for what was not submitted as a job.
    pub submission_id: Option<String>,
    pub status: JobStatus,
    /// The end of its log, too, where it has failed.
    pub message: Option<String>,
    pub error_type: Option<String>,
    /// None where it has not ended, or nobody knows how.
    pub driver_exit_code: Option<i64>,
    /// Where the agent of its node listens.
    pub driver_agent_http_address: Option<String>,
}

impl Job {
    /// The node that it was on, if it was on any.
    pub fn machine(&self) -> Option<String> {
        let address = self.driver_agent_http_address.as_deref()?;
        let host = address.split("://").nth(1)?.rsplit_once(':')?.0;
        Some(host.to_owned())
    }
}

/// The jobs of a cluster.
pub struct JobsApi {
    agent: Agent,
    /// Without a slash at its end.
    address: String,
    token: Option<Token>,
}

impl JobsApi {
    pub fn new(address: String, token: Option<Token>) -> Self {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .user_agent(concat!("burn-tune/", env!("CARGO_PKG_VERSION")))
            .proxy(if is_local(&address) { None } else { Proxy::try_from_env() });
        if address.starts_with("https:") {
            config = config.tls_config(tls());
        }
        JobsApi { agent: config.build().new_agent(), address, token }
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// The release of Ray that is there.
    ///
    /// # Errors
    ///
    /// Where there is no Ray, or it lets nobody in.
    pub fn version(&self) -> Result<String, ApiError> {
        #[derive(Deserialize)]
        struct Version {
            ray_version: String,
        }
        match self.get::<Version>("/api/version") {
            Ok(version) => Ok(version.ray_version),
            Err(ApiError::Refused { status: 404, .. }) => {
                Err(self.unreadable("it has no page /api/version".to_owned()))
            }
            Err(error) => Err(error),
        }
    }

    /// Submits a job. One that is there already under its name is the same: its acknowledgement was lost.
    ///
    /// # Errors
    ///
    /// Where Ray does not take it.
    pub fn submit(&self, job: &NewJob) -> Result<(), ApiError> {
        #[derive(Deserialize)]
        struct Submitted {
            submission_id: String,
        }
        let body = self.body_of(job)?;
        match self.ask::<Submitted>("/api/jobs/", Some(body)) {
            Ok(submitted) if submitted.submission_id == job.submission_id => Ok(()),
            Ok(Submitted { submission_id }) => Err(self
                .unreadable(format!("the job {} was taken as {submission_id}", job.submission_id))),
            Err(ApiError::Refused { said, .. }) if said.contains("already exists") => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// All jobs that the cluster remembers, also those of other people.
    ///
    /// # Errors
    ///
    /// Where Ray does not say.
    pub fn jobs(&self) -> Result<Vec<Job>, ApiError> {
        self.get("/api/jobs/")
    }

    /// Asks a job to end. One that has ended, or that nobody knows any more, needs not be asked.
    ///
    /// # Errors
    ///
    /// Where Ray does not take the request.
    pub fn stop(&self, submission_id: &str) -> Result<(), ApiError> {
        let stopped = self.ask::<Value>(&format!("/api/jobs/{submission_id}/stop"), Some(vec![]));
        match stopped {
            Err(ApiError::Refused { status: 404, .. }) => Ok(()),
            other => other.map(|_| ()),
        }
    }

    fn get<T: for<'a> Deserialize<'a>>(&self, path: &str) -> Result<T, ApiError> {
        self.ask(path, None)
    }

    /// Gets a page, or posts a body to it.
    fn ask<T: for<'a> Deserialize<'a>>(
        &self,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<T, ApiError> {
        let since = Stopwatch::start();
        let url = format!("{}{path}", self.address);
        let limit = match body.as_deref() {
            Some([_, ..]) => SUBMISSION,
            _ => ANSWER,
        };
        let answer = match body {
            None => {
                let request = self.with_token(self.agent.get(&url));
                request.config().timeout_global(Some(limit)).build().call()
            }
            Some(body) => {
                let request = self.agent.post(&url).header("Content-Type", "application/json");
                let request = self.with_token(request);
                request.config().timeout_global(Some(limit)).build().send(body)
            }
        };
        let mut answer = answer.map_err(|error| self.no_answer(&error))?;
        let status = answer.status();
        let text = answer.body_mut().with_config().limit(MOST_BYTES).lossy_utf8(true);
        let text = text.read_to_string().map_err(|error| self.no_answer(&error))?;
        tracing::debug!("{url}: {status} after {:.1} s", since.elapsed_s());
        match status {
            StatusCode::OK => {
                serde_json::from_str(&text).map_err(|error| self.unreadable(error.to_string()))
            }
            _ => Err(self.refusal(status, &text)),
        }
    }

    fn with_token<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        match &self.token {
            Some(token) => request.header("Authorization", token.header()),
            None => request,
        }
    }

    fn body_of(&self, job: &NewJob) -> Result<Vec<u8>, ApiError> {
        serde_json::to_vec(job).map_err(|error| self.unreadable(error.to_string()))
    }

    fn refusal(&self, status: StatusCode, text: &str) -> ApiError {
        let address = self.address.clone();
        match (status, &self.token) {
            (StatusCode::UNAUTHORIZED, None) => ApiError::NoToken { address },
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, Some(_)) => {
                ApiError::WrongToken { address }
            }
            _ => ApiError::Refused { address, status: status.as_u16(), said: end_of(text) },
        }
    }

    fn unreadable(&self, problem: String) -> ApiError {
        ApiError::Unreadable { address: self.address.clone(), problem }
    }

    fn no_answer(&self, error: &ureq::Error) -> ApiError {
        let reason = match error {
            ureq::Error::Timeout(Timeout::Connect) => {
                format!("no connection within {} s", CONNECT.as_secs())
            }
            ureq::Error::Timeout(_) => "it has taken the question, and says nothing".to_owned(),
            ureq::Error::Io(error) => error.to_string(),
            error => error.to_string(),
        };
        ApiError::NoAnswer { address: self.address.clone(), reason }
    }
}

/// Whether it is on this machine, where no proxy is needed, and where tunnels begin.
fn is_local(address: &str) -> bool {
    let host = address.split("://").nth(1).unwrap_or_default();
    ["127.", "localhost", "[::1]"].iter().any(|local| host.starts_with(local))
}

/// By the certificates of this system, as connections with databases are.
fn tls() -> TlsConfig {
    let found = rustls_native_certs::load_native_certs().certs;
    let certificates: Vec<Certificate<'static>> =
        found.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect();
    TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&certificates))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build()
}

/// The end of what Ray says, which is where a traceback says what is wrong.
fn end_of(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().rev().nth(MOST_CHARS) {
        Some((at, _)) => format!("… {}", &text[at..]),
        None => text.to_owned(),
    }
}
