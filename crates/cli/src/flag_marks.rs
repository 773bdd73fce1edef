//! Flags in a table: each as the number of its kind, which a line below the table explains.

use burn_tune_ranking::flag_kinds::{FlagKind, flag_kinds};
use burn_tune_ranking::format::count;
use burn_tune_search::Flag;

/// The kinds of flags that occur in a table.
pub struct FlagMarks(Vec<FlagKind<()>>);

impl FlagMarks {
    /// Numbers the kinds that the trials have, in the order in which they come.
    pub fn of(trials: impl IntoIterator<Item = Vec<Flag>>) -> Self {
        FlagMarks(flag_kinds(trials.into_iter().flatten().map(|flag| (flag, ()))))
    }

    /// The flags of one trial: numbers, with the classes that are never predicted, where they are few.
    pub fn marks(&self, flags: &[Flag]) -> String {
        let place = |flag: &Flag| self.0.iter().position(|kind| kind.name == flag.kind());
        let mut numbered: Vec<(usize, &Flag)> =
            flags.iter().map(|flag| (place(flag).map_or(0, |place| place + 1), flag)).collect();
        numbered.sort_by_key(|(number, _)| *number);
        let mark = |(number, flag): (usize, &Flag)| match flag {
            Flag::NeverPredicts(classes) if classes.len() <= 4 => {
                let classes: Vec<String> = classes.iter().map(u8::to_string).collect();
                format!("⚑{number}:[{}]", classes.join(","))
            }
            _ => format!("⚑{number}"),
        };
        let marks: Vec<String> = numbered.into_iter().map(mark).collect();
        marks.join(" ")
    }

    /// What each kind of flag means, with how many trials have it.
    pub fn remarks(&self) -> Vec<String> {
        let numbered = self.0.iter().enumerate();
        let remark = |(place, FlagKind { name, advice, owners }): (usize, &FlagKind<()>)| {
            format!("⚑{} {name} ({}): {advice}", place + 1, count(owners.len(), "trial"))
        };
        numbered.map(remark).collect()
    }
}

/// A line for each kind of flag: what it means, and who has it.
pub fn flag_lines<'a>(flagged: impl Iterator<Item = (Flag, &'a str)>) -> Vec<String> {
    let line = |FlagKind { name, advice, owners }: FlagKind<&str>| {
        format!("⚑ {name} ({}): {advice}", owners.join(", "))
    };
    flag_kinds(flagged).into_iter().map(line).collect()
}
