//! Result files that somebody has changed, or a disk has cut: each is read or refused, and what is read can be
//! compared and written again.

use proptest::prelude::*;

use crate::comparison::Comparison;
use crate::result_file::ResultFile;
use crate::{Leaderboard, TrainingReport};

#[path = "../../spec/tests/fuzz/mutations.rs"]
mod mutations;

const LEADERBOARDS: [&str; 1] = [include_str!("../../../.github/smoke-leaderboard.json")];
const REPORTS: [&str; 1] = [include_str!("../../../results/report.json")];

proptest! {
    #[test]
    fn a_leaderboard_is_refused_or_comes_back_as_it_was(text in mutations::mutated(&LEADERBOARDS)) {
        if let Ok(leaderboard) = Leaderboard::from_json(&text) {
            let written = leaderboard.to_json();
            prop_assert_eq!(&Leaderboard::from_json(&written).unwrap().to_json(), &written);
            let whole = Leaderboard::from_json(LEADERBOARDS[0]).unwrap();
            // What cannot be compared is refused.
            let _ = Comparison::new(&whole, &leaderboard, None);
            let _ = Comparison::new(&leaderboard, &whole, None);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 8 + 1, ..ProptestConfig::default() })]
    #[test]
    fn a_report_is_refused_or_comes_back_as_it_was(text in mutations::mutated(&REPORTS)) {
        if let Ok(report) = TrainingReport::from_json(&text) {
            let written = report.to_json();
            prop_assert_eq!(&TrainingReport::from_json(&written).unwrap().to_json(), &written);
        }
    }
}
