//! The lines of an exported study: the study, one for each trial, and one that says that all is there.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::TransferError;
use crate::records::{ParamRecord, RecordState, StudyRecord, TrialRecord};

/// The version of the format.
const FORMAT: u64 = 1;

const DIRECTIONS: [&str; 3] = ["NOT_SET", "MINIMIZE", "MAXIMIZE"];

/// A date with a digit for each 0.
const DATE: &str = "0000-00-00 00:00:00.000000";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FirstLine {
    format: u64,
    study: StudyJson,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StudyJson {
    name: String,
    directions: Vec<String>,
    user_attributes: BTreeMap<String, String>,
    system_attributes: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Trial(Box<TrialJson>),
    End(End),
}

/// Texts that hold JSON stay texts, since what Python writes into them need not be JSON: it has NaN.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TrialJson {
    number: usize,
    state: String,
    start: Option<String>,
    complete: Option<String>,
    heartbeat: Option<String>,
    values: Vec<Number>,
    params: Vec<ParamJson>,
    user_attributes: BTreeMap<String, String>,
    system_attributes: BTreeMap<String, String>,
    intermediate_values: BTreeMap<i64, Number>,
    curves: BTreeMap<String, Bytes>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ParamJson {
    name: String,
    value: Number,
    distribution: String,
}

/// How a file that was cut off is told from a whole one.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    trials: usize,
}

/// A number, or a text where JSON has no number: `inf`, `-inf`, `nan`.
struct Number(f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            number if number.is_finite() => serializer.serialize_f64(number),
            number if number.is_nan() => serializer.serialize_str("nan"),
            number if number > 0.0 => serializer.serialize_str("inf"),
            _ => serializer.serialize_str("-inf"),
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a number, `inf`, `-inf` or `nan` is expected")]
        enum Written {
            Finite(f64),
            Other(NotFinite),
        }
        #[derive(Deserialize)]
        enum NotFinite {
            #[serde(rename = "inf")]
            Infinity,
            #[serde(rename = "-inf")]
            MinusInfinity,
            #[serde(rename = "nan")]
            NotANumber,
        }
        Ok(Number(match Written::deserialize(deserializer)? {
            Written::Finite(number) => number,
            Written::Other(NotFinite::Infinity) => f64::INFINITY,
            Written::Other(NotFinite::MinusInfinity) => f64::NEG_INFINITY,
            Written::Other(NotFinite::NotANumber) => f64::NAN,
        }))
    }
}

/// Bytes, as a text in Base64.
struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64.decode(text).map(Bytes).map_err(D::Error::custom)
    }
}

pub(super) fn write_study(study: &StudyRecord, to: &mut dyn Write) -> io::Result<()> {
    let StudyRecord { id: _, name, directions, user_attributes, system_attributes } = study.clone();
    let study = StudyJson { name, directions, user_attributes, system_attributes };
    write_line(&FirstLine { format: FORMAT, study }, to)
}

pub(super) fn write_trial(trial: &TrialRecord, to: &mut dyn Write) -> io::Result<()> {
    write_line(&Line::Trial(Box::new(trial.clone().into())), to)
}

pub(super) fn write_end(trials: usize, to: &mut dyn Write) -> io::Result<()> {
    write_line(&Line::End(End { trials }), to)
}

fn write_line(line: &impl Serialize, to: &mut dyn Write) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    to.write_all(&text)
}

impl From<TrialRecord> for TrialJson {
    fn from(trial: TrialRecord) -> Self {
        let param = |ParamRecord { name, value, distribution }| ParamJson {
            name,
            value: Number(value),
            distribution,
        };
        let intermediate_values = trial.intermediate_values.into_iter();
        TrialJson {
            number: trial.number,
            state: trial.state.as_str().to_owned(),
            start: trial.start,
            complete: trial.complete,
            heartbeat: trial.heartbeat,
            values: trial.values.into_iter().map(Number).collect(),
            params: trial.params.into_iter().map(param).collect(),
            user_attributes: trial.user_attributes,
            system_attributes: trial.system_attributes,
            intermediate_values: intermediate_values
                .map(|(step, value)| (step, Number(value)))
                .collect(),
            curves: trial.curves.into_iter().map(|(task, npz)| (task, Bytes(npz))).collect(),
        }
    }
}

impl TryFrom<TrialJson> for TrialRecord {
    type Error = String;

    /// What is wrong with its state.
    fn try_from(trial: TrialJson) -> Result<Self, String> {
        let Some(state) = RecordState::parse(&trial.state) else {
            return Err(format!("there is no state `{}`", trial.state));
        };
        let param = |ParamJson { name, value, distribution }| ParamRecord {
            name,
            value: value.0,
            distribution,
        };
        let intermediate_values = trial.intermediate_values.into_iter();
        Ok(TrialRecord {
            id: 0,
            number: trial.number,
            state,
            values: trial.values.into_iter().map(|value| value.0).collect(),
            params: trial.params.into_iter().map(param).collect(),
            user_attributes: trial.user_attributes,
            system_attributes: trial.system_attributes,
            intermediate_values: intermediate_values.map(|(step, value)| (step, value.0)).collect(),
            start: trial.start,
            complete: trial.complete,
            heartbeat: trial.heartbeat,
            curves: trial.curves.into_iter().map(|(task, npz)| (task, npz.0)).collect(),
        })
    }
}

/// A file of which the first lines have been read.
pub(super) struct Reader<'a> {
    from: &'a mut dyn BufRead,
    line: usize,
    objectives: usize,
    trials: usize,
    last: Option<usize>,
}

impl<'a> Reader<'a> {
    /// Reads the line of the study, whose key is not known.
    pub fn begin(from: &'a mut dyn BufRead) -> Result<(Self, StudyRecord), TransferError> {
        #[derive(Deserialize)]
        struct Format {
            format: u64,
        }
        let mut reader = Reader { from, line: 0, objectives: 0, trials: 0, last: None };
        let Some(text) = reader.next_line()? else {
            return Err(
                reader.error("the file is empty: `burn-tune export` writes what is read here")
            );
        };
        match serde_json::from_str(&text) {
            Ok(Format { format: FORMAT }) => {}
            Ok(Format { format }) => {
                return Err(reader.error(format!(
                    "the file has format {format}, this program knows {FORMAT}: use a newer burn-tune"
                )));
            }
            Err(_) => {
                return Err(reader.error(
                    "this is no exported study: `burn-tune export` writes what is read here",
                ));
            }
        }
        let FirstLine { study, .. } = reader.parse(&text)?;
        let unknown = study.directions.iter().find(|it| !DIRECTIONS.contains(&it.as_str()));
        if let Some(unknown) = unknown {
            return Err(reader.error(format!("there is no direction `{unknown}`")));
        }
        if study.directions.is_empty() {
            return Err(reader.error("the study has no direction"));
        }
        reader.objectives = study.directions.len();
        let StudyJson { name, directions, user_attributes, system_attributes } = study;
        let study = StudyRecord { id: 0, name, directions, user_attributes, system_attributes };
        Ok((reader, study))
    }

    /// Reads the line of the next trial, whose key is not known; `None` after the last one.
    pub fn trial(&mut self) -> Result<Option<TrialRecord>, TransferError> {
        let Some(text) = self.next_line()? else {
            return Err(self.error("the file ends here, and the study does not: it was cut off"));
        };
        match self.parse(&text)? {
            Line::Trial(trial) => {
                let number = trial.number;
                let wrong = |problem| self.error(format!("trial {number}: {problem}"));
                let trial = TrialRecord::try_from(*trial).map_err(wrong)?;
                self.check(&trial).map_err(wrong)?;
                self.last = Some(trial.number);
                self.trials += 1;
                Ok(Some(trial))
            }
            Line::End(End { trials }) if trials != self.trials => Err(self.error(format!(
                "the study has {trials} trials, of which the file has {}: lines are missing",
                self.trials
            ))),
            Line::End(_) => match self.next_line()? {
                Some(text) if !text.trim().is_empty() => {
                    Err(self.error("there is something behind the end of the study"))
                }
                _ => Ok(None),
            },
        }
    }

    /// The number of the line that was read last, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Refuses what Optuna could not open.
    fn check(&self, trial: &TrialRecord) -> Result<(), String> {
        if self.last.is_some_and(|last| last >= trial.number) {
            return Err("it stands behind one with the same number or a higher one".into());
        }
        if trial.values.iter().any(|value| value.is_nan()) {
            return Err("NaN is no value".into());
        }
        let (values, objectives) = (trial.values.len(), self.objectives);
        if values > objectives || (trial.state == RecordState::Complete && values < objectives) {
            return Err(format!("it has {values} values for {objectives} objectives"));
        }
        let dates = [&trial.start, &trial.complete, &trial.heartbeat];
        match dates.into_iter().flatten().find(|date| !is_date(date)) {
            Some(date) => Err(format!("`{date}` is no date like 2026-11-24 11:13:29.123456")),
            None => Ok(()),
        }
    }

    fn next_line(&mut self) -> Result<Option<String>, TransferError> {
        let mut text = String::new();
        let read = self.from.read_line(&mut text);
        self.line += 1;
        match read {
            Ok(0) => Ok(None),
            Ok(_) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(self.error("this is no text in UTF-8: is the file compressed?"))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn parse<T: DeserializeOwned>(&self, text: &str) -> Result<T, TransferError> {
        serde_json::from_str(text).map_err(|error| {
            if error.is_eof() && !text.ends_with('\n') {
                return self.error("the file ends within this line: it was cut off");
            }
            // That it is line 1 of this text says nothing of the file.
            let problem = error.to_string();
            let place = format!(" at line {} column {}", error.line(), error.column());
            let problem = problem.strip_suffix(&place).unwrap_or(&problem);
            self.error(format!("column {}: {problem}", error.column()))
        })
    }

    fn error(&self, problem: impl Into<String>) -> TransferError {
        TransferError::Line { line: self.line, problem: problem.into() }
    }
}

fn is_date(text: &str) -> bool {
    let fits = |(found, pattern): (u8, u8)| match pattern {
        b'0' => found.is_ascii_digit(),
        pattern => found == pattern,
    };
    let part = |from: usize, most: u8| {
        let part = text.get(from..from + 2).and_then(|part| part.parse::<u8>().ok());
        part.is_some_and(|part| part <= most)
    };
    text.len() == DATE.len()
        && text.bytes().zip(DATE.bytes()).all(fits)
        && text[5..7] != *"00"
        && text[8..10] != *"00"
        && [(5, 12), (8, 31), (11, 23), (14, 59), (17, 59)]
            .iter()
            .all(|(from, most)| part(*from, *most))
}

#[cfg(test)]
mod tests;
