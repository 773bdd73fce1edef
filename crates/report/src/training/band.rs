//! Several seeds as one line with a band: their mean at each point, and the range from the lowest to the
//! highest.

use plotly::common::{Fill, HoverInfo, Line, Mode};
use plotly::{Scatter, Trace};

use super::downsample::{Rounded, places};
use super::palette;

/// What the line is of the values of all seeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Middle {
    /// Their mean.
    Arithmetic,
    /// The exponential of the mean of their logarithms, for a logarithmic axis. Values that are not
    /// positive have no place there and are left out.
    Geometric,
}

/// A line with a band, at no more points than a screen can show.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    /// The step of each point.
    pub steps: Vec<u32>,
    /// The lowest of the seeds at each point.
    pub low: Vec<f64>,
    /// Their mean.
    pub middle: Vec<f64>,
    /// The highest.
    pub high: Vec<f64>,
    /// How many seeds it is made of.
    pub seeds: usize,
}

impl Band {
    /// The band of `seeds`, each of which has a number for each of `steps`. A seed that has not, or of
    /// which one is not finite, is left out; `None` where nothing is left to draw.
    pub fn over(steps: &[u32], seeds: &[Vec<f64>], middle: Middle) -> Option<Band> {
        let whole = |seed: &&Vec<f64>| {
            seed.len() == steps.len() && seed.iter().all(|value| value.is_finite())
        };
        let seeds: Vec<&Vec<f64>> = seeds.iter().filter(whole).collect();
        let mut band = Band {
            steps: Vec::new(),
            low: Vec::new(),
            middle: Vec::new(),
            high: Vec::new(),
            seeds: seeds.len(),
        };
        for place in places(steps.len()) {
            let mut values: Vec<f64> = seeds.iter().map(|seed| seed[place]).collect();
            values.retain(|value| middle == Middle::Arithmetic || *value > 0.0);
            if !values.is_empty() {
                band.steps.push(steps[place]);
                band.low.push(values.iter().copied().fold(f64::INFINITY, f64::min));
                band.middle.push(middle.of(&values));
                band.high.push(values.iter().copied().fold(f64::NEG_INFINITY, f64::max));
            }
        }
        (!band.steps.is_empty()).then_some(band)
    }

    /// The height of the line at `step`, between the two points around it.
    pub fn at(&self, step: u32) -> Option<f64> {
        let after = self.steps.iter().position(|&point| point >= step)?;
        let before = after.saturating_sub(1);
        let (from, to) = (f64::from(self.steps[before]), f64::from(self.steps[after]));
        let share = if to > from { (f64::from(step) - from) / (to - from) } else { 1.0 };
        Some(self.middle[before] + share.max(0.0) * (self.middle[after] - self.middle[before]))
    }

    /// Where the line ends.
    pub fn end(&self) -> Option<f64> {
        self.middle.last().copied()
    }

    /// The band, to be drawn before the lines. `x` is where its points are; it is shown and hidden with
    /// the line of the same `group`.
    pub fn shade(&self, x: &[Rounded], group: &str, color: &str) -> [Box<dyn Trace>; 2] {
        let edge = |values: &[f64]| {
            Scatter::new(x.to_vec(), rounded(values))
                .mode(Mode::Lines)
                .line(Line::new().width(0.0))
                .legend_group(group)
                .show_legend(false)
                .hover_info(HoverInfo::Skip)
        };
        let high = edge(&self.high).fill(Fill::ToNextY).fill_color(palette::faint(color));
        [edge(&self.low), high]
    }

    /// The line. `hover` is what is shown of a point, as a template of plotly's.
    pub fn line(
        &self,
        x: &[Rounded],
        name: &str,
        color: &'static str,
        hover: &str,
    ) -> Box<dyn Trace> {
        Scatter::new(x.to_vec(), rounded(&self.middle))
            .name(name)
            .mode(Mode::Lines)
            .line(Line::new().color(color).width(2.0))
            .legend_group(name)
            .hover_template(hover)
    }
}

impl Middle {
    fn of(self, values: &[f64]) -> f64 {
        let mean = |sum: f64| sum / values.len() as f64;
        match self {
            Middle::Arithmetic => mean(values.iter().sum()),
            Middle::Geometric => mean(values.iter().map(|value| value.ln()).sum()).exp(),
        }
    }
}

fn rounded(values: &[f64]) -> Vec<Rounded> {
    values.iter().copied().map(Rounded::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_is_the_mean_and_the_range_of_the_seeds_at_each_step() {
        let seeds = [vec![1.0, 4.0], vec![2.0, 6.0], vec![6.0, 5.0]];
        let band = Band::over(&[1, 10], &seeds, Middle::Arithmetic).unwrap();
        assert_eq!(band.steps, [1, 10]);
        assert_eq!(
            (band.low, band.middle, band.high),
            (vec![1.0, 4.0], vec![3.0, 5.0], vec![6.0, 6.0])
        );
        assert_eq!(band.seeds, 3);
    }

    #[test]
    fn the_geometric_mean_is_in_the_middle_of_a_logarithmic_axis_and_zero_is_nowhere_on_it() {
        let seeds = [vec![0.01, 0.0, 0.0], vec![1.0, 0.0, 0.5]];
        let band = Band::over(&[1, 2, 3], &seeds, Middle::Geometric).unwrap();
        assert_eq!(band.steps, [1, 3]);
        assert!((band.middle[0] - 0.1).abs() < 1e-12 && (band.middle[1] - 0.5).abs() < 1e-12);
        assert_eq!(band.low, [0.01, 0.5]);
    }

    #[test]
    fn seeds_of_another_length_or_not_finite_are_left_out() {
        let seeds = [vec![1.0, 2.0], vec![1.0], vec![f64::NAN, 2.0], vec![1.0, f64::INFINITY]];
        let band = Band::over(&[1, 2], &seeds, Middle::Arithmetic).unwrap();
        assert_eq!((band.seeds, band.high), (1, vec![1.0, 2.0]));
        assert_eq!(Band::over(&[1, 2], &seeds[1..], Middle::Arithmetic), None);
        assert_eq!(Band::over(&[], &[vec![]], Middle::Arithmetic), None);
    }

    #[test]
    fn a_mark_lies_on_the_line() {
        let band = Band::over(&[1, 11], &[vec![2.0, 1.0]], Middle::Arithmetic).unwrap();
        assert_eq!([band.at(1), band.at(6), band.at(11)], [Some(2.0), Some(1.5), Some(1.0)]);
        assert_eq!((band.at(0), band.at(12)), (Some(2.0), None));
    }
}
