//! The trials as points between two parameters: what the figures that draw pairs of parameters share.

use burn_tune_ranking::format::value_text;
use plotly::Scatter;
use plotly::common::{Marker, Mode};

use super::completed::Completed;
use super::pairs::Pair;

/// How many trials are drawn at most: there are fifteen pairs, and each has all of its points again.
pub const MOST_POINTS: usize = 300;
/// Up to how many trials a point's hover has all of the trial's parameters; else only those of the pair.
const MOST_FULL_HOVERS: usize = 100;

/// The places of the trials that are drawn, all of which have both parameters.
pub fn drawn_places(completed: &Completed, pair: &Pair) -> Vec<usize> {
    completed.thinned(MOST_POINTS).into_iter().filter(|&place| pair.has(place)).collect()
}

/// The points of the trials at these places.
pub fn points(
    completed: &Completed,
    pair: &Pair,
    places: &[usize],
    marker: Marker,
) -> Box<Scatter<f64, f64>> {
    let positions = |positions: &[f64]| places.iter().map(|&place| positions[place]).collect();
    let trials = || places.iter().map(|&place| &completed.trials[place]);
    let points = Scatter::new(positions(&pair.x.positions), positions(&pair.y.positions))
        .mode(Mode::Markers)
        .marker(marker);
    if completed.trials.len() <= MOST_FULL_HOVERS {
        let hovers = trials().map(|trial| trial.hover(completed.metric)).collect();
        return points.hover_text_array(hovers).hover_template("%{hovertext}<extra></extra>");
    }
    let template = format!(
        "Trial %{{customdata}}<br>{}: %{{x}}<br>{}: %{{y}}<br><b>{}: %{{text}}</b><extra></extra>",
        pair.x.name, pair.y.name, completed.metric
    );
    points
        .custom_data(trials().map(|trial| trial.entry.trial).collect::<Vec<_>>())
        .text_array(trials().map(|trial| value_text(trial.score)).collect::<Vec<_>>())
        .hover_template(template)
}
