//! The lane against Burn's autodiff.

use burn::tensor::activation::softmax;
use burn::tensor::{Tensor, TensorData, activation};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::activation::Activation;
use crate::backend::Backend;
use crate::lane::BurnLane;
use crate::mlp::initial_layers;

const ALL: [Activation; 6] = [
    Activation::Relu,
    Activation::LeakyRelu,
    Activation::Sigmoid,
    Activation::Tanh,
    Activation::Gelu,
    Activation::Silu,
];

/// Examples of noise, of which the first pixel of each is never lit, as at the borders of digits.
fn examples(features: usize, count: usize, classes: usize) -> Examples {
    let noise = |i: usize| ((i as u32).wrapping_mul(2_654_435_761) >> 24) as u8;
    let pixel = |i: usize| if i.is_multiple_of(features) { 0 } else { noise(i) };
    let labels = (0..count).map(|i| noise(i + 77) % classes as u8).collect();
    Examples::new(features, (0..features * count).map(pixel).collect(), labels)
}

fn config(widths: &[usize], activation: Activation, softmax: bool) -> MlpConfig {
    MlpConfig {
        depth: widths.len(),
        hidden_size: widths.first().copied().unwrap_or(1),
        hidden_size_2: widths.get(1).copied(),
        hidden_size_3: widths.get(2).copied(),
        activation,
        softmax,
        ..MlpConfig::default()
    }
}

/// Steps of these sizes, the last two at once: losses, norms and weights to the last bit.
fn compare(config: &MlpConfig, features: usize, classes: usize, sizes: &[usize]) {
    let examples = examples(features, sizes.iter().sum(), classes);
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let initial = initial_layers(config, features, classes, &mut rng);
    let device = Backend::Flex.device();
    let mut flex = FlexLane::new(config, &initial, &examples, &device);
    let mut burn = BurnLane::new(config, initial, &examples, &device, true);
    let order: Vec<u32> = (0..examples.len() as u32).rev().collect();
    let mut batches = Vec::new();
    let mut left = &order[..];
    for &size in sizes {
        let (batch, later) = left.split_at(size);
        batches.push(batch);
        left = later;
    }
    let (first, last) = batches.split_at(sizes.len() - 2);
    for batches in first.chunks(1).chain([last]) {
        let what = format!("{config:?}, batches {sizes:?}");
        let [ours, burns] = [&mut flex as &mut dyn Lane, &mut burn].map(|lane| {
            let steps = lane.train(batches, &|| Ok(())).unwrap();
            (bits(&steps.losses), bits(&steps.gradient_norms), numbers(&lane.model().unwrap()))
        });
        assert!(ours.0 == burns.0, "losses of {what}");
        assert!(ours.1 == burns.1, "norms of {what}");
        assert!(ours.2 == burns.2, "weights of {what}");
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn numbers(model: &Mlp) -> Vec<u32> {
    let tensors = model
        .layers
        .iter()
        .flat_map(|layer| [layer.weight.val().into_data(), layer.bias.val().into_data()]);
    tensors.flat_map(|data| bits(data.as_slice::<f32>().unwrap())).collect()
}

#[test]
fn all_numbers_are_those_of_burns_autodiff_with_our_layers_to_the_last_bit() {
    for activation in ALL {
        for softmax in [false, true] {
            for widths in [&[][..], &[33], &[64, 17], &[100, 5, 70]] {
                compare(&config(widths, activation, softmax), 70, 10, &[6, 7, 1, 2, 20, 3]);
            }
        }
    }
}

#[test]
fn so_they_are_for_sums_in_blocks_and_many_panels() {
    let leaky = |widths: &[usize]| config(widths, Activation::LeakyRelu, false);
    compare(&leaky(&[129, 600]), 784, 10, &[100, 100, 600, 40]);
    compare(&leaky(&[1, 2]), 1, 2, &[1, 2, 3]);
    compare(&leaky(&[16]), 513, 200, &[520, 7]);
    compare(&config(&[30], Activation::Gelu, true), 3, 70, &[513, 1]);
}

/// Burn's own operations throughout, of which no bit is promised.
#[test]
fn a_step_is_what_burns_own_operations_make_it_within_rounding() {
    let config = config(&[40, 30], Activation::Tanh, true);
    let examples = examples(50, 64, 10);
    let initial = initial_layers(&config, 50, 10, &mut ChaCha8Rng::seed_from_u64(5));
    let device = Backend::Flex.device();
    let batch: Vec<u32> = (0..64).collect();
    let mut lane = FlexLane::new(&config, &initial, &examples, &device);
    let steps = lane.train(&[&batch], &|| Ok(())).unwrap();

    let device = device.autodiff();
    let model = Mlp::from_values(&config, initial, &device);
    let pixels: Vec<f32> = batch
        .iter()
        .flat_map(|&i| examples.pixels(i as usize))
        .map(|&p| p as f32 / 255.0)
        .collect();
    let mut x = Tensor::<2>::from_data(TensorData::new(pixels, [64, 50]), &device);
    for (place, layer) in model.layers.iter().enumerate() {
        x = x.matmul(layer.weight.val()) + layer.bias.val().unsqueeze();
        x = if place < 2 { activation::tanh(x) } else { softmax(x, 1) };
    }
    let labels: Vec<i64> = examples.labels().iter().map(|&label| label.into()).collect();
    let labels = Tensor::<1, burn::tensor::Int>::from_data(TensorData::new(labels, [64]), &device);
    let logs = activation::log_softmax(x, 1);
    let loss = -logs.gather(1, labels.unsqueeze_dim(1)).mean();
    let grads = loss.backward();
    assert!((steps.losses[0] - loss.into_scalar::<f32>()).abs() < 1e-6);
    for (layer, norm) in model.layers.iter().zip(&steps.gradient_norms) {
        let grad = layer.weight.val().grad(&grads).unwrap();
        let burns = grad.powi_scalar(2).sum().sqrt().into_scalar::<f32>();
        assert!((norm - burns).abs() < 1e-5 * burns, "{norm} {burns}");
    }
}
