//! Flags in a table: each as the number of its kind, which a line below the table explains.

use burn_tune_ranking::flag_kinds::{FlagKind, flag_kinds};
use burn_tune_ranking::format::count;
use burn_tune_search::Flag;
use burn_tune_study::trial_view::TrialView;

/// The kinds of flags that occur in a table.
pub struct FlagMarks(Vec<FlagKind<()>>);

impl FlagMarks {
    /// Numbers the kinds that the trials have, in the order in which they come.
    pub fn of(trials: impl IntoIterator<Item = Vec<Flag>>) -> Self {
        FlagMarks(flag_kinds(trials.into_iter().flatten().map(|flag| (flag, ()))))
    }

    /// The flags of one trial by their numbers, with what they are about, such as classes, where that is little.
    pub fn marks(&self, flags: &[Flag]) -> String {
        let place = |flag: &Flag| self.0.iter().position(|kind| kind.name == flag.id());
        let mut numbered: Vec<(usize, &Flag)> =
            flags.iter().map(|flag| (place(flag).map_or(0, |place| place + 1), flag)).collect();
        numbered.sort_by_key(|(number, _)| *number);
        let mark = |(number, flag): (usize, &Flag)| match flag.numbers().len() {
            1..=4 => {
                let about: Vec<String> = flag.numbers().iter().map(i64::to_string).collect();
                format!("⚑{number}:[{}]", about.join(","))
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

/// What each flag of a trial means, with the folds and refits that have it.
pub fn flag_remarks(trial: &TrialView) -> Vec<String> {
    let mut flagged: Vec<(Flag, String)> = Vec::new();
    for (noun, results) in [("fold", &trial.folds), ("refit", &trial.refits)] {
        for (number, result) in results {
            flagged
                .extend(result.flags.iter().map(|flag| (flag.clone(), format!("{noun} {number}"))));
        }
    }
    flag_lines(flagged.iter().map(|(flag, owner)| (flag.clone(), owner.as_str())))
}

#[cfg(test)]
mod tests {
    use burn_tune_ranking::training_report::NEVER_PREDICTS;

    use super::*;

    #[test]
    fn a_report_finds_the_flag_whose_classes_it_tells() {
        assert_eq!(burn_tune_model::flags::NEVER_PREDICTS.id(), NEVER_PREDICTS);
    }

    #[test]
    fn a_mark_has_up_to_four_numbers_and_a_remark_the_advice() {
        let mut flags: Vec<Flag> = ["never_predicts:[2,5]", "diverged", "own:[1,2,3,4,5]"]
            .map(|flag| flag.parse().unwrap())
            .into();
        Flag::look_up(&mut flags, burn_tune_model::flags::ALL);
        let marks = FlagMarks::of([Flag::union(flags.clone())]);
        assert_eq!(marks.marks(&flags), "⚑1 ⚑2:[2,5] ⚑3");
        assert_eq!(
            marks.remarks()[0],
            "⚑1 diverged (1 trial): the loss grew instead of falling: try a smaller learning rate"
        );
    }
}
