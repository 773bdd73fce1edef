//! `[objective]`: a program that is run for each trial, with places in its arguments for params.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use toml::Spanned;
use toml::de::DeValue;

use super::error::SpaceError;
use super::toml_view::{Source, TableView};
use crate::did_you_mean;
use crate::params::Params;
use crate::space::Space;

/// What a score of a program is called where nobody says.
const METRIC: &str = "score";
/// Words that mean something to a shell, and nothing without one.
const OF_SHELLS: [&str; 12] = ["|", "||", "&", "&&", ";", "<", "<<", ">", ">>", "2>", "2>&1", "&>"];

/// `[objective]`: what is run for each trial.
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

    fn params(&self) -> impl Iterator<Item = &str> {
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

/// Reads the table `[objective]` of a study of `space`.
pub(super) fn parse_command(
    source: &Source,
    table: &TableView,
    space: &Space,
) -> Result<CommandSettings, SpaceError> {
    table.allow_only(&["command", "metric", "directory"])?;
    let Some(value) = table.value("command") else {
        return Err(source.error(
            table.place(),
            "[objective] has no `command`",
            "this table",
            "say what is run for each trial, such as command = \"python train.py --lr {lr}\"",
        ));
    };
    let metric = table.string("metric")?.unwrap_or_else(|| METRIC.into());
    let directory = table.string("directory")?.map(PathBuf::from);
    let names: Vec<&str> = space.domains.iter().map(|(name, _)| name.as_str()).collect();
    let mut command = Vec::new();
    for text in words(source, table, value)? {
        let wrong = |problem: &str, help: &str| {
            Err(source.error(value.span(), problem, "this command", help))
        };
        let word = match Word::try_from(text) {
            Ok(word) => word,
            Err(problem) => {
                let help = "`{lr}` stands for the parameter `lr`; `{{` and `}}` are braces";
                return wrong(&problem, help);
            }
        };
        if let Some(unknown) = word.params().find(|name| !names.contains(name)) {
            let help = did_you_mean::help(unknown, &names);
            let help = format!("{help}; `{{{{` and `}}}}` are braces");
            return wrong(&format!("`{{{unknown}}}` is no parameter of [space]"), &help);
        }
        command.push(word);
    }
    if let Some(name) = names.iter().find(|name| name.contains(['=', '\0'])) {
        let problem = format!("a parameter cannot be called `{}` here", name.escape_default());
        let help = "each is also in the environment of the command, where no name has a `=`";
        return Err(source.error(value.span(), &problem, "this command", help));
    }
    Ok(CommandSettings { command, metric, directory })
}

/// Refuses what says how models are trained and scored, which a program does by itself.
pub(super) fn refuse_settings_of_models(
    source: &Source,
    root: &TableView,
) -> Result<(), SpaceError> {
    let refuse = |key: &str, span, label: &str| {
        let problem = format!("{key} is nothing to a command");
        let help = "a program of yours has its own data, is scored once for each trial, and is not refitted";
        Err(source.error(span, &problem, label, help))
    };
    if let Some(study) = root.table("study")? {
        for key in ["folds", "top", "refit_seeds"] {
            if study.value(key).is_some() {
                return refuse(&format!("`{key}`"), study.span_of(key), "take this out");
            }
        }
    }
    for (key, title) in [("data", "[data]"), ("claim", "[[claim]]")] {
        if let Some(value) = root.value(key) {
            return refuse(title, value.span(), "take this out");
        }
    }
    Ok(())
}

/// The words of a command: of a text, as a shell would split it.
fn words(
    source: &Source,
    table: &TableView,
    value: &Spanned<DeValue<'_>>,
) -> Result<Vec<String>, SpaceError> {
    let wrong =
        |problem: &str, help: &str| Err(source.error(value.span(), problem, "this command", help));
    let words = match value.get_ref().as_str() {
        None => table.strings("command")?.unwrap_or_default(),
        Some(text) => {
            let Some(words) = shlex::split(text) else {
                return wrong(
                    "a quote of `command` is not closed",
                    "close it, or write a list of words: command = [\"python\", \"train.py\"]",
                );
            };
            if let Some(word) = words.iter().find(|word| OF_SHELLS.contains(&word.as_str())) {
                return wrong(
                    &format!("no shell runs the command, so `{word}` means nothing"),
                    "where a shell is needed, run one: command = [\"sh\", \"-c\", \"…\"]",
                );
            }
            words
        }
    };
    match words.first().map(String::as_str) {
        None | Some("") => wrong("`command` names no program", "such as python train.py"),
        Some(_) => Ok(words),
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::{ParamValue, StudyFile};

    fn parse(objective: &str) -> Result<StudyFile, SpaceError> {
        let text = format!(
            "[objective]\n{objective}\n[space]\nlr = {{ low = 0.1, high = 1.0 }}\nopt = ['sgd', 'adam']\n\
             hidden_size = 64\nmomentum = {{ values = [0.5, 0.9], when = {{ opt = 'sgd' }} }}"
        );
        StudyFile::parse("s.toml".as_ref(), &text)
    }

    fn filled(command: &str) -> Vec<String> {
        let (lr, opt) = (ParamValue::Float(1e-5), ParamValue::Str("adam".into()));
        let params = [("lr", lr), ("opt", opt), ("hidden_size", ParamValue::Int(64))];
        let params = params.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        parse(command).unwrap().command.unwrap().filled(&params)
    }

    fn refusal(objective: &str) -> String {
        let error = parse(objective).expect_err("the file is wrong");
        format!("{error}\nhelp: {}", error.help)
    }

    #[test]
    fn params_fill_the_words_of_a_command() {
        let expected = ["python", "a b.py", "--lr=1e-5", "64", "", "{64}", "$HOME"];
        let text = r#"command = "python 'a b.py' --lr={lr} {hidden_size} {momentum} {{{hidden_size}}} $HOME""#;
        assert_eq!(filled(text), expected);
        assert_eq!(filled(r#"command = ["sh", "-c", "a | b {opt}"]"#), ["sh", "-c", "a | b adam"]);
    }

    #[test]
    fn a_command_has_one_fold_and_no_refits() {
        let file = parse("command = 'true'").unwrap();
        assert_eq!((file.study.folds, file.study.top), (1, 0));
        assert_eq!(file.command.unwrap().metric, "score");
    }

    #[test]
    fn what_is_wrong_with_a_command_is_shown_where_it_stands() {
        assert_snapshot!(refusal("command = 'train --hidden {hiden_size}'"), @"
        s.toml:2:11: `{hiden_size}` is no parameter of [space]
        help: did you mean `hidden_size`? Allowed: lr, opt, hidden_size, momentum; `{{` and `}}` are braces
        ");
        assert_snapshot!(refusal("command = 'train {lr'"), @"
        s.toml:2:11: `{lr` has no `}`
        help: `{lr}` stands for the parameter `lr`; `{{` and `}}` are braces
        ");
        assert_snapshot!(refusal("command = 'train lr}'"), @"
        s.toml:2:11: there is a `}` without a `{` before it
        help: `{lr}` stands for the parameter `lr`; `{{` and `}}` are braces
        ");
        assert_snapshot!(refusal("command = \"train 'a\""), @r#"
        s.toml:2:11: a quote of `command` is not closed
        help: close it, or write a list of words: command = ["python", "train.py"]
        "#);
        assert_snapshot!(refusal("command = 'train > log'"), @r#"
        s.toml:2:11: no shell runs the command, so `>` means nothing
        help: where a shell is needed, run one: command = ["sh", "-c", "…"]
        "#);
        assert_snapshot!(refusal("command = ''"), @"
        s.toml:2:11: `command` names no program
        help: such as python train.py
        ");
        assert_snapshot!(refusal("command = 3"), @"
        s.toml:2:11: `command` must be a string, or a list of strings
        help: put names in quotes
        ");
        assert_snapshot!(refusal("metric = 'loss'"), @r#"
        s.toml:2:1: [objective] has no `command`
        help: say what is run for each trial, such as command = "python train.py --lr {lr}"
        "#);
        assert_snapshot!(refusal("comand = 'train'"), @"
        s.toml:2:1: [objective] has no key `comand`
        help: did you mean `command`? Allowed: command, metric, directory
        ");
    }

    #[test]
    fn settings_of_trained_models_are_refused_beside_a_command() {
        assert_snapshot!(refusal("command = 'train'\n[study]\nfolds = 3"), @"
        s.toml:4:9: `folds` is nothing to a command
        help: a program of yours has its own data, is scored once for each trial, and is not refitted
        ");
        assert_snapshot!(refusal("command = 'train'\n[data]\ndataset = 'mnist'"), @"
        s.toml:3:1: [data] is nothing to a command
        help: a program of yours has its own data, is scored once for each trial, and is not refitted
        ");
    }

    #[test]
    fn a_command_is_shown_as_a_shell_takes_it() {
        let command = |text: &str| parse(text).unwrap().command.unwrap().to_string();
        assert_eq!(command("command = ['sh', '-c', 'echo {lr}']"), "sh -c 'echo {lr}'");
    }
}
