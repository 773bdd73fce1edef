//! Flags by their kind, for the table, the page and the details of a trial: each kind once, in order of
//! appearance, with what it means and who has it.

use burn_tune_search::Flag;

/// A kind of flag that occurs.
#[derive(Debug, Clone, PartialEq)]
pub struct FlagKind<O> {
    /// Its name, without the classes: `never_predicts`.
    pub name: &'static str,
    /// What it means and what to try.
    pub advice: &'static str,
    /// Who has it, once for each of its flags.
    pub owners: Vec<O>,
}

/// The kinds of the flags that owners have.
pub fn flag_kinds<O>(flagged: impl IntoIterator<Item = (Flag, O)>) -> Vec<FlagKind<O>> {
    let mut kinds: Vec<FlagKind<O>> = Vec::new();
    for (flag, owner) in flagged {
        match kinds.iter_mut().find(|kind| kind.name == flag.kind()) {
            Some(kind) => kind.owners.push(owner),
            None => kinds.push(FlagKind {
                name: flag.kind(),
                advice: flag.advice(),
                owners: vec![owner],
            }),
        }
    }
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_make_no_kind_of_their_own() {
        let flagged = [
            (Flag::Diverged, "a"),
            (Flag::NeverPredicts(vec![1]), "a"),
            (Flag::NeverPredicts(vec![2, 3]), "c"),
        ];
        let kinds: Vec<(&str, Vec<&str>)> =
            flag_kinds(flagged).into_iter().map(|kind| (kind.name, kind.owners)).collect();
        assert_eq!(kinds, [("diverged", vec!["a"]), ("never_predicts", vec!["a", "c"])]);
    }
}
