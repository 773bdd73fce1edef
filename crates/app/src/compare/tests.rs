//! Snapshots of what a person reads.

use burn_tune_ranking::{Comparison, Leaderboard, ResultFile};
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::markdown::comparison_markdown;
use super::text::comparison_text;

fn trial(rank: usize, trial: usize, lr: f64, score: f64) -> Value {
    json!({
        "rank": rank, "trial": trial, "params": { "lr": lr, "activation": "leaky_relu", "depth": 2 },
        "state": "complete", "mean_test_score": score, "std_test_score": 0.001,
        "split_test_scores": [score - 0.001, score + 0.001], "flags": [], "within_noise_of_best": null,
    })
}

fn failed(rank: usize, number: usize, lr: f64, error: &str) -> Value {
    let mut failed = trial(rank, number, lr, 0.0);
    failed["state"] = "failed".into();
    failed["error"] = error.into();
    for key in ["mean_test_score", "std_test_score"] {
        failed[key] = Value::Null;
    }
    failed["split_test_scores"] = json!([null, null]);
    failed
}

fn refit(trial: usize, scores: [f64; 2]) -> Value {
    let [a, b] = scores;
    json!({
        "trial": trial, "flags": [],
        "refit": {
            "seeds": 2, "test_scores": scores, "mean": (a + b) / 2.0, "std": (a - b).abs() / 2.0,
            "per_class_recall": [],
        },
    })
}

fn board(seed: u64, trials: &[Value], top: &[Value]) -> Leaderboard {
    let value = json!({
        "format": 2, "name": "mlp", "seed": seed, "direction": "maximize",
        "space": { "lr": { "low": 1e-4, "high": 1.0, "log": true }, "activation": "leaky_relu", "depth": 2 },
        "evaluation": {
            "dataset": "mnist", "metric": "accuracy", "folds": 2, "train_examples": 60_000,
            "test_examples": 10_000, "backend": "flex",
        },
        "counts": { "complete": trials.len(), "pruned": 0, "failed": 0 }, "top": top, "trials": trials,
    });
    Leaderboard::from_json(&value.to_string()).unwrap()
}

/// The best fell, another trial is the best now, one fails, one is new and one gone.
fn moved() -> Comparison {
    let mut named = trial(2, 4, 0.01, 0.9712);
    named["name"] = "yunjey".into();
    named["flags"] = json!(["dead_units"]);
    let old = board(
        0,
        &[trial(1, 0, 0.001, 0.9789), named.clone(), trial(3, 1, 0.1, 0.95), trial(4, 2, 0.5, 0.5)],
        &[refit(0, [0.979, 0.981]), refit(4, [0.97, 0.971])],
    );
    named["flags"] = json!(["diverged"]);
    named["rank"] = 1.into();
    let new = board(
        1,
        &[
            named,
            trial(2, 3, 0.001, 0.9623),
            trial(3, 2, 0.02, 0.91),
            failed(4, 1, 0.1, "fold 0: the loss is NaN\nin epoch 1"),
        ],
        &[refit(4, [0.93, 0.931]), refit(3, [0.979, 0.95])],
    );
    Comparison::new(&old, &new, Some(0.0025)).unwrap()
}

#[test]
fn what_moved_is_told_in_lines_of_80_columns() {
    let text = comparison_text(&moved(), 80);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert_snapshot!(text, @"
    The best got worse.
    The best accuracy went from 0.9789 to 0.9712 (-0.0077): more than noise, which
      is up to 0.0025.
      best of old: trial 0, now rank 2: lr=0.001
      best of new: trial 4 (yunjey), was rank 2: lr=0.01
    4 trials before, 4 trials now: 3 on both sides, 1 with another score, 1 beyond
      noise; 1 new, 1 gone.

    Settings that differ: 1
      seed: 0 → 1

    Scores that moved by more than noise: 1
      0.9789 → 0.9623  -0.0166  trial 0 → 3: lr=0.001

    Trials that ended otherwise: 1
      complete → failed  trial 1: lr=0.1 (fold 0: the loss is NaN)

    Flags that came (+) or went (-): 1
      +diverged -dead_units  trial 4 (yunjey): lr=0.01

    Refits, scored on the test data: 2
      0.9705 ± 0.0005 → 0.9305 ± 0.0005  beyond noise  trial 4 (yunjey): lr=0.01
      0.9800 ± 0.0010 → 0.9645 ± 0.0145  within noise  trial 0 → 3: lr=0.001

    New trials: 1
      rank 3, 0.9100  trial 2: lr=0.02

    Trials that are gone: 1
      rank 4, 0.5000  trial 2: lr=0.5
    ");
}

#[test]
fn what_moved_is_markdown_for_a_comment() {
    assert_snapshot!(comparison_markdown(&moved()), @r#"
    ### burn-tune: the best got worse

    The best accuracy went from 0.9789 to 0.9712 (-0.0077): more than noise, which is up to 0.0025.

    | best of | trial | score |  | params |
    |---|---|---|---|---|
    | old | 0 | 0.9789 | now rank 2 | `lr=0.001` |
    | new | 4 `yunjey` | 0.9712 | was rank 2 | `lr=0.01` |

    4 trials before, 4 trials now: 3 on both sides, 1 with another score, 1 beyond noise; 1 new, 1 gone.

    <details><summary>Settings that differ: 1</summary>

    | setting | before | now |
    |---|---|---|
    | `seed` | `0` | `1` |

    </details>

    <details><summary>Scores that moved by more than noise: 1</summary>

    | trial | before | now | change | params |
    |---|---|---|---|---|
    | 0 → 3 | 0.9789 | 0.9623 | -0.0166 | `lr=0.001` |

    </details>

    <details><summary>Trials that ended otherwise: 1</summary>

    | trial | before | now | reason | params |
    |---|---|---|---|---|
    | 1 | complete | failed | `fold 0: the loss is NaN\nin epoch 1` | `lr=0.1` |

    </details>

    <details><summary>Flags that came (+) or went (-): 1</summary>

    | trial | flags | params |
    |---|---|---|
    | 4 `yunjey` | `+diverged -dead_units` | `lr=0.01` |

    </details>

    <details><summary>Refits, scored on the test data: 2</summary>

    | trial | before | now |  | params |
    |---|---|---|---|---|
    | 4 `yunjey` | 0.9705 ± 0.0005 | 0.9305 ± 0.0005 | beyond noise | `lr=0.01` |
    | 0 → 3 | 0.9800 ± 0.0010 | 0.9645 ± 0.0145 | within noise | `lr=0.001` |

    </details>

    <details><summary>New trials: 1</summary>

    | rank | trial | score | params |
    |---|---|---|---|
    | 3 | 2 | 0.9100 | `lr=0.02` |

    </details>

    <details><summary>Trials that are gone: 1</summary>

    | rank | trial | score | params |
    |---|---|---|---|
    | 4 | 2 | 0.5000 | `lr=0.5` |

    </details>
    "#);
}

#[test]
fn where_nothing_moved_little_is_said() {
    let board = board(0, &[trial(1, 0, 0.001, 0.9789)], &[refit(0, [0.979, 0.981])]);
    let comparison = Comparison::new(&board, &board, Some(0.0025)).unwrap();
    assert_snapshot!(comparison_text(&comparison, 80), @"
    The best is as good as before.
    The best accuracy is 0.9789, to the last digit what it was.
      best of both: trial 0: activation=leaky_relu depth=2 lr=0.001
    1 trial before, 1 trial now: 1 on both sides, with the same scores to the last
      digit; 0 new, 0 gone.
    ");
}

#[test]
fn where_nobody_knows_the_noise_it_is_said_what_to_do() {
    let board = |score: f64| {
        let mut one = trial(1, 0, 0.001, score);
        one["split_test_scores"] = json!([score]);
        board(0, &[one], &[])
    };
    let comparison = Comparison::new(&board(0.5), &board(0.499_999_9), None).unwrap();
    assert_snapshot!(comparison_text(&comparison, 80), @"
    The best got worse.
    The best accuracy went from 0.5000 to 0.5000 (-1.000e-7). Nothing tells how
      large noise is (one fold, or a program's scores), so each difference counts:
      --tolerance says what is to pass.
      best of both: trial 0: activation=leaky_relu depth=2 lr=0.001
    1 trial before, 1 trial now: 1 on both sides, 1 with another score; 0 new, 0
      gone.

    Scores that moved: 1
      0.5000 → 0.5000  -1.000e-7  trial 0: activation=leaky_relu depth=2 lr=0.001
    ");
}

#[test]
fn long_lists_end_with_how_many_more_there_are() {
    let trials: Vec<Value> = (0..25).map(|n| trial(1, n, 0.01 * n as f64, 0.5)).collect();
    let (none, many) = (board(0, &[], &[]), board(0, &trials, &[]));
    let comparison = Comparison::new(&none, &many, None).unwrap();
    let text = comparison_text(&comparison, 80);
    assert!(text.ends_with("  and 15 more, which --format json has\n"), "{text}");
    let markdown = comparison_markdown(&comparison);
    assert!(markdown.contains("And 5 more, which `--format json` has."), "{markdown}");
}

#[test]
fn names_and_params_of_a_file_command_neither_the_terminal_nor_the_page() {
    let mut one = trial(1, 0, 0.001, 0.5);
    one["name"] = "a|b `c` <img> @all \u{1b}[2J\n# d".into();
    one["params"]["activation"] = "``x``|".into();
    let comparison = Comparison::new(&board(0, &[], &[]), &board(0, &[one], &[]), None).unwrap();
    let text = comparison_text(&comparison, 80);
    assert!(!text.contains('\u{1b}') && !text.contains("\n# d"), "{text}");
    let markdown = comparison_markdown(&comparison);
    assert_snapshot!(markdown, @r#"
    ### burn-tune: there is a best trial now

    Its accuracy is 0.5000.

    | best of | trial | score |  | params |
    |---|---|---|---|---|
    | new | 0 `` a\|b `c` <img> @all \u{1b}[2J\n# d `` | 0.5000 | new | ``` activation=``x``\| depth=2 lr=0.001 ``` |

    0 trials before, 1 trial now: 0 on both sides; 1 new, 0 gone.

    <details><summary>New trials: 1</summary>

    | rank | trial | score | params |
    |---|---|---|---|
    | 1 | 0 `` a\|b `c` <img> @all \u{1b}[2J\n# d `` | 0.5000 | ``` activation=``x``\| depth=2 lr=0.001 ``` |

    </details>
    "#);
}
