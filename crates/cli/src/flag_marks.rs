//! Flags in a table: each as the number of its kind, which a line below the table explains.

use burn_tune_ranking::format::count;
use burn_tune_search::Flag;

/// The kinds of flags that occur in a table.
pub struct FlagMarks(Vec<FlagKind>);

/// A kind of flag, and how many trials have it.
struct FlagKind {
    name: String,
    advice: &'static str,
    trials: usize,
}

impl FlagMarks {
    /// Numbers the kinds that the trials have, in the order in which they come.
    pub fn of(trials: impl IntoIterator<Item = Vec<Flag>>) -> Self {
        let mut kinds: Vec<FlagKind> = Vec::new();
        for flag in trials.into_iter().flatten() {
            let name = name_of(&flag);
            match kinds.iter_mut().find(|kind| kind.name == name) {
                Some(kind) => kind.trials += 1,
                None => kinds.push(FlagKind { name, advice: flag.advice(), trials: 1 }),
            }
        }
        FlagMarks(kinds)
    }

    /// The flags of one trial: numbers, with the classes that are never predicted, where they are few.
    pub fn marks(&self, flags: &[Flag]) -> String {
        let place = |flag: &Flag| self.0.iter().position(|kind| kind.name == name_of(flag));
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
        let remark = |(place, FlagKind { name, advice, trials }): (usize, &FlagKind)| {
            format!("⚑{} {name} ({}): {advice}", place + 1, count(*trials, "trial"))
        };
        numbered.map(remark).collect()
    }
}

/// A line for each kind of flag: what it means, and who has it.
pub fn flag_lines<'a>(flagged: impl Iterator<Item = (Flag, &'a str)>) -> Vec<String> {
    let mut kinds: Vec<(String, &'static str, Vec<&str>)> = Vec::new();
    for (flag, owner) in flagged {
        let name = name_of(&flag);
        match kinds.iter_mut().find(|(kind, ..)| *kind == name) {
            Some((_, _, owners)) => owners.push(owner),
            None => kinds.push((name, flag.advice(), vec![owner])),
        }
    }
    let line = |(name, advice, owners): (String, &str, Vec<&str>)| {
        format!("⚑ {name} ({}): {advice}", owners.join(", "))
    };
    kinds.into_iter().map(line).collect()
}

fn name_of(flag: &Flag) -> String {
    flag.to_string().split(':').next().unwrap_or_default().to_owned()
}
