//! Flags by their kind, for the table, the page and the details of a trial: each kind once, in order of
//! appearance, with what it means and who has it.

use burn_tune_search::Flag;

/// A kind of flag that occurs.
#[derive(Debug, Clone, PartialEq)]
pub struct FlagKind<O> {
    /// Its name, without the classes: `never_predicts`.
    pub name: String,
    /// What it means and what to try.
    pub advice: String,
    /// Who has it, once for each of its flags.
    pub owners: Vec<O>,
}

/// The kinds of the flags that owners have.
pub fn flag_kinds<O>(flagged: impl IntoIterator<Item = (Flag, O)>) -> Vec<FlagKind<O>> {
    let mut kinds: Vec<FlagKind<O>> = Vec::new();
    for (flag, owner) in flagged {
        match kinds.iter_mut().find(|kind| kind.name == flag.id()) {
            Some(kind) => kind.owners.push(owner),
            None => kinds.push(FlagKind {
                name: flag.id().to_owned(),
                advice: flag.advice().to_owned(),
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
        let flagged =
            [("diverged", "a"), ("never_predicts:[1]", "a"), ("never_predicts:[2,3]", "c")];
        let flagged = flagged.map(|(flag, owner)| (flag.parse::<Flag>().unwrap(), owner));
        let kinds: Vec<(String, Vec<&str>)> =
            flag_kinds(flagged).into_iter().map(|kind| (kind.name, kind.owners)).collect();
        assert_eq!(
            kinds,
            [("diverged".into(), vec!["a"]), ("never_predicts".into(), vec!["a", "c"])]
        );
    }
}
