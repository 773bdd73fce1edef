//! How fast a graphics card steps many trainings at once. Run by `bench/gpu/measure.py`, which reads what it prints: a
//! line of JSON for each case.

use std::time::Duration;

use burn_tune_model::speed::{FusedCase, FusedSpeed, measure_fused};

const HELP: &str = "\
fused [OPTIONS]
    --cases LIST   trainings:hidden:batch, with commas between them [default: 1:128:100]
    --seconds S    of each case [default: 2]
    --device N     as `burn-tune devices` numbers them [default: the best]";

#[expect(clippy::print_stdout, reason = "a benchmark prints its result")]
fn main() -> Result<(), String> {
    let (mut cases, mut seconds, mut device) = ("1:128:100".to_owned(), 2.0, None);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value\n{HELP}"));
        match arg.as_str() {
            "--cases" => cases = value()?,
            "--seconds" => seconds = value()?.parse().map_err(|error| format!("{arg}: {error}"))?,
            "--device" => {
                device = Some(value()?.parse().map_err(|error| format!("{arg}: {error}"))?)
            }
            // What cargo adds.
            "--bench" => {}
            _ => return Err(format!("there is no option {arg}\n{HELP}")),
        }
    }
    let cases: Vec<FusedCase> = cases.split(',').map(case).collect::<Result<_, _>>()?;
    measure_fused(&cases, device, Duration::from_secs_f64(seconds), |case, measured| {
        let FusedCase { trainings, hidden, batch } = case;
        let case = format!(r#""trainings": {trainings}, "hidden": {hidden}, "batch": {batch}"#);
        let measured = match measured {
            Ok(FusedSpeed { step_s, first_step_s, losses: [first, last] }) if last < first => {
                format!(r#""step_s": {step_s}, "first_steps_s": {first_step_s}"#)
            }
            Ok(FusedSpeed { losses, .. }) => format!(r#""error": "it does not learn: {losses:?}""#),
            Err(error) => format!(r#""error": {error:?}"#),
        };
        println!(r#"{{"way": "burn-tune", {case}, {measured}}}"#);
    })
}

fn case(text: &str) -> Result<FusedCase, String> {
    let numbers = text.split(':').map(str::parse).collect::<Result<Vec<usize>, _>>();
    match numbers.as_deref() {
        Ok(&[trainings, hidden, batch]) if trainings * hidden * batch > 0 => {
            Ok(FusedCase { trainings, hidden, batch })
        }
        _ => Err(format!("{text} is no case\n{HELP}")),
    }
}
