//! A multilayer perceptron of one hidden layer with Adam, in plain Rust: it stands for the model that you have, as
//! scikit-learn's `MLPClassifier` does in the script beside it.

use crate::{Activation, Net};

/// Digits.
const CLASSES: usize = 10;
const PIXELS: usize = 784;

pub struct Mlp {
    hidden: Layer,
    output: Layer,
    activation: Activation,
    steps: i32,
    random: u64,
}

/// Weights `[outputs, inputs + 1]`, the last of each row its bias, with what Adam knows of each.
struct Layer {
    inputs: usize,
    weights: Vec<f32>,
    gradient: Vec<f32>,
    mean: Vec<f32>,
    square: Vec<f32>,
}

impl Mlp {
    pub fn new(net: &Net, seed: u64) -> Self {
        let mut random = seed;
        Mlp {
            hidden: Layer::new(PIXELS, net.hidden, &mut random),
            output: Layer::new(net.hidden, CLASSES, &mut random),
            activation: net.activation,
            steps: 0,
            random,
        }
    }

    /// Trains on a batch of images with their labels.
    pub fn step<'a>(&mut self, batch: impl Iterator<Item = (&'a [u8], u8)>, lr: f64) {
        let mut rows = 0.0;
        for (pixels, label) in batch {
            let input = scaled(pixels);
            let hidden = self.hidden_values(&input);
            let mut slopes = softmax(&self.output.forward(&hidden));
            slopes[usize::from(label)] -= 1.0;
            let mut back = self.output.backward(&hidden, &slopes);
            for (back, value) in back.iter_mut().zip(&hidden) {
                *back *= match self.activation {
                    Activation::Relu => f32::from(u8::from(*value > 0.0)),
                    Activation::Tanh => 1.0 - value * value,
                };
            }
            self.hidden.backward(&input, &back);
            rows += 1.0;
        }
        self.steps += 1;
        for layer in [&mut self.hidden, &mut self.output] {
            layer.adam(lr as f32, rows, self.steps);
        }
    }

    /// The share of the images that it recognises.
    pub fn accuracy<'a>(&self, images: impl Iterator<Item = (&'a [u8], u8)>) -> f64 {
        let (mut right, mut all) = (0.0, 0.0);
        for (pixels, label) in images {
            let scores = self.output.forward(&self.hidden_values(&scaled(pixels)));
            let best = (0..CLASSES).max_by(|&a, &b| scores[a].total_cmp(&scores[b]));
            right += f64::from(u8::from(best == Some(usize::from(label))));
            all += 1.0;
        }
        right / all
    }

    /// Puts rows into another order.
    pub fn shuffle(&mut self, rows: &mut [usize]) {
        for last in (1..rows.len()).rev() {
            let other = (draw(&mut self.random) * (last + 1) as f32) as usize;
            rows.swap(last, other.min(last));
        }
    }

    fn hidden_values(&self, input: &[f32]) -> Vec<f32> {
        let mut values = self.hidden.forward(input);
        for value in &mut values {
            *value = match self.activation {
                Activation::Relu => value.max(0.0),
                Activation::Tanh => value.tanh(),
            };
        }
        values
    }
}

impl Layer {
    /// Weights of Glorot's size, as scikit-learn begins with.
    fn new(inputs: usize, outputs: usize, random: &mut u64) -> Self {
        let bound = (6.0 / (inputs + outputs) as f32).sqrt();
        let count = outputs * (inputs + 1);
        let weights = (0..count).map(|_| bound * (2.0 * draw(random) - 1.0)).collect();
        let zeros = || vec![0.0; count];
        Layer { inputs, weights, gradient: zeros(), mean: zeros(), square: zeros() }
    }

    fn forward(&self, input: &[f32]) -> Vec<f32> {
        let rows = self.weights.chunks(self.inputs + 1);
        rows.map(|row| dot(&row[..self.inputs], input) + row[self.inputs]).collect()
    }

    /// Adds to the gradient, and gives the slopes of the inputs.
    fn backward(&mut self, input: &[f32], slopes: &[f32]) -> Vec<f32> {
        let mut back = vec![0.0; self.inputs];
        let gradients = self.gradient.chunks_mut(self.inputs + 1);
        let rows = self.weights.chunks(self.inputs + 1).zip(gradients);
        for ((row, gradient), slope) in rows.zip(slopes).filter(|(_, slope)| **slope != 0.0) {
            for input_index in 0..self.inputs {
                back[input_index] += slope * row[input_index];
                gradient[input_index] += slope * input[input_index];
            }
            gradient[self.inputs] += slope;
        }
        back
    }

    fn adam(&mut self, lr: f32, rows: f32, step: i32) {
        let rate = lr * (1.0 - 0.999_f32.powi(step)).sqrt() / (1.0 - 0.9_f32.powi(step));
        let moments = self.mean.iter_mut().zip(&mut self.square);
        for ((weight, gradient), (mean, square)) in
            self.weights.iter_mut().zip(&mut self.gradient).zip(moments)
        {
            let slope = std::mem::take(gradient) / rows;
            *mean += 0.1 * (slope - *mean);
            *square += 0.001 * (slope * slope - *square);
            *weight -= rate * *mean / (square.sqrt() + 1e-8);
        }
    }
}

fn scaled(pixels: &[u8]) -> Vec<f32> {
    pixels.iter().map(|pixel| f32::from(*pixel) / 255.0).collect()
}

/// In eight sums, which the compiler computes side by side.
fn dot(one: &[f32], other: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    let (one, other) = (one.chunks_exact(8), other.chunks_exact(8));
    let rest: f32 = one.remainder().iter().zip(other.remainder()).map(|(a, b)| a * b).sum();
    for (one, other) in one.zip(other) {
        for place in 0..8 {
            sums[place] += one[place] * other[place];
        }
    }
    rest + sums.iter().sum::<f32>()
}

fn softmax(scores: &[f32]) -> Vec<f32> {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exponentials: Vec<f32> = scores.iter().map(|score| (score - largest).exp()).collect();
    let sum: f32 = exponentials.iter().sum();
    exponentials.iter().map(|exponential| exponential / sum).collect()
}

/// A number from 0 to 1, by SplitMix64.
fn draw(state: &mut u64) -> f32 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut bits = *state;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((bits ^ (bits >> 31)) >> 40) as f32 / (1 << 24) as f32
}
