//! Which pairs of parameters are drawn against each other: those of the most important ones.

use super::axis::ParamAxis;
use crate::importance::Importance;

/// Of how many parameters all pairs are drawn: fifteen pairs.
const MOST_PARAMS: usize = 6;

/// A parameter to the right and one upwards.
#[derive(Clone, Copy)]
pub struct Pair<'a> {
    /// The parameter to the right.
    pub x: &'a ParamAxis,
    /// The parameter upwards.
    pub y: &'a ParamAxis,
}

impl Pair<'_> {
    /// What the choice of it is called: `lr × hidden_size`.
    pub fn label(&self) -> String {
        format!("{} × {}", self.x.name, self.y.name)
    }

    /// Whether the trial at this place has both parameters.
    pub fn has(&self, place: usize) -> bool {
        self.x.has(place) && self.y.has(place)
    }

    /// The places of the trials that have both.
    pub fn places(&self) -> Vec<usize> {
        (0..self.x.positions.len()).filter(|&place| self.has(place)).collect()
    }
}

/// All pairs of the six most important parameters that at least two trials have both of, those first that
/// are the most important together.
pub fn most_important<'a>(axes: &'a [ParamAxis], importances: &[Importance]) -> Vec<Pair<'a>> {
    let importance = |axis: &ParamAxis| {
        importances.iter().find(|one| one.param == axis.name).map_or(0.0, |one| one.importance)
    };
    let axes = by_importance(axes, importances, MOST_PARAMS);
    let mut pairs: Vec<Pair> = axes
        .iter()
        .enumerate()
        .flat_map(|(place, &x)| axes[place + 1..].iter().map(move |&y| Pair { x, y }))
        .filter(|pair| pair.places().len() > 1)
        .collect();
    let of_pair = |pair: &Pair| importance(pair.x) + importance(pair.y);
    pairs.sort_by(|a, b| of_pair(b).total_cmp(&of_pair(a)));
    pairs
}

/// At most `most` axes, the most important ones first; those without an importance last.
pub fn by_importance<'a>(
    axes: &'a [ParamAxis],
    importances: &[Importance],
    most: usize,
) -> Vec<&'a ParamAxis> {
    let place = |axis: &&ParamAxis| {
        importances.iter().position(|one| one.param == axis.name).unwrap_or(usize::MAX)
    };
    let mut axes: Vec<&ParamAxis> = axes.iter().collect();
    axes.sort_by_key(place);
    axes.truncate(most);
    axes
}
