//! "Did you mean …?": the known word that a wrong one resembles.

/// The word of `known` that is nearest to `word`, if one is near enough to be meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lowered = word.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&lowered, &candidate.to_lowercase()), candidate))
        .filter(|(similarity, _)| *similarity >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// Help for a wrong word: the nearest known one if any, and always all of them.
pub fn help(word: &str, known: &[&str]) -> String {
    let all = known.join(", ");
    match nearest(word, known.iter().copied()) {
        Some(nearest) => format!("did you mean `{nearest}`? Allowed: {all}"),
        None => format!("allowed: {all}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_its_word_and_a_stranger_finds_none() {
        assert_eq!(nearest("tanhh", ["relu", "tanh"]), Some("tanh"));
        assert_eq!(nearest("LR", ["lr", "epochs"]), Some("lr"));
        assert_eq!(nearest("quux", ["lr", "epochs"]), None);
    }
}
