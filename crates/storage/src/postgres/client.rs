//! A connection to a server that is waited for, but never forever: a server that has stopped, or a network that
//! swallows what is sent, gives no answer and no error.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Config, Error, Row, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long the goodbye to a server may take.
const GOODBYE: Duration = Duration::from_millis(200);

/// Why a server did not do what it was asked.
#[derive(Debug)]
pub enum Fault {
    /// It says so, or the connection is lost.
    Server(Error),
    /// It has said nothing for this long.
    Silence(Duration),
    /// This process cannot have a connection at all.
    System(io::Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Fault::Server(error)
    }
}

/// Something that a server is asked.
pub enum Question<'a> {
    /// Statements without params.
    Batch(&'a str),
    /// A statement: how many rows it changes.
    Execute(&'a Statement, Vec<&'a (dyn ToSql + Sync)>),
    /// A statement: its rows.
    Query(&'a Statement, Vec<&'a (dyn ToSql + Sync)>),
}

/// What the server says to a [`Question`].
#[derive(Debug)]
pub enum Answer {
    Done,
    Changed(u64),
    Rows(Vec<Row>),
}

impl Question<'_> {
    async fn ask(self, client: &tokio_postgres::Client) -> Result<Answer, Error> {
        match self {
            Question::Batch(sql) => client.batch_execute(sql).await.map(|()| Answer::Done),
            Question::Execute(statement, params) => {
                client.execute(statement, &params).await.map(Answer::Changed)
            }
            Question::Query(statement, params) => {
                client.query(statement, &params).await.map(Answer::Rows)
            }
        }
    }
}

/// How long a server may be silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Until a connection is there: of each of its addresses.
    pub connect: Duration,
    /// Until a statement is answered.
    pub answer: Duration,
}

/// A connection.
pub struct Client {
    runtime: Runtime,
    /// There until this is dropped.
    client: Option<tokio_postgres::Client>,
    /// Sends and receives, while somebody waits.
    connection: JoinHandle<()>,
    received: Arc<Mutex<Received>>,
    answer: Duration,
}

/// What came without being asked for.
#[derive(Default)]
struct Received {
    is_notified: bool,
    /// Why the connection has ended.
    end: Option<Error>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    ///
    /// What the server says, or its silence.
    pub fn connect(
        config: &Config,
        tls: MakeRustlsConnect,
        patience: Patience,
    ) -> Result<Self, Fault> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Fault::System)?;
        let addresses = config.get_hosts().len().max(config.get_hostaddrs().len()).max(1);
        // The driver's own limit is for the connection alone, and not for what the server says then.
        let limit = patience.connect * u32::try_from(addresses).unwrap_or(u32::MAX);
        let connecting = runtime.block_on(async { timeout(limit, config.connect(tls)).await });
        let (client, mut connection) = connecting.map_err(|_| Fault::Silence(limit))??;
        let received = Arc::new(Mutex::new(Received::default()));
        let shared = received.clone();
        let connection = runtime.spawn(async move {
            while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
                match message {
                    Ok(AsyncMessage::Notification(_)) => lock(&shared).is_notified = true,
                    Ok(AsyncMessage::Notice(notice)) => tracing::debug!("{notice}"),
                    Ok(_) => {}
                    Err(error) => {
                        lock(&shared).end = Some(error);
                        return;
                    }
                }
            }
        });
        let answer = patience.answer;
        Ok(Client { runtime, client: Some(client), connection, received, answer })
    }

    /// Runs statements without params.
    pub fn batch_execute(&self, sql: &str) -> Result<(), Fault> {
        self.ask(|client| client.batch_execute(sql))
    }

    /// Has the server read a statement.
    pub fn prepare(&self, sql: &str) -> Result<Statement, Fault> {
        self.ask(|client| client.prepare(sql))
    }

    /// Asks all of it in one message, in this order; the answers, or the first error. What comes behind an error
    /// in a transaction does nothing, its COMMIT included.
    pub fn ask_all(&self, questions: Vec<Question>) -> Result<Vec<Answer>, Fault> {
        self.ask(|client| {
            let asked = questions.into_iter().map(|question| Box::pin(question.ask(client)));
            all_in_order(asked.collect())
        })
    }

    /// Whether a notification has come since this was last asked. Waits for none.
    pub fn take_notified(&self) -> Result<bool, Fault> {
        // The connection is looked at only while something is waited for.
        self.runtime.block_on(async { tokio::time::sleep(Duration::from_millis(1)).await });
        let mut received = lock(&self.received);
        match received.end.take() {
            Some(end) => Err(end.into()),
            None => Ok(std::mem::take(&mut received.is_notified)),
        }
    }

    fn ask<'a, T, F>(
        &'a self,
        question: impl FnOnce(&'a tokio_postgres::Client) -> F,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let client = self.client.as_ref().expect("it is there until this is dropped");
        let limit = self.answer;
        let answered = self.runtime.block_on(async { timeout(limit, question(client)).await });
        match answered {
            Err(_) => Err(Fault::Silence(limit)),
            Ok(Ok(answer)) => Ok(answer),
            // That it is closed says less than why.
            Ok(Err(error)) if error.is_closed() => {
                Err(lock(&self.received).end.take().unwrap_or(error).into())
            }
            Ok(Err(error)) => Err(error.into()),
        }
    }
}

/// Polls all of them in their order, so that each has sent what it asks before the first one is answered.
async fn all_in_order<T, F>(mut futures: Vec<Pin<Box<F>>>) -> Result<Vec<T>, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let mut results: Vec<Option<Result<T, Error>>> = futures.iter().map(|_| None).collect();
    poll_fn(|context| {
        for (future, result) in futures.iter_mut().zip(&mut results) {
            if result.is_none()
                && let Poll::Ready(ready) = future.as_mut().poll(context)
            {
                *result = Some(ready);
            }
        }
        if results.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    results.into_iter().flatten().collect()
}

/// Says goodbye, so that the server does not log a lost connection.
impl Drop for Client {
    fn drop(&mut self) {
        drop(self.client.take());
        let Client { runtime, connection, .. } = self;
        let _ = runtime.block_on(async { timeout(GOODBYE, connection).await });
    }
}

fn lock(received: &Mutex<Received>) -> MutexGuard<'_, Received> {
    received.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use burn_tune_search::clock::Stopwatch;

    use crate::StorageError;
    use crate::postgres::PostgresDatabase;

    #[test]
    fn a_server_that_takes_a_connection_and_never_answers_is_given_up() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = silent.local_addr().unwrap().port();
        let since = Stopwatch::start();
        let address = format!("postgresql://u@127.0.0.1:{port}/db?connect_timeout=1");
        let Err(StorageError::Permanent(reason)) = PostgresDatabase::open(&address) else {
            panic!("it is open");
        };
        assert!(reason.contains("(no answer within 1 s)"), "{reason}");
        assert!(since.elapsed_s() < 10.0);
    }
}
