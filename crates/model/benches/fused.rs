//! How fast a graphics card steps many trainings at once. Run by `bench/gpu/measure.py`, which reads what it prints: a
//! line of JSON for each case.

use burn_tune_model::speed::FusedCard;
use burn_tune_search::clock::Stopwatch;

const HELP: &str = "\
fused [OPTIONS]
    --cases LIST   trainings:hidden:batch, with commas between them [default: 1:128:100]
    --seconds S    of each case [default: 2]
    --device N     as `burn-tune devices` numbers them [default: the preferred one]";

/// What was measured of a case.
struct Measured {
    step_s: f64,
    /// Until the first steps are done: memory is taken and filled, and shaders are made.
    first_steps_s: f64,
    first_loss: f32,
    last_loss: f32,
}

#[expect(clippy::print_stdout, reason = "a benchmark prints its result")]
fn main() -> Result<(), String> {
    let (mut cases, mut seconds, mut device) = ("1:128:100".to_owned(), 2.0, None);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value\n{HELP}"));
        match arg.as_str() {
            "--cases" => cases = value()?,
            "--seconds" => seconds = parsed(&arg, &value()?)?,
            "--device" => device = Some(parsed(&arg, &value()?)?),
            // What cargo adds.
            "--bench" => {}
            _ => return Err(format!("there is no option {arg}\n{HELP}")),
        }
    }
    let cases: Vec<[usize; 3]> = cases.split(',').map(case).collect::<Result<_, _>>()?;
    let card = FusedCard::open(device)?;
    for [trainings, hidden, batch] in cases {
        let case = format!(r#""trainings": {trainings}, "hidden": {hidden}, "batch": {batch}"#);
        let measured = match measure(&card, [trainings, hidden, batch], seconds) {
            Ok(Measured { step_s, first_steps_s, first_loss, last_loss })
                if last_loss < first_loss =>
            {
                format!(r#""step_s": {step_s}, "first_steps_s": {first_steps_s}"#)
            }
            Ok(Measured { first_loss, last_loss, .. }) => {
                format!(r#""error": "the loss goes from {first_loss} to {last_loss}""#)
            }
            Err(error) => format!(r#""error": {error:?}"#),
        };
        println!(r#"{{"way": "burn-tune", {case}, {measured}}}"#);
    }
    Ok(())
}

fn measure(
    card: &FusedCard,
    [trainings, hidden, batch]: [usize; 3],
    seconds: f64,
) -> Result<Measured, String> {
    let watch = Stopwatch::start();
    let mut running = card.begin(trainings, hidden, batch)?;
    let first_loss = running.steps(1)?;
    let first_steps_s = watch.elapsed().as_secs_f64();
    let (watch, mut steps, mut last_loss) = (Stopwatch::start(), 0, first_loss);
    while watch.elapsed().as_secs_f64() < seconds {
        last_loss = running.steps(10)?;
        steps += 10;
    }
    let step_s = watch.elapsed().as_secs_f64() / f64::from(steps);
    Ok(Measured { step_s, first_steps_s, first_loss, last_loss })
}

fn parsed<T: std::str::FromStr>(arg: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{arg} {text}: that is no number\n{HELP}"))
}

fn case(text: &str) -> Result<[usize; 3], String> {
    let numbers = text.split(':').map(str::parse).collect::<Result<Vec<usize>, _>>();
    match numbers.as_deref() {
        Ok(&[trainings, hidden, batch]) if trainings * hidden * batch > 0 => {
            Ok([trainings, hidden, batch])
        }
        _ => Err(format!("{text} is no case\n{HELP}")),
    }
}
