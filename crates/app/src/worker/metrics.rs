//! The counts of a worker for Prometheus, by HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use anyhow::{Result, anyhow};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tiny_http::{Header, Method, Response, Server};

const FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers questions for a worker's counts until it is dropped.
pub struct MetricsServer {
    server: Arc<Server>,
    thread: Option<JoinHandle<()>>,
    /// Where it answers.
    pub address: SocketAddr,
}

impl MetricsServer {
    /// Answers at this address.
    ///
    /// # Errors
    ///
    /// Where it is not free, or not this machine's.
    pub fn start(address: SocketAddr, registry: Registry) -> Result<Self> {
        let problem = |problem: String| anyhow!("--metrics {address}: {problem}");
        let server = Server::http(address).map_err(|error| problem(error.to_string()))?;
        let found = server.server_addr().to_ip();
        let found = found.ok_or_else(|| problem("this is no address with a port".to_owned()))?;
        let server = Arc::new(server);
        let shared = server.clone();
        let thread = thread::Builder::new()
            .name("metrics".to_owned())
            .spawn(move || serve(&shared, &registry))?;
        Ok(MetricsServer { server, thread: Some(thread), address: found })
    }
}

impl Drop for MetricsServer {
    fn drop(&mut self) {
        self.server.unblock();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(server: &Server, registry: &Registry) {
    for request in server.incoming_requests() {
        let answer = match (request.method(), request.url()) {
            (Method::Get, "/metrics") => counts(registry),
            _ => Response::from_string("there is /metrics\n").with_status_code(404),
        };
        // Whoever has gone away meanwhile needs no answer.
        if let Err(error) = request.respond(answer) {
            tracing::debug!("metrics: {error}");
        }
    }
}

fn counts(registry: &Registry) -> Response<std::io::Cursor<Vec<u8>>> {
    let mut text = String::new();
    if encode(&mut text, registry).is_err() {
        return Response::from_string("the counts cannot be written\n").with_status_code(500);
    }
    let header = Header::from_bytes("Content-Type", FORMAT).expect("it is ASCII");
    Response::from_string(text).with_header(header)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpStream};

    use burn_tune_storage::Statistics;

    use super::*;
    use crate::worker::tally::Tally;

    fn get(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn counts_are_told_to_whoever_asks_for_them() {
        let tally = Tally::new(Statistics::default());
        let address = (Ipv4Addr::LOCALHOST, 0).into();
        let server = MetricsServer::start(address, tally.registry()).unwrap();
        tally.began();
        tally.began();
        tally.ended();
        tally.trial_ended("complete");
        let answer = get(server.address, "/metrics");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        for line in [
            "burn_tune_trials_total{outcome=\"complete\"} 1",
            "burn_tune_running 1",
            "burn_tune_database_wait_seconds_total 0",
            "# EOF",
        ] {
            assert!(answer.contains(line), "{line}: {answer}");
        }
        assert!(get(server.address, "/").starts_with("HTTP/1.1 404"));
        let taken = MetricsServer::start(server.address, tally.registry());
        let taken = taken.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(taken.starts_with("--metrics 127.0.0.1:"), "{taken}");
    }
}
