//! Loads the model whose folder `burn-tune best --model` prints, and says what it takes ten digits of MNIST for.

use burn_tune_data::Dataset;
use burn_tune_model::{Backend, SavedMlp};

#[expect(clippy::print_stdout, reason = "a program for people")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("name the folder of a model")?;
    let model = SavedMlp::load(folder, Backend::Flex)?;
    for prediction in model.predict(&Dataset::mnist()?.test)?.iter().take(10) {
        println!("{} ({:.3})", prediction.label, prediction.probability);
    }
    Ok(())
}
