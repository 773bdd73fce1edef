//! "Did you mean …?" for keys and fields: as `burn_tune_search::did_you_mean`, which a macro cannot use without
//! compiling all of that crate first.

/// The nearest of the known words if it is near enough to be meant, and always all of them.
pub fn help(word: &str, known: &[&str]) -> String {
    let all = known.join(", ");
    let lowered = word.to_lowercase();
    let similarity = |known: &str| {
        let known = known.to_lowercase();
        // The similarity of short words says little: `lgo` is far from `log` by it, and one slip away.
        let is_a_slip = lowered.len() >= 3 && strsim::osa_distance(&lowered, &known) == 1;
        strsim::jaro_winkler(&lowered, &known).max(if is_a_slip { 0.9 } else { 0.0 })
    };
    let nearest = known.iter().map(|known| (similarity(known), known));
    let nearest = nearest.filter(|(similarity, _)| *similarity >= 0.8);
    match nearest.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((_, nearest)) => format!("did you mean `{nearest}`? Allowed: {all}"),
        None => format!("allowed: {all}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_its_word_and_a_stranger_finds_none() {
        assert_eq!(help("lgo", &["log", "step"]), "did you mean `log`? Allowed: log, step");
        assert_eq!(help("Stepp", &["log", "step"]), "did you mean `step`? Allowed: log, step");
        assert_eq!(help("quux", &["log", "step"]), "allowed: log, step");
        assert_eq!(help("a", &["b"]), "allowed: b");
    }
}
