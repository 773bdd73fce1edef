//! The flags that occur on a page, each kind once, with what it means.

use burn_tune_ranking::flag_kinds;
use burn_tune_search::Flag;

use crate::numbers::count;

/// A kind of flag that occurs.
#[derive(Debug, PartialEq)]
pub struct FlagKind {
    /// Its name, without the classes.
    pub name: String,
    /// What it means and what to try.
    pub advice: String,
    /// Who has it, such as `3 trials`.
    pub bearers: String,
}

/// The kinds of flags among `bearers`, each of which is a `noun` with its flags; in order of appearance.
pub fn flag_kinds(bearers: impl Iterator<Item = Vec<Flag>>, noun: &str) -> Vec<FlagKind> {
    let kinds = flag_kinds::flag_kinds(bearers.flatten().map(|flag| (flag, ())));
    let kind = |kind: flag_kinds::FlagKind<()>| FlagKind {
        name: kind.name,
        advice: kind.advice,
        bearers: count(kind.owners.len(), noun),
    };
    kinds.into_iter().map(kind).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_make_no_kind_of_their_own() {
        let bearers =
            [vec!["diverged", "never_predicts:[1]"], vec![], vec!["never_predicts:[2,3]"]];
        let read = |flags: Vec<&str>| {
            flags.iter().map(|flag| flag.parse().unwrap()).collect::<Vec<Flag>>()
        };
        let kinds = flag_kinds(bearers.into_iter().map(read), "trial");
        let shown: Vec<_> = kinds.iter().map(|kind| (&*kind.name, &*kind.bearers)).collect();
        assert_eq!(shown, [("diverged", "1 trial"), ("never_predicts", "2 trials")]);
    }
}
