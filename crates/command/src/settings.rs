//! The program that is run for each trial: its words, with places for params.

use std::fmt;
use std::path::PathBuf;

use burn_tune_search::{ObjectiveFacts, Params};
use serde::{Deserialize, Serialize};

/// What a score of a program is called where nobody says.
pub const METRIC: &str = "score";
/// What is run for each trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandSettings {
    /// The program and its arguments. Never empty.
    pub command: Vec<Word>,
    /// What a score is.
    pub metric: String,
    /// The folder that it runs in, where it is not the one that the search runs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
}

impl CommandSettings {
    /// The words for a trial with these params.
    pub fn filled(&self, params: &Params) -> Vec<String> {
        self.command.iter().map(|word| word.filled(params)).collect()
    }

    /// What results say of it.
    pub fn facts(&self) -> ObjectiveFacts {
        ObjectiveFacts {
            metric: self.metric.clone(),
            command: Some(self.to_string()),
            ..ObjectiveFacts::default()
        }
    }
}

/// As the file has it.
impl fmt::Display for CommandSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&joined(self.command.iter().map(|word| word.text.as_str())))
    }
}

/// Words as a shell would take them apart again.
pub fn joined<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let quoted = |word: &'a str| match shlex::try_quote(word) {
        Ok(quoted) => quoted.into_owned(),
        // With a character that no argument can have: the program will not start.
        Err(_) => word.escape_default().to_string(),
    };
    words.map(quoted).collect::<Vec<String>>().join(" ")
}

/// A word of a command. `{name}` in it stands for a param; `{{` and `}}` are braces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Word {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Text(String),
    Param(String),
}

impl Word {
    /// The word with the values of these params. One that does not exist in the trial, because of its
    /// condition, is an empty text.
    pub fn filled(&self, params: &Params) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Param(name) => params.get(name).map(ToString::to_string).unwrap_or_default(),
        };
        self.pieces.iter().map(piece).collect()
    }

    /// The word, where it is the same for all trials.
    pub fn fixed(&self) -> Option<String> {
        let is_text = |piece: &Piece| matches!(piece, Piece::Text(_));
        self.pieces.iter().all(is_text).then(|| self.filled(&Params::default()))
    }

    /// The params that have a place in it.
    pub fn params(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Param(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }
}

impl From<Word> for String {
    fn from(word: Word) -> String {
        word.text
    }
}

impl TryFrom<String> for Word {
    type Error = String;

    /// What is wrong with its braces.
    fn try_from(text: String) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text.as_str();
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(behind) = rest.strip_prefix(brace) {
                literal.push_str(brace);
                rest = behind;
            } else if brace == "}" {
                return Err("there is a `}` without a `{` before it".into());
            } else {
                let Some((name, behind)) = rest.split_once('}') else {
                    return Err(format!("`{{{rest}` has no `}}`"));
                };
                pieces.push(Piece::Text(std::mem::take(&mut literal)));
                pieces.push(Piece::Param(name.to_owned()));
                rest = behind;
            }
        }
        literal.push_str(rest);
        pieces.push(Piece::Text(literal));
        pieces.retain(|piece| *piece != Piece::Text(String::new()));
        Ok(Word { text, pieces })
    }
}
