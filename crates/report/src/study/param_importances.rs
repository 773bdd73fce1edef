//! `param_importances`: which parameters mattered, as bars.

use burn_tune_search::{Domain, Space};
use plotly::Bar;
use plotly::common::{Marker, Orientation, TextPosition};

use super::completed::Completed;
use super::layout;
use crate::figure::{COLORS, Figure, plot};
use crate::importance::Importance;
use crate::numbers::short;

/// Below how many trials the importances are a hint only.
const FEW_TRIALS: usize = 50;

/// The figure of the importances, most important first; `None` where there are not two to compare.
pub fn figure(completed: &Completed, space: &Space, importances: &[Importance]) -> Option<Figure> {
    if importances.len() < 2 {
        return None;
    }
    // The first bar is the lowest one.
    let bars = || importances.iter().rev();
    let label = |share: f64| if share < 0.01 { "<0.01".to_owned() } else { format!("{share:.2}") };
    let hover = |one: &Importance| {
        let kind = space.get(&one.param).map_or("", distribution);
        format!("{} ({kind}): {}<extra></extra>", one.param, short(one.importance))
    };
    let shares: Vec<f64> = bars().map(|one| short(one.importance)).collect();
    let trace = Bar::new(shares, bars().map(|one| one.param.clone()).collect())
        .orientation(Orientation::Horizontal)
        .text_array(bars().map(|one| label(one.importance)).collect())
        .text_position(TextPosition::Outside)
        .clip_on_axis(false)
        .hover_template_array(bars().map(hover).collect())
        .marker(Marker::new().color(COLORS[0]));
    let most = importances.iter().map(|one| one.importance).fold(0.0, f64::max);
    let x = layout::axis("Hyperparameter importance").range(vec![0.0, short(most * 1.15)]);
    let plot = plot([trace as _], layout::layout(x, layout::axis("")));
    let height = 110 + 34 * importances.len();
    let caption = caption(completed, importances);
    let title = "Hyperparameter importances";
    Some(Figure::single("param_importances", title, caption, height, plot))
}

/// What Optuna calls the values that a parameter may take.
fn distribution(domain: &Domain) -> &'static str {
    match domain {
        Domain::Choices(_) => "CategoricalDistribution",
        Domain::IntRange { .. } => "IntDistribution",
        Domain::FloatRange { .. } => "FloatDistribution",
    }
}

fn caption(completed: &Completed, importances: &[Importance]) -> String {
    const SOURCE: &str = "PED-ANOVA (Watanabe et al. 2023, arXiv:2304.10255)";
    let first = &importances[0];
    let differ = importances.iter().any(|one| (one.importance - first.importance).abs() > 1e-9);
    if completed.all_equal() || !differ {
        return format!(
            "Nothing can be told of which parameters mattered: the best trials are spread over all values \
             as the others are. By {SOURCE}."
        );
    }
    let trials = completed.trials.len();
    let hint = if trials < FEW_TRIALS {
        format!(" With {trials} trials, fewer than {FEW_TRIALS}, this is a hint only.")
    } else {
        String::new()
    };
    format!(
        "{} mattered most for getting among the best tenth of the trials, each parameter taken on its own: \
         {SOURCE}.{hint}",
        first.param
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fixtures::{figure_of, leaderboard, plot_of};

    #[test]
    fn the_most_important_parameter_is_the_upmost_bar() {
        let trial = |a: i64, b: i64, score| (json!({ "a": a, "b": b }), Some(score));
        let trials: Vec<_> = (0..12)
            .map(|number| {
                trial(number % 2, i64::from(number < 10), if number < 10 { 0.1 } else { 0.9 })
            })
            .collect();
        let board = leaderboard("maximize", json!({ "a": [0, 1], "b": [0, 1] }), &trials);
        let figure = figure_of(&board, "param_importances").unwrap();
        let bars = &plot_of(&figure, 0)["data"][0];
        assert_eq!(bars["y"], json!(["a", "b"]));
        let shares: Vec<f64> =
            bars["x"].as_array().unwrap().iter().map(|share| share.as_f64().unwrap()).collect();
        assert!(shares[0] < shares[1] && (shares[0] + shares[1] - 1.0).abs() < 1e-5, "{shares:?}");
        assert!(
            bars["hovertemplate"][1].as_str().unwrap().starts_with("b (CategoricalDistribution)")
        );
        assert!(figure.caption.starts_with("b mattered most"), "{}", figure.caption);
        assert!(figure.caption.contains("arXiv:2304.10255"));
        assert!(figure.caption.ends_with("With 12 trials, fewer than 50, this is a hint only."));
    }

    #[test]
    fn equal_scores_tell_nothing() {
        let trial = |a: i64| (json!({ "a": a, "b": a }), Some(0.5));
        let space = json!({ "a": [0, 1], "b": [0, 1] });
        let board = leaderboard("maximize", space, &[trial(0), trial(1)]);
        let caption = figure_of(&board, "param_importances").unwrap().caption;
        assert!(caption.starts_with("Nothing can be told"), "{caption}");
    }
}
