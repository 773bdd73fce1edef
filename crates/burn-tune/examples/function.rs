//! A search of a function that has nothing to do with Burn: the shortest program with the whole command line.
//!
//! ```text
//! cargo run --release --example function -- search --trials 50 --sampler tpe
//! cargo run --release --example function -- best
//! ```

use burn_tune::prelude::*;

/// A valley of Branin's function, with a choice that lifts all of it.
#[derive(Space, Debug)]
struct Point {
    #[space(-5.0..=10.0)]
    x: f64,
    #[space(0.0..=15.0)]
    y: f64,
    #[space]
    surface: Surface,
    /// Only the rough one has bumps.
    #[space(0.5..=2.0, when(surface = Surface::Rough))]
    bumps: Option<f64>,
}

#[derive(Space, Clone, Copy, Debug, PartialEq)]
enum Surface {
    Smooth,
    Rough,
}

fn branin(point: &Point, trial: &Trial) -> Result<Score> {
    use std::f64::consts::PI;
    let Point { x, y, .. } = *point;
    let valley = y - 5.1 / (4.0 * PI * PI) * x * x + 5.0 / PI * x - 6.0;
    let base = valley * valley + 10.0 * (1.0 - 1.0 / (8.0 * PI)) * x.cos() + 10.0;
    let bumps = point.bumps.map_or(0.0, |bumps| bumps * (3.0 * x).sin().abs());
    for step in 1..=5 {
        if trial.report(step, base + bumps + 5.0 / step as f64).is_stop() {
            break;
        }
    }
    trial.finish(base + bumps)
}

fn main() -> std::process::ExitCode {
    Study::new("branin", branin)
        .about("The lowest point of Branin's function")
        .score("height")
        .minimize()
        .main()
}
