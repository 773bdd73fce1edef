//! `pareto_front`: the trials between their objectives, and those that no other beats.

use burn_tune_ranking::ObjectiveMeans;
use burn_tune_ranking::format::value_text;
use burn_tune_search::Direction;
use burn_tune_search::pareto::fronts;
use plotly::common::{Line, LineShape, Marker, MarkerSymbol, Mode};
use plotly::layout::{Axis, AxisType};
use plotly::{Plot, Scatter, Trace};

use super::completed::{CompleteTrial, Completed};
use super::layout;
use crate::figure::{COLORS, Figure, Variant, plot};
use crate::numbers::{all_short, short};

const HEIGHT: usize = 480;
const MOST_POINTS: usize = 1000;
/// Values that differ by more than this factor have a logarithmic axis.
const WIDE: f64 = 20.0;

/// The complete trials with all values, and which of them are on the front.
struct Front<'a> {
    completed: &'a Completed<'a>,
    objectives: &'a [ObjectiveMeans],
    /// Places in `completed.trials`.
    places: Vec<usize>,
    /// For each of these, the value of each objective.
    values: Vec<Vec<f64>>,
    /// How many of the objectives decide ranks: those before what a clock decides.
    ranked: usize,
}

/// The figure of all pairs of objectives; `None` where there is one, or no trial has all values. The first
/// `ranked` objectives are those that decide ranks.
pub fn figure(
    completed: &Completed,
    objectives: &[ObjectiveMeans],
    ranked: usize,
) -> Option<Figure> {
    if objectives.len() < 2 {
        return None;
    }
    let front = Front::new(completed, objectives, ranked);
    if front.places.is_empty() {
        return None;
    }
    let pairs = (0..objectives.len())
        .flat_map(|x| (x + 1..objectives.len()).map(move |y| (x, y)))
        .map(|(x, y)| Variant {
            label: format!("{} × {}", objectives[x].name, objectives[y].name),
            plot: front.plot(x, y),
        });
    Some(Figure {
        id: "pareto_front",
        title: "Pareto front".to_owned(),
        caption: front.caption(),
        height: HEIGHT,
        choice: "Objectives",
        variants: pairs.collect(),
    })
}

impl<'a> Front<'a> {
    fn new(completed: &'a Completed, objectives: &'a [ObjectiveMeans], ranked: usize) -> Self {
        let values = |trial: &CompleteTrial| -> Option<Vec<f64>> {
            objectives.iter().map(|one| one.means.get(&trial.entry.trial).copied()).collect()
        };
        let trials = completed.trials.iter().enumerate();
        let (places, values): (Vec<usize>, Vec<Vec<f64>>) =
            trials.filter_map(|(place, trial)| Some((place, values(trial)?))).unzip();
        Front { completed, objectives, places, values, ranked }
    }

    /// Which rows no other beats: in what decides ranks, and these objectives besides. So the front is that of
    /// the leaderboard, as long as no clock's objective is drawn.
    fn is_best(&self, drawn: &[usize]) -> Vec<bool> {
        let of = (0..self.objectives.len()).filter(|one| *one < self.ranked || drawn.contains(one));
        best(&self.values, self.objectives, &of.collect::<Vec<usize>>())
    }

    /// The objectives that the caption tells of: those that decide ranks, but at least two.
    fn main(&self) -> usize {
        self.ranked.max(2)
    }

    fn plot(&self, x: usize, y: usize) -> Plot {
        let shown = self.completed.thinned(MOST_POINTS);
        let is_best = self.is_best(&[x, y]);
        let (mut on, mut off) = (Vec::new(), Vec::new());
        for (row, place) in self.places.iter().enumerate() {
            if is_best[row] {
                on.push(row);
            } else if shown.binary_search(place).is_ok() {
                off.push(row);
            }
        }
        let others = Marker::new().color(COLORS[0]).size(7).opacity(0.6);
        let front = Marker::new().color(COLORS[3]).size(10).symbol(MarkerSymbol::Diamond);
        let traces = [
            (!off.is_empty()).then(|| self.points("other trials", &off, (x, y), others)),
            Some(self.line(x, y)),
            Some(self.points("Pareto front", &on, (x, y), front)),
        ];
        let layout = layout::layout(self.axis(x), self.axis(y))
            .show_legend(true)
            .legend(layout::legend_above());
        plot(traces.into_iter().flatten(), layout)
    }

    fn column(&self, rows: &[usize], objective: usize) -> Vec<f64> {
        all_short(rows.iter().map(|row| self.values[*row][objective]))
    }

    fn points(
        &self,
        name: &str,
        rows: &[usize],
        (x, y): (usize, usize),
        marker: Marker,
    ) -> Box<dyn Trace> {
        let hover = |row: &usize| {
            let trial = &self.completed.trials[self.places[*row]];
            let further = self.objectives.iter().zip(&self.values[*row]).skip(1);
            let further = further.map(|(objective, value)| {
                format!("<br><b>{}: {}</b>", objective.name, value_text(*value))
            });
            trial.hover(self.completed.metric) + &further.collect::<String>()
        };
        Scatter::new(self.column(rows, x), self.column(rows, y))
            .mode(Mode::Markers)
            .name(name)
            .marker(marker)
            .hover_text_array(rows.iter().map(hover).collect())
            .hover_template("%{hovertext}<extra></extra>")
    }

    /// The border of what the trials beat, as far as these two objectives go.
    fn line(&self, x: usize, y: usize) -> Box<dyn Trace> {
        let is_best = best(&self.values, self.objectives, &[x, y]);
        let mut rows: Vec<usize> = (0..self.values.len()).filter(|row| is_best[*row]).collect();
        let value = |row: usize| (self.values[row][x], self.values[row][y]);
        rows.sort_by(|a, b| value(*a).partial_cmp(&value(*b)).unwrap_or(std::cmp::Ordering::Equal));
        rows.dedup_by_key(|row| value(*row));
        // What is between two trials is beaten by the one that is better in `x`.
        let shape = match self.objectives[x].direction {
            Direction::Maximize => LineShape::Vh,
            Direction::Minimize => LineShape::Hv,
        };
        Scatter::new(self.column(&rows, x), self.column(&rows, y))
            .mode(Mode::Lines)
            .name("border")
            .show_legend(false)
            .line(Line::new().shape(shape).color(COLORS[3]).width(1.5))
            .hover_info(plotly::common::HoverInfo::Skip)
    }

    fn axis(&self, objective: usize) -> Axis {
        let axis = layout::axis(&self.objectives[objective].label());
        let values = || self.values.iter().map(|row| row[objective]);
        let low = values().fold(f64::INFINITY, f64::min);
        let high = values().fold(f64::NEG_INFINITY, f64::max);
        if low > 0.0 && high / low > WIDE {
            let (low, high) = (low.log10(), high.log10());
            let room = 0.05 * (high - low);
            let axis = axis.range(vec![short(low - room), short(high + room)]);
            return axis.type_(AxisType::Log).dtick(1.0);
        }
        axis
    }

    fn caption(&self) -> String {
        let is_best = self.is_best(&[0, 1]);
        let count = is_best.iter().filter(|best| **best).count();
        let names: Vec<&str> = self.objectives.iter().map(|one| one.name.as_str()).collect();
        let (last, others) = names[..self.main()].split_last().expect("there are two objectives");
        let mut caption = format!(
            "{count} of {} trials {} on the Pareto front of {} and {last}: whatever beats one of them in one \
             objective is worse in another.{}",
            self.places.len(),
            if count == 1 { "is" } else { "are" },
            others.join(", "),
            self.extent(&is_best)
        );
        if names.len() > 2 {
            caption.push_str(" The line is the border of the two objectives that are drawn.");
        } else {
            let side = match self.objectives[0].direction {
                Direction::Maximize => "right",
                Direction::Minimize => "left",
            };
            let height = match self.objectives[1].direction {
                Direction::Maximize => "upper",
                Direction::Minimize => "lower",
            };
            caption.push_str(&format!(" Better is to the {height} {side}."));
        }
        let clocked = &names[self.ranked..];
        if !clocked.is_empty() {
            caption.push_str(&format!(
                " {} is wall-clock time, another in each run: no rank depends on it, and the front does \
                 where it is drawn.",
                clocked.join(" and ")
            ));
        }
        caption + &self.completed.thinning(MOST_POINTS)
    }

    /// What the best of the front in the first objective costs in the second one.
    fn extent(&self, is_best: &[bool]) -> String {
        let loss = |row: &usize| self.objectives[0].direction.loss(self.values[*row][0]);
        let mut rows: Vec<usize> = (0..self.values.len()).filter(|row| is_best[*row]).collect();
        rows.sort_by(|a, b| loss(a).total_cmp(&loss(b)));
        let (Some(best), Some(worst)) = (rows.first(), rows.last()) else { return String::new() };
        if best == worst {
            return String::new();
        }
        let [first, second] = [0, 1].map(|objective| self.objectives[objective].name.as_str());
        let text = |row: &usize, objective: usize| value_text(self.values[*row][objective]);
        format!(
            " It goes from {first} {} with {second} {} to {first} {} with {second} {}.",
            text(best, 0),
            text(best, 1),
            text(worst, 0),
            text(worst, 1),
        )
    }
}

/// Which rows no other dominates, as far as these objectives go.
fn best(values: &[Vec<f64>], objectives: &[ObjectiveMeans], of: &[usize]) -> Vec<bool> {
    let loss = |row: &Vec<f64>| -> Vec<f64> {
        of.iter().map(|&place| objectives[place].direction.loss(row[place])).collect()
    };
    let losses: Vec<Vec<f64>> = values.iter().map(loss).collect();
    fronts(&losses).into_iter().map(|front| front == 0).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use burn_tune_ranking::Leaderboard;
    use burn_tune_ranking::leaderboard::ObjectiveEntry;
    use insta::assert_snapshot;
    use serde_json::json;

    use super::super::fixtures::{plot_of, small};
    use super::*;

    /// The small study with the sizes of its models as a further objective: of those with accuracies 0.5, 0.3,
    /// 0.7 and 0.6.
    fn sized(sizes: [f64; 4]) -> Leaderboard {
        let mut board = small("maximize");
        let entry = |name: &str, direction| ObjectiveEntry { name: name.to_owned(), direction };
        board.objectives =
            vec![entry("accuracy", Direction::Maximize), entry("parameters", Direction::Minimize)];
        for trial in &mut board.trials {
            let place = [0, 1, 3, 4].iter().position(|number| *number == trial.trial);
            trial.values = place.zip(trial.mean_test_score).map(|(place, score)| {
                BTreeMap::from([
                    ("accuracy".to_owned(), score),
                    ("parameters".to_owned(), sizes[place]),
                ])
            });
        }
        board
    }

    fn figure_of(board: &Leaderboard, measured: &[ObjectiveMeans]) -> Option<Figure> {
        let completed = Completed::of(board)?;
        let objectives = ObjectiveMeans::all(board, measured);
        figure(&completed, &objectives, objectives.len() - measured.len())
    }

    #[test]
    fn the_front_is_drawn_with_the_border_of_what_it_beats() {
        let figure = figure_of(&sized([20.0, 50.0, 200.0, 1000.0]), &[]).unwrap();
        assert_eq!(figure.variants.len(), 1);
        let plot = plot_of(&figure, 0);
        let data =
            |trace: usize| (plot["data"][trace]["x"].clone(), plot["data"][trace]["y"].clone());
        assert_eq!(data(0), (json!([0.3, 0.6]), json!([50.0, 1000.0])));
        assert_eq!(data(1), (json!([0.5, 0.7]), json!([20.0, 200.0])));
        assert_eq!(plot["data"][1]["line"]["shape"], "vh");
        assert_eq!(data(2), (json!([0.5, 0.7]), json!([20.0, 200.0])));
        assert_eq!(plot["layout"]["yaxis"]["type"], "log");
        assert_snapshot!(figure.caption, @"2 of 4 trials are on the Pareto front of accuracy and parameters: whatever beats one of them in one objective is worse in another. It goes from accuracy 0.7000 with parameters 200 to accuracy 0.5000 with parameters 20. Better is to the lower right.");
        let hover = plot["data"][2]["hovertext"][1].as_str().unwrap();
        assert!(hover.ends_with("<b>accuracy: 0.7000</b><br><b>parameters: 200</b>"), "{hover}");
    }

    #[test]
    fn three_objectives_have_a_plot_for_each_pair_and_the_clock_is_named() {
        let seconds = ObjectiveMeans {
            name: "seconds_per_epoch".to_owned(),
            direction: Direction::Minimize,
            means: BTreeMap::from([(0, 2.0), (1, 1.0), (3, 3.0), (4, 4.0)]),
        };
        let figure = figure_of(&sized([20.0, 50.0, 200.0, 1000.0]), &[seconds]).unwrap();
        let labels: Vec<&str> = figure.variants.iter().map(|one| one.label.as_str()).collect();
        assert_eq!(
            labels,
            [
                "accuracy × parameters",
                "accuracy × seconds_per_epoch",
                "parameters × seconds_per_epoch"
            ]
        );
        assert_snapshot!(figure.caption, @"2 of 4 trials are on the Pareto front of accuracy and parameters: whatever beats one of them in one objective is worse in another. It goes from accuracy 0.7000 with parameters 200 to accuracy 0.5000 with parameters 20. The line is the border of the two objectives that are drawn. seconds_per_epoch is wall-clock time, another in each run: no rank depends on it, and the front does where it is drawn.");
        // Trial 1 is the fastest: on the front where the time is drawn, and not on that of the ranks.
        let front = |variant| plot_of(&figure, variant)["data"][2]["x"].clone();
        assert_eq!(front(0), json!([0.5, 0.7]));
        assert_eq!(front(1), json!([0.5, 0.3, 0.7]));
    }

    #[test]
    fn a_single_objective_has_no_front() {
        assert!(figure_of(&small("maximize"), &[]).is_none());
    }
}
