//! Training in double precision, written down from the formulas.

use burn_tune_data::Examples;

use crate::activation::Activation;
use crate::layer_values::Layers;

/// One training.
pub(super) struct Reference {
    layers: Vec<Layer>,
    activation: Activation,
    softmax: bool,
    lr: f64,
    steps: i32,
}

struct Layer {
    outputs: usize,
    /// Weights row by row, then the biases; as are the gradients and the moments.
    weights: Vec<f64>,
    gradients: Vec<f64>,
    moments: [Vec<f64>; 2],
}

impl Reference {
    pub fn new(layers: &Layers, activation: Activation, softmax: bool, lr: f64) -> Self {
        let layers = layers.iter().map(|layer| {
            let weights: Vec<f64> =
                layer.weight.iter().chain(&layer.bias).map(|&weight| weight.into()).collect();
            let zeros = vec![0.0; weights.len()];
            let moments = [zeros.clone(), zeros.clone()];
            Layer { outputs: layer.outputs(), weights, gradients: zeros, moments }
        });
        Reference { layers: layers.collect(), activation, softmax, lr, steps: 0 }
    }

    pub fn weights(&self) -> impl Iterator<Item = f64> + Clone + '_ {
        self.layers.iter().flat_map(|layer| &layer.weights).copied()
    }

    pub fn moments(&self, which: usize) -> impl Iterator<Item = f64> + Clone + '_ {
        self.layers.iter().flat_map(move |layer| &layer.moments[which]).copied()
    }

    pub fn gradient_norms(&self) -> Vec<f64> {
        let norm = |layer: &Layer| {
            let weights = &layer.gradients[..layer.weights.len() - layer.outputs];
            weights.iter().map(|gradient| gradient * gradient).sum::<f64>().sqrt()
        };
        self.layers.iter().map(norm).collect()
    }

    /// The mean loss before the step.
    pub fn step(&mut self, examples: &Examples, batch: &[u32]) -> f64 {
        self.layers.iter_mut().for_each(|layer| layer.gradients.fill(0.0));
        let share = 1.0 / batch.len() as f64;
        let losses = batch.iter().map(|&example| self.example(examples, example as usize, share));
        let loss = losses.collect::<Vec<f64>>().iter().sum::<f64>() * share;
        self.steps += 1;
        let corrections = [0.9f64, 0.999].map(|beta| 1.0 - beta.powi(self.steps));
        for Layer { weights, gradients, moments: [first, second], .. } in &mut self.layers {
            for (i, gradient) in gradients.iter().enumerate() {
                first[i] = 0.9 * first[i] + 0.1 * gradient;
                second[i] = 0.999 * second[i] + 0.001 * gradient * gradient;
                let denominator = (second[i] / corrections[1]).sqrt() + 1e-8;
                weights[i] -= self.lr * first[i] / corrections[0] / denominator;
            }
        }
        loss
    }

    /// Adds the gradients of one example, and gives its loss.
    fn example(&mut self, examples: &Examples, example: usize, share: f64) -> f64 {
        let pixels = examples.pixels(example).iter().map(|&pixel| f64::from(pixel) / 255.0);
        let mut values = vec![pixels.collect::<Vec<f64>>()];
        let mut sums = Vec::new();
        let last = self.layers.len() - 1;
        for (place, layer) in self.layers.iter().enumerate() {
            let sum = layer.forward(&values[place]);
            let activate = |x: &f64| if place == last { *x } else { value(self.activation, *x) };
            values.push(sum.iter().map(activate).collect());
            sums.push(sum);
        }
        let (loss, mut gradient) =
            cross_entropy(&sums[last], examples.labels()[example].into(), self.softmax);
        gradient.iter_mut().for_each(|gradient| *gradient *= share);
        for place in (0..=last).rev() {
            let below = self.layers[place].backward(&values[place], &gradient);
            if place > 0 {
                let slopes = sums[place - 1].iter().map(|sum| slope(self.activation, *sum));
                gradient =
                    below.iter().zip(slopes).map(|(gradient, slope)| gradient * slope).collect();
            }
        }
        loss
    }
}

impl Layer {
    fn forward(&self, inputs: &[f64]) -> Vec<f64> {
        let (weights, biases) = self.weights.split_at(inputs.len() * self.outputs);
        let mut sums = biases.to_vec();
        for (input, row) in inputs.iter().zip(weights.chunks_exact(self.outputs)) {
            sums.iter_mut().zip(row).for_each(|(sum, weight)| *sum += input * weight);
        }
        sums
    }

    /// Adds to the gradients, and gives that of the inputs.
    fn backward(&mut self, inputs: &[f64], gradient: &[f64]) -> Vec<f64> {
        let (weights, biases) = self.gradients.split_at_mut(inputs.len() * self.outputs);
        biases.iter_mut().zip(gradient).for_each(|(sum, gradient)| *sum += gradient);
        for (input, row) in inputs.iter().zip(weights.chunks_exact_mut(self.outputs)) {
            row.iter_mut().zip(gradient).for_each(|(sum, gradient)| *sum += input * gradient);
        }
        let rows = self.weights.chunks_exact(self.outputs).take(inputs.len());
        rows.map(|row| row.iter().zip(gradient).map(|(a, b)| a * b).sum()).collect()
    }
}

/// The loss and its gradient of one example's outputs.
fn cross_entropy(outputs: &[f64], label: usize, with_softmax: bool) -> (f64, Vec<f64>) {
    let softmax = |values: &[f64]| -> Vec<f64> {
        let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let powers: Vec<f64> = values.iter().map(|value| (value - largest).exp()).collect();
        let sum: f64 = powers.iter().sum();
        powers.iter().map(|power| power / sum).collect()
    };
    let inner = if with_softmax { softmax(outputs) } else { outputs.to_vec() };
    let shares = softmax(&inner);
    let mut gradient = shares.clone();
    gradient[label] -= 1.0;
    if with_softmax {
        let common: f64 = gradient.iter().zip(&inner).map(|(a, b)| a * b).sum();
        gradient =
            gradient.iter().zip(&inner).map(|(gradient, p)| p * (gradient - common)).collect();
    }
    (-shares[label].ln(), gradient)
}

fn value(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Relu => x.max(0.0),
        Activation::LeakyRelu => {
            if x > 0.0 {
                x
            } else {
                0.01 * x
            }
        }
        Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Activation::Tanh => x.tanh(),
        Activation::Gelu => x * 0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2),
        Activation::Silu => x / (1.0 + (-x).exp()),
    }
}

/// By a difference; of relu and its kin, which have a corner, by its side.
fn slope(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Relu => {
            if x > 0.0 {
                1.0
            } else {
                0.0
            }
        }
        Activation::LeakyRelu => {
            if x > 0.0 {
                1.0
            } else {
                0.01
            }
        }
        smooth => (value(smooth, x + 1e-6) - value(smooth, x - 1e-6)) / 2e-6,
    }
}
