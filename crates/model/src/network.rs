//! Our multilayer perceptron over this process's memory: a training step by hand. All of its memory is asked for once,
//! and each number is written where the next product reads it.
//!
//! Its numbers are those of [`Mlp`](crate::mlp::Mlp) with Burn's autodiff on burn-flex, bit for bit: it has the same
//! kernels or, for products, the same sums.

use pulp::{Arch, Simd, WithSimd};

use crate::activation::Activation;
use crate::kernels::adam::{AdamStep, Moments, adam_of_lines};
use crate::kernels::panel_products::{Sink, product, transposed_product};
use crate::kernels::panels::{LINE, Panels, transpose};
use crate::kernels::{activation, softmax, sums};
use crate::layer_values::{LayerValues, Layers};

/// Weights, what they are trained with, and what a step computes.
pub(crate) struct Network {
    layers: Vec<Dense>,
    activation: Activation,
    with_softmax: bool,
    /// The examples of a step, `[batch, features]`.
    input: Panels,
    /// Outputs, then their gradient, `[batch, classes]`, row by row.
    outputs: Vec<f32>,
    probabilities: Vec<f32>,
}

/// A layer.
struct Dense {
    /// `[inputs, outputs]`.
    weight: Panels,
    weight_moments: Vec<Moments>,
    /// `[1, outputs]`.
    bias: Panels,
    bias_moments: Vec<Moments>,
    /// `[1, outputs]`.
    bias_gradient: Panels,
    /// Of the last step whose gradients were kept, `[inputs, outputs]`.
    weight_gradient: Option<Panels>,
    /// `[outputs, inputs]`: of all layers but the first, whose input has no gradient.
    transposed: Option<Panels>,
    /// What the activation's derivative is computed from, where that is its input, `[batch, outputs]`.
    activation_input: Option<Panels>,
    /// `[batch, outputs]`.
    value: Panels,
    /// `[batch, outputs]`.
    gradient: Panels,
}

impl Dense {
    fn new(values: &LayerValues, is_first: bool, keeps_input: bool) -> Self {
        let (inputs, outputs) = (values.inputs(), values.outputs());
        let weight = Panels::from_rows(&values.weight, [inputs, outputs]);
        let bias = Panels::from_rows(&values.bias, [1, outputs]);
        Dense {
            weight_moments: vec![Moments::ZEROS; weight.values().len() / LINE],
            bias_moments: vec![Moments::ZEROS; bias.values().len() / LINE],
            bias_gradient: Panels::zeros(1, outputs),
            weight_gradient: None,
            transposed: (!is_first).then(|| Panels::zeros(outputs, inputs)),
            activation_input: keeps_input.then(|| Panels::zeros(0, outputs)),
            value: Panels::zeros(0, outputs),
            gradient: Panels::zeros(0, outputs),
            weight,
            bias,
        }
    }

    /// `activation(input · weight + bias)`, or without activation.
    fn forward(&mut self, input: &Panels, activation: Option<Activation>) {
        let Dense { weight, bias, activation_input, value, .. } = self;
        let Some(activation_input) = activation_input else {
            return product(input, weight, value, |panel, values| {
                activation::biased_activation(values, bias.panel(panel), activation);
            });
        };
        value.set_rows(input.rows());
        product(input, weight, activation_input, |panel, inputs| {
            activation::biased_activation(inputs, bias.panel(panel), None);
            let values = value.panel_mut(panel);
            values.copy_from_slice(inputs);
            if let Some(activation) = activation {
                activation::activation(values, activation);
            }
        });
    }

    /// The gradient of what `below` gives to this layer, and from it that of what the activation of `below` gets.
    fn backward(&mut self, below: &mut Dense, activation: Activation) {
        let Dense { weight, transposed, gradient, .. } = self;
        let Some(transposed) = transposed else { return };
        transpose(weight, transposed);
        let Dense { bias_gradient, activation_input, value, gradient: out, .. } = below;
        let kept = activation_input.as_ref().unwrap_or(value);
        product(gradient, transposed, out, |panel, grad| {
            let sums = bias_gradient.panel_mut(panel);
            activation::activation_backward(kept.panel(panel), grad, sums, activation);
        });
    }

    /// Weights and biases after a step along the gradient. `input` is what they were applied to.
    fn update(&mut self, input: &Panels, step: AdamStep, keeps_gradient: bool) {
        let Dense { weight, weight_moments, bias, bias_moments, bias_gradient, gradient, .. } =
            self;
        if keeps_gradient && self.weight_gradient.is_none() {
            self.weight_gradient = Some(Panels::zeros(weight.rows(), weight.columns()));
        }
        let kept = self.weight_gradient.as_mut().filter(|_| keeps_gradient);
        let mut sink = Update {
            weights: weight.values_mut(),
            moments: weight_moments,
            kept: kept.map(Panels::values_mut),
            step,
        };
        transposed_product(input, gradient, &mut sink);
        let (weights, moments) = (bias.values_mut(), &mut bias_moments[..]);
        let update = Update { weights, moments, kept: None, step };
        Arch::new().dispatch(UpdateAll { update, grads: bias_gradient.values() });
    }
}

/// Adam on parameters whose gradients come in runs of whole lines.
struct Update<'a> {
    weights: &'a mut [f32],
    moments: &'a mut [Moments],
    /// Where the gradients are to be kept.
    kept: Option<&'a mut [f32]>,
    step: AdamStep,
}

impl Update<'_> {
    /// A step of those from `begin` on.
    #[inline(always)]
    fn update(&mut self, begin: usize, grads: &[f32]) {
        let range = begin..begin + grads.len();
        if let Some(kept) = &mut self.kept {
            kept[range.clone()].copy_from_slice(grads);
        }
        let moments = &mut self.moments[range.start / LINE..range.end / LINE];
        let (weights, _) = self.weights[range].as_chunks_mut();
        adam_of_lines(weights, grads.as_chunks().0, moments, self.step);
    }
}

/// An update of all parameters at once.
struct UpdateAll<'a> {
    update: Update<'a>,
    grads: &'a [f32],
}

impl WithSimd for UpdateAll<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) {
        self.update.update(0, self.grads);
    }
}

impl Sink for Update<'_> {
    #[inline(always)]
    fn take<S: Simd>(&mut self, _: S, begin: usize, grads: &[f32]) {
        self.update(begin, grads);
    }
}

impl Network {
    /// A training of these layers, of which there is at least one, before its first step.
    pub fn new(layers: &Layers, activation: Activation, with_softmax: bool) -> Self {
        let last = layers.len() - 1;
        let dense = layers.iter().enumerate().map(|(place, values)| {
            Dense::new(values, place == 0, place < last && activation.derives_from_input())
        });
        Network {
            input: Panels::zeros(0, layers[0].inputs()),
            layers: dense.collect(),
            activation,
            with_softmax,
            outputs: Vec::new(),
            probabilities: Vec::new(),
        }
    }

    /// Where the examples of the next step are to be written, `[batch, features]`.
    pub fn input(&mut self, batch: usize) -> &mut Panels {
        self.input.set_rows(batch);
        &mut self.input
    }

    /// A step on the examples in [`Network::input`], of these classes: their mean loss, from before it. `keeps_gradients`
    /// where [`Network::weight_gradients`] will be asked for those of this step.
    pub fn step(&mut self, targets: &[usize], adam: AdamStep, keeps_gradients: bool) -> f32 {
        self.forward();
        let loss = self.loss(targets);
        for place in (0..self.layers.len()).rev() {
            let (below, layers) = self.layers.split_at_mut(place);
            let layer = &mut layers[0];
            let input = match below.last_mut() {
                Some(below) => {
                    layer.backward(below, self.activation);
                    &below.value
                }
                None => &self.input,
            };
            layer.update(input, adam, keeps_gradients);
        }
        loss
    }

    fn forward(&mut self) {
        let mut input = &self.input;
        let last = self.layers.len() - 1;
        for (place, layer) in self.layers.iter_mut().enumerate() {
            layer.forward(input, (place < last).then_some(self.activation));
            input = &layer.value;
        }
    }

    /// The mean loss, and the gradient of the last layer's outputs and biases.
    fn loss(&mut self, targets: &[usize]) -> f32 {
        let last = self.layers.len() - 1;
        let Dense { value, gradient, bias_gradient, .. } = &mut self.layers[last];
        let classes = value.columns();
        value.copy_to_rows(&mut self.outputs);
        let probabilities = self.with_softmax.then_some(&mut self.probabilities);
        let loss = softmax::cross_entropy(&mut self.outputs, classes, targets, probabilities);
        gradient.set_rows(value.rows());
        gradient.copy_from_rows(&self.outputs);
        for panel in 0..gradient.count() {
            sums::column_sums(gradient.panel(panel), bias_gradient.panel_mut(panel));
        }
        loss
    }

    /// Weights and biases.
    pub fn layers(&self) -> Layers {
        let values = |layer: &Dense| LayerValues {
            weight: layer.weight.to_rows(),
            bias: layer.bias.to_rows(),
        };
        self.layers.iter().map(values).collect()
    }

    /// Adam's first and second moments of weights and biases.
    pub fn moments(&self) -> [Layers; 2] {
        let of = |which: fn(&Moments) -> &[f32; LINE]| {
            let values = |layer: &Dense| LayerValues {
                weight: moments_in_rows(&layer.weight, &layer.weight_moments, which),
                bias: moments_in_rows(&layer.bias, &layer.bias_moments, which),
            };
            self.layers.iter().map(values).collect()
        };
        [of(|moments| &moments.first), of(|moments| &moments.second)]
    }

    /// Goes on with these first and second moments.
    pub fn set_moments(&mut self, [first, second]: &[Layers; 2]) {
        for (layer, (first, second)) in self.layers.iter_mut().zip(first.iter().zip(second)) {
            let Dense { weight, weight_moments, bias, bias_moments, .. } = layer;
            set_moments(weight, weight_moments, &first.weight, &second.weight);
            set_moments(bias, bias_moments, &first.bias, &second.bias);
        }
    }

    /// The gradients of the weights of each layer, `[inputs, outputs]` row by row, in the last step that has kept them.
    pub fn weight_gradients(&self) -> impl Iterator<Item = Vec<f32>> {
        self.layers.iter().filter_map(|layer| layer.weight_gradient.as_ref().map(Panels::to_rows))
    }
}

/// The first or second moments of `like`, row by row.
fn moments_in_rows(
    like: &Panels,
    moments: &[Moments],
    which: fn(&Moments) -> &[f32; LINE],
) -> Vec<f32> {
    let mut panels = Panels::zeros(like.rows(), like.columns());
    for (values, moments) in panels.values_mut().chunks_exact_mut(LINE).zip(moments) {
        values.copy_from_slice(which(moments));
    }
    panels.to_rows()
}

/// The other way round.
fn set_moments(like: &Panels, moments: &mut [Moments], first: &[f32], second: &[f32]) {
    let in_panels = |values: &[f32]| Panels::from_rows(values, [like.rows(), like.columns()]);
    let (first, second) = (in_panels(first), in_panels(second));
    let lines = first.values().chunks_exact(LINE).zip(second.values().chunks_exact(LINE));
    for (moments, (first, second)) in moments.iter_mut().zip(lines) {
        moments.first.copy_from_slice(first);
        moments.second.copy_from_slice(second);
    }
}
