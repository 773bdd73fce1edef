//! `[objective]`: a program that is run for each trial, with places in its arguments for params.

use std::path::PathBuf;

use burn_tune_command::settings::{CommandSettings, METRIC, Word};
use burn_tune_search::{Space, did_you_mean};
use toml::Spanned;
use toml::de::DeValue;

use crate::error::SpaceError;
use crate::source::Source;
use crate::toml_view::TableView;

/// Words that mean something to a shell, and nothing without one.
const OF_SHELLS: [&str; 12] = ["|", "||", "&", "&&", ";", "<", "<<", ">", ">>", "2>", "2>&1", "&>"];

/// Reads the table `[objective]` of a study of `space`.
pub fn parse_command(
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
pub fn refuse_settings_of_models(source: &Source, root: &TableView) -> Result<(), SpaceError> {
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
    use burn_tune_search::ParamValue;

    use crate::StudyFile;

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
        assert_eq!((file.spec.settings.folds, file.spec.settings.top), (1, 0));
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
