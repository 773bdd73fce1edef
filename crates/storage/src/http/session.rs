//! The server's side of a session: one client, one connection to the file, one transaction at a time.

use std::io::{self, BufRead, ErrorKind};
use std::path::Path;
use std::time::Duration;

use super::Limits;
use super::guard::Guard;
use super::message::{self, Answer, Word};
use super::socket::{Buffered, Ending, EndsWhen, allow};
use super::turns::{Turn, Turns};
use crate::StorageError;
use crate::database::{Access, Database, Value};
use crate::sqlite::{FileAccess, SqliteDatabase};

/// Rows are sent in parts of about so many bytes, so that the server has no answer in memory as a whole.
const PART_BYTES: usize = 256 << 10;

/// How long SQLite waits for whoever writes without this server, a search on the same machine.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// What all sessions have in common.
pub(super) struct Shared {
    pub turns: Turns,
    pub limits: Limits,
    pub ending: Ending,
    pub more_tables: Vec<String>,
}

/// A client's part of the file.
pub(super) struct Session<'a> {
    shared: &'a Shared,
    database: SqliteDatabase,
    guard: Guard,
    turn: Option<Turn>,
    /// What the transaction was undone for, until the client has heard it.
    undone: Option<String>,
}

impl<'a> Session<'a> {
    /// Opens the file at `path` for a client.
    ///
    /// # Errors
    ///
    /// What SQLite says.
    pub fn open(path: &Path, shared: &'a Shared) -> Result<Self, StorageError> {
        let mut database = SqliteDatabase::open(path, FileAccess::Existing, BUSY_TIMEOUT)?;
        let guard = Guard::set(&mut database, shared.limits.statement, &shared.more_tables)?;
        Ok(Session { shared, database, guard, turn: None, undone: None })
    }

    /// Does what the client asks for, until it closes the connection.
    ///
    /// # Errors
    ///
    /// Where the connection breaks, or something comes that is no message.
    pub fn serve(mut self, stream: &mut Buffered) -> io::Result<()> {
        while self.wait(stream)? {
            allow(stream, self.shared.limits.silence, EndsWhen::Over);
            let Some(words) = message::read::<Vec<Word>>(stream)? else { break };
            let answer = self.work(words, stream);
            allow(stream, self.shared.limits.silence, EndsWhen::Over);
            message::write(stream, &answer)?;
        }
        Ok(())
    }

    /// Waits until a message comes; false where none will come any more. A transaction that nobody goes on with is
    /// undone, for others wait for its end.
    fn wait(&mut self, stream: &mut Buffered) -> io::Result<bool> {
        loop {
            let in_transaction = self.database.in_transaction();
            match in_transaction {
                true => allow(stream, self.shared.limits.silence, EndsWhen::Over),
                false => allow(stream, self.shared.limits.idle, EndsWhen::Asked),
            }
            match stream.fill_buf() {
                Ok(came) => return Ok(!came.is_empty()),
                Err(error) if error.kind() == ErrorKind::TimedOut && in_transaction => {
                    self.roll_back();
                    self.undone = Some(format!(
                        "the server has undone the transaction: nothing was heard of this client for {} s",
                        self.shared.limits.silence.as_secs()
                    ));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Does all words of a message, and answers the last one.
    fn work(&mut self, words: Vec<Word>, stream: &mut Buffered) -> Answer {
        let begins =
            matches!(words.first(), Some(Word::Begin(_) | Word::Rollback | Word::HasChanged));
        if let Some(reason) = self.undone.take()
            && !begins
        {
            return Answer::Transient(reason);
        }
        let mut answer = Answer::Done;
        for word in words {
            if let Answer::Rows(..) = answer {
                self.roll_back();
                return Answer::Permanent("a query is the last word of a message".to_owned());
            }
            match self.word(word, stream) {
                Ok(done) => answer = done,
                Err(error) => {
                    self.roll_back();
                    return error.into();
                }
            }
        }
        answer
    }

    fn word(&mut self, word: Word, stream: &mut Buffered) -> Result<Answer, StorageError> {
        let Session { shared, database, guard, .. } = self;
        guard.begin_statement();
        match word {
            Word::Execute(..) | Word::Query(..) | Word::Commit if !database.in_transaction() => {
                Err(StorageError::Permanent("there is no transaction".to_owned()))
            }
            Word::Begin(access) => self.begin(access),
            Word::Execute(sql, params) => database.execute(&sql, &params).map(Answer::Changed),
            Word::Query(sql, params) => {
                query(database, &sql, &params, stream, shared.limits.silence)
            }
            Word::Commit => {
                let committed = guard.own(|| database.commit());
                self.turn = None;
                committed.map(|()| Answer::Done)
            }
            Word::Rollback => {
                self.roll_back();
                Ok(Answer::Done)
            }
            // SQLite counts for the file, and not for a study.
            Word::HasChanged => guard.own(|| database.has_changed(0)).map(Answer::HasChanged),
        }
    }

    fn begin(&mut self, access: Access) -> Result<Answer, StorageError> {
        // A client that has lost count begins anew.
        self.roll_back();
        if access == Access::Write {
            let waits = self.shared.limits.turn;
            let turn = self.shared.turns.take(waits).ok_or_else(|| {
                StorageError::Transient(format!(
                    "many others write: it was not this one's turn within {} s",
                    waits.as_secs()
                ))
            })?;
            self.turn = Some(turn);
        }
        let Session { database, guard, .. } = self;
        guard.own(|| database.begin(access)).map(|()| Answer::Done)
    }

    fn roll_back(&mut self) {
        let Session { database, guard, .. } = self;
        guard.own(|| database.rollback());
        self.turn = None;
    }
}

fn query(
    database: &mut SqliteDatabase,
    sql: &str,
    params: &[Value],
    stream: &mut Buffered,
    limit: Duration,
) -> Result<Answer, StorageError> {
    let mut send = |rows| {
        allow(stream, limit, EndsWhen::Over);
        message::write(stream, &Answer::Rows(rows, true))
            .map_err(|error| StorageError::Permanent(format!("the client has gone: {error}")))
    };
    let last = database.query_in_parts(sql, params, PART_BYTES, &mut send)?;
    Ok(Answer::Rows(last, false))
}
