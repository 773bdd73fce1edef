//! How captions put things: lists, shares, and what was left out.

/// `a`, `a and b`, or `a, b and c`.
pub fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A share in percent, with two decimals as accuracies are published with.
pub fn percent(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}

/// A sentence for the end of a caption on seeds that are not drawn, out of `seeds` of each model; empty
/// where all are.
pub fn left_out<'a>(drawn: impl IntoIterator<Item = (&'a str, usize)>, seeds: usize) -> String {
    let missing: Vec<String> = drawn
        .into_iter()
        .filter(|(_, drawn)| *drawn < seeds)
        .map(|(name, drawn)| format!("{name} ({} of {seeds})", seeds - drawn))
        .collect();
    if missing.is_empty() {
        return String::new();
    }
    format!(" Left out are seeds that failed or were not recorded whole: {}.", listed(&missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_as_in_a_sentence() {
        let names = ["a", "b", "c"].map(String::from);
        assert_eq!(listed(&names[..0]), "");
        assert_eq!(listed(&names[..1]), "a");
        assert_eq!(listed(&names[..2]), "a and b");
        assert_eq!(listed(&names), "a, b and c");
    }

    #[test]
    fn what_is_left_out_is_said_where_there_is_any() {
        assert_eq!(left_out([("a", 8), ("b", 8)], 8), "");
        assert_eq!(
            left_out([("a", 7), ("b", 8), ("c", 0)], 8),
            " Left out are seeds that failed or were not recorded whole: a (1 of 8) and c (8 of 8)."
        );
    }
}
