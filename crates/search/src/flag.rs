//! Flags: signs that a trained model is sick, whatever its score. Which there are is the objective's
//! business; here is how they are written, read again, united and put into order.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

/// Behind the flags that are known: those of other versions, and those that an objective makes up as it goes.
const LAST_RANK: u16 = u16::MAX;

/// What is said of a flag that only whoever raised it could explain.
const UNKNOWN: &str = "another objective, or another version of this one, has raised it";

/// Of any objective whose trainings leave models: one has a score, and its model could not be written.
pub const MODEL_NOT_SAVED: KnownFlag = KnownFlag::new(
    "model_not_saved",
    LAST_RANK - 1,
    "its score counts, but its model could not be written, for a reason that was logged: make room, or let another folder be written to by --out, and train it once more",
);

/// A flag that an objective may raise, and what is known of it: a constant of the objective's crate.
///
/// ```
/// use burn_tune_search::flag::KnownFlag;
///
/// const OVERFITS: KnownFlag =
///     KnownFlag::new("overfits", 0, "the validation loss rose again: try fewer steps");
/// const UNUSED_INPUTS: KnownFlag =
///     KnownFlag::new("unused_inputs", 1, "these inputs changed nothing: leave them out");
///
/// assert_eq!(OVERFITS.flag().to_string(), "overfits");
/// assert_eq!(UNUSED_INPUTS.with([2, 5]).to_string(), "unused_inputs:[2,5]");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownFlag {
    id: &'static str,
    rank: u16,
    advice: &'static str,
}

impl KnownFlag {
    /// A flag called `id` in files, of lower-case letters, digits and `_`. Flags of a smaller `rank` are
    /// listed first, those of one rank by their ids. `advice` says in one sentence what the flag means and
    /// what to try.
    ///
    /// # Panics
    ///
    /// Where `id` is empty or has other characters: in a constant, that is an error of the compiler.
    pub const fn new(id: &'static str, rank: u16, advice: &'static str) -> Self {
        assert!(is_id(id), "an id is made of a-z, 0-9 and _");
        KnownFlag { id, rank, advice }
    }

    /// What files and tables call it.
    pub const fn id(&self) -> &'static str {
        self.id
    }

    /// Raises it.
    pub fn flag(&self) -> Flag {
        self.with([])
    }

    /// Raises it with what it is about, such as the numbers of classes.
    pub fn with(&self, numbers: impl IntoIterator<Item = i64>) -> Flag {
        Flag {
            id: Cow::Borrowed(self.id),
            numbers: numbers.into_iter().collect(),
            rank: self.rank,
            advice: Some(Cow::Borrowed(self.advice)),
        }
    }
}

/// A sign that a model is sick, whatever its score.
///
/// Files say of it no more than its id and its numbers, so these alone make two flags equal. What is read
/// from a file or a database is unexplained until [`Flag::look_up`].
#[derive(Clone)]
pub struct Flag {
    id: Cow<'static, str>,
    /// Empty where the flag is about nothing that has a number.
    numbers: Vec<i64>,
    rank: u16,
    advice: Option<Cow<'static, str>>,
}

impl Flag {
    /// A flag that no [`KnownFlag`] stands for. It is listed behind those.
    ///
    /// # Errors
    ///
    /// Where `id` is not made of lower-case letters, digits and `_`.
    #[doc(hidden)]
    pub fn new(id: &str, advice: &str) -> Result<Self, NoFlag> {
        let flag = Flag::unexplained(id, Vec::new())?;
        Ok(Flag { advice: Some(Cow::Owned(advice.to_owned())), ..flag })
    }

    /// The same flag about these, such as the numbers of classes.
    #[must_use]
    #[doc(hidden)]
    pub fn about(self, numbers: impl IntoIterator<Item = i64>) -> Self {
        Flag { numbers: numbers.into_iter().collect(), ..self }
    }

    fn unexplained(id: &str, numbers: Vec<i64>) -> Result<Self, NoFlag> {
        if !is_id(id) {
            return Err(NoFlag(id.to_owned()));
        }
        Ok(Flag { id: Cow::Owned(id.to_owned()), numbers, rank: LAST_RANK, advice: None })
    }

    /// What kind of flag it is, by the name that files and tables have for it, without the numbers.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it is about, such as the numbers of classes; empty for most flags.
    pub fn numbers(&self) -> &[i64] {
        &self.numbers
    }

    /// What the flag means and what to try, in one sentence.
    pub fn advice(&self) -> &str {
        self.advice.as_deref().unwrap_or(UNKNOWN)
    }

    /// Puts to flags that were read what is known of them: their advice, and where they stand in a list.
    #[doc(hidden)]
    pub fn look_up(flags: &mut [Flag], known: &[KnownFlag]) {
        for flag in flags {
            if let Some(known) = known.iter().find(|known| known.id == flag.id) {
                flag.rank = known.rank;
                flag.advice = Some(Cow::Borrowed(known.advice));
            }
        }
    }

    /// Flags of several trainings as the flags of all: each id once, numbers united, in the order of their
    /// ranks.
    #[doc(hidden)]
    pub fn union(flags: impl IntoIterator<Item = Flag>) -> Vec<Flag> {
        let mut united: Vec<Flag> = Vec::new();
        for flag in flags {
            match united.iter_mut().find(|other| other.id == flag.id) {
                Some(other) => other.unite(flag),
                None => united.push(flag),
            }
        }
        for flag in &mut united {
            flag.numbers.sort_unstable();
            flag.numbers.dedup();
        }
        united.sort_by(|one, other| (one.rank, &one.id).cmp(&(other.rank, &other.id)));
        united
    }

    fn unite(&mut self, other: Flag) {
        self.numbers.extend(other.numbers);
        self.rank = self.rank.min(other.rank);
        self.advice = self.advice.take().or(other.advice);
    }
}

impl PartialEq for Flag {
    fn eq(&self, other: &Self) -> bool {
        (&self.id, &self.numbers) == (&other.id, &other.numbers)
    }
}

impl Eq for Flag {}

/// Short, for logs: the advice is the same every time.
impl fmt::Debug for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flag({self})")
    }
}

/// The spelling of files and tables: `diverged`, `never_predicts:[2,5]`.
impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)?;
        if self.numbers.is_empty() {
            return Ok(());
        }
        let numbers: Vec<String> = self.numbers.iter().map(i64::to_string).collect();
        write!(f, ":[{}]", numbers.join(","))
    }
}

impl Serialize for Flag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A text that is no flag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no flag `{0}`")]
pub struct NoFlag(String);

#[doc(hidden)]
impl FromStr for Flag {
    type Err = NoFlag;

    fn from_str(text: &str) -> Result<Self, NoFlag> {
        let no_flag = || NoFlag(text.to_owned());
        let Some((id, list)) = text.split_once(':') else {
            return Flag::unexplained(text, Vec::new());
        };
        let list = list.strip_prefix('[').and_then(|list| list.strip_suffix(']'));
        let numbers = list.ok_or_else(no_flag)?.split(',').map(str::parse);
        let numbers = numbers.collect::<Result<_, _>>().map_err(|_| no_flag())?;
        Flag::unexplained(id, numbers).map_err(|_| no_flag())
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Not with iterators, which constants cannot use.
const fn is_id(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut place = 0;
    while place < bytes.len() {
        if !matches!(bytes[place], b'a'..=b'z' | b'0'..=b'9' | b'_') {
            return false;
        }
        place += 1;
    }
    !bytes.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATE: KnownFlag = KnownFlag::new("late", 1, "begin sooner");
    const LOST: KnownFlag = KnownFlag::new("lost", 0, "look for these");

    fn read(texts: &[&str]) -> Vec<Flag> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn texts(flags: &[Flag]) -> Vec<String> {
        flags.iter().map(Flag::to_string).collect()
    }

    #[test]
    fn flags_of_folds_unite_to_each_id_once_in_the_order_of_ranks_and_then_ids() {
        let own = Flag::new("a_flag", "of an objective's own").unwrap();
        let flags = [own, LATE.flag(), LOST.with([5]), LATE.flag(), LOST.with([-2, 5])];
        assert_eq!(texts(&Flag::union(flags)), ["lost:[-2,5]", "late", "a_flag"]);
        let unexplained = read(&["lost:[7]", "late", "b", "a"]);
        assert_eq!(texts(&Flag::union(unexplained)), ["a", "b", "late", "lost:[7]"]);
    }

    #[test]
    fn what_is_read_is_explained_by_those_who_know_it() {
        let mut flags = read(&["other", "late", "lost:[3]"]);
        assert!(flags.iter().all(|flag| flag.advice() == UNKNOWN));
        Flag::look_up(&mut flags, &[LOST, LATE]);
        let flags = Flag::union(flags);
        assert_eq!(texts(&flags), ["lost:[3]", "late", "other"]);
        let advice: Vec<&str> = flags.iter().map(Flag::advice).collect();
        assert_eq!(advice, ["look for these", "begin sooner", UNKNOWN]);
    }

    #[test]
    fn a_flag_that_one_of_several_can_explain_is_explained() {
        let own = Flag::new("own", "try less").unwrap();
        let united = Flag::union(read(&["own", "late"]).into_iter().chain([own, LATE.flag()]));
        assert_eq!(texts(&united), ["late", "own"]);
        assert_eq!(united[1].advice(), "try less");
    }

    #[test]
    fn flags_are_read_as_they_are_written() {
        for flag in [LATE.flag(), LOST.with([2, 5]), LOST.with([300, -1])] {
            assert_eq!(flag.to_string().parse(), Ok(flag));
        }
        for wrong in ["", "Late", "la te", ":[2]", "lost:", "lost:2", "lost:[]", "lost:[x]", "é"] {
            let error = wrong.parse::<Flag>().unwrap_err();
            assert_eq!(error.to_string(), format!("there is no flag `{wrong}`"));
        }
        assert!(Flag::new("no id", "").is_err());
    }
}
