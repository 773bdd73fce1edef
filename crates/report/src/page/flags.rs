//! The flags that occur on a page, each kind once, with what it means.

use burn_tune_search::Flag;

use super::numbers::count;

/// A kind of flag that occurs.
#[derive(Debug, PartialEq)]
pub struct FlagKind {
    /// Its name, without the classes.
    pub name: String,
    /// What it means and what to try.
    pub advice: &'static str,
    /// Who has it, such as `3 trials`.
    pub bearers: String,
}

/// The kinds of flags among `bearers`, each of which is a `noun` with its flags; in order of appearance.
pub fn flag_kinds(bearers: impl Iterator<Item = Vec<Flag>>, noun: &str) -> Vec<FlagKind> {
    let mut kinds: Vec<(Flag, usize)> = Vec::new();
    for flag in bearers.flatten() {
        match kinds.iter_mut().find(|(kind, _)| name(kind) == name(&flag)) {
            Some((_, number)) => *number += 1,
            None => kinds.push((flag, 1)),
        }
    }
    let kinds = kinds.into_iter().map(|(kind, number)| FlagKind {
        name: name(&kind),
        advice: kind.advice(),
        bearers: count(number, noun),
    });
    kinds.collect()
}

fn name(flag: &Flag) -> String {
    flag.to_string().split(':').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_make_no_kind_of_their_own() {
        let bearers = [
            vec![Flag::Diverged, Flag::NeverPredicts(vec![1])],
            vec![],
            vec![Flag::NeverPredicts(vec![2, 3])],
        ];
        let kinds = flag_kinds(bearers.into_iter(), "trial");
        let shown: Vec<_> = kinds.iter().map(|kind| (&*kind.name, &*kind.bearers)).collect();
        assert_eq!(shown, [("diverged", "1 trial"), ("never_predicts", "2 trials")]);
    }
}
