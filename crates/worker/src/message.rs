//! What a search and a worker say to each other: messages, and how they are cut out of a stream of bytes.
//!
//! A message is its length, four bytes with the lowest first, and then itself in MessagePack. That is as
//! good as JSON at values whose type is not known before, such as params, and has every float as its bits, so
//! that scores which are not finite and curves of a million numbers need no care.

use std::io;

use burn_tune_search::Flag;
use burn_tune_search::trial::Failure;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::task::{Request, Response, TaskScore};
use crate::wire;

/// Changes with the messages: both sides are one program, but somebody may have built it anew meanwhile.
pub const VERSION: u32 = 4;

/// No message is longer, in bytes: a length that is larger is none.
const LONGEST: usize = 1 << 30;
/// What a length takes, in bytes.
const LENGTH: usize = size_of::<u32>();

/// What a worker is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ToWorker {
    /// To do this.
    Task(Box<Request>),
    /// Whether to stop: the answer to each report, where anybody decides by them.
    Verdict {
        /// The training is hopeless.
        stop: bool,
    },
}

/// What a worker says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum FromWorker {
    /// It takes tasks, and speaks this version of the messages.
    Ready {
        /// Its [`VERSION`].
        version: u32,
    },
    /// What the score would be after a step.
    Report {
        /// The step.
        step: u64,
        /// The value.
        value: f64,
    },
    /// A value for a display.
    Show {
        /// The step.
        step: u64,
        /// How many there will be, where that is known.
        steps: Option<u64>,
        /// The value.
        value: f64,
    },
    /// For the log of whoever runs the search.
    Log {
        /// Whether it is a warning.
        is_warning: bool,
        /// What there is to say, in a sentence.
        text: String,
    },
    /// What the task came to.
    Scored(TaskScore),
    /// Why the task has no score.
    Failed {
        /// What happened.
        reason: String,
        /// What was found wrong with the model.
        #[serde(with = "wire::flags")]
        flags: Vec<Flag>,
    },
    /// The task has panicked. The worker takes no further one.
    Panicked {
        /// What is said of it.
        reason: String,
    },
}

impl From<Response> for FromWorker {
    fn from(response: Response) -> Self {
        match response {
            Ok(score) => FromWorker::Scored(score),
            Err(Failure { reason, flags }) => FromWorker::Failed { reason, flags },
        }
    }
}

/// A message as bytes.
///
/// # Errors
///
/// Where it is too long.
pub fn encoded(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; LENGTH];
    rmp_serde::encode::write(&mut bytes, message).map_err(io::Error::other)?;
    let length = bytes.len() - LENGTH;
    if length > LONGEST {
        return Err(invalid(format!("a message of {length} bytes is too long")));
    }
    // It is below 2³⁰.
    bytes[..LENGTH].copy_from_slice(&(length as u32).to_le_bytes());
    Ok(bytes)
}

fn invalid(problem: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

/// Cuts bytes, as they come, into messages.
#[derive(Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
    /// So many of them have been read.
    read: usize,
}

impl Frames {
    /// Takes up bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.read);
        self.read = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next message, where all of it is there.
    ///
    /// # Errors
    ///
    /// Where the bytes are no message. Nothing can be read any more then.
    pub fn next<M: DeserializeOwned>(&mut self) -> io::Result<Option<M>> {
        let Some((length, rest)) = self.bytes[self.read..].split_first_chunk() else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(*length) as usize;
        if length > LONGEST {
            return Err(invalid(format!("{length} is not the length of a message")));
        }
        let Some(body) = rest.get(..length) else { return Ok(None) };
        let mut deserializer = rmp_serde::Deserializer::new(body);
        let message = M::deserialize(&mut deserializer);
        let message = message.map_err(|error| invalid(format!("this is no message: {error}")))?;
        if !deserializer.get_ref().is_empty() {
            return Err(invalid("there is more in a message than the message".into()));
        }
        self.read += LENGTH + length;
        Ok(Some(message))
    }
}

#[cfg(test)]
mod tests;
