//! The hyperparameters of the multilayer perceptron.

use burn_tune::search::{Domain, ParamValue, Params};
use burn_tune::{Choices, Number, ParamError, ParamType, Rejection, Space, ValueError};
use serde::{Deserialize, Serialize};

use crate::activation::Activation;

/// What one trial is configured by. Every field has a default: the well-known PyTorch tutorial's
/// model, 784-500-10 with Adam at 0.001.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MlpConfig {
    /// Examples per step; the last batch of an epoch may be smaller. Where there are fewer examples, each step has all of
    /// them.
    pub batch_size: usize,
    /// Adam's learning rate.
    pub lr: f64,
    /// Passes over the training data.
    pub epochs: usize,
    /// What stands behind each hidden layer.
    pub activation: Activation,
    /// Hidden layers; 0 is a linear classifier.
    pub depth: usize,
    /// Units of each hidden layer, but for those that have a size of their own below.
    pub hidden_size: usize,
    /// Units of the second hidden layer.
    pub hidden_size_2: Option<usize>,
    /// Units of the third.
    pub hidden_size_3: Option<usize>,
    /// Units of the fourth.
    pub hidden_size_4: Option<usize>,
    /// Whether a softmax stands in front of the cross-entropy, which applies softmax itself: the
    /// mistake of the report that this project began from.
    pub softmax: bool,
}

impl Default for MlpConfig {
    fn default() -> Self {
        MlpConfig {
            batch_size: 100,
            lr: 1e-3,
            epochs: 5,
            activation: Activation::Relu,
            depth: 1,
            hidden_size: 500,
            hidden_size_2: None,
            hidden_size_3: None,
            hidden_size_4: None,
            softmax: false,
        }
    }
}

impl MlpConfig {
    /// Whether training can begin with these values at all.
    ///
    /// # Errors
    ///
    /// The first hyperparameter that is out of its range.
    pub fn check(&self) -> Result<(), Rejection> {
        let MlpConfig { batch_size, lr, epochs, depth, hidden_size, .. } = self;
        Rejection::unless(
            *batch_size >= 1,
            "batch_size",
            batch_size,
            "a whole number, at least 1",
        )?;
        Rejection::unless(*lr > 0.0 && lr.is_finite(), "lr", lr, "a number above 0")?;
        Rejection::unless(*epochs >= 1, "epochs", epochs, "a whole number, at least 1")?;
        Rejection::unless(*depth <= 1_000, "depth", depth, "a whole number from 0 to 1000")?;
        let sizes = 1..=1_000_000;
        let allowed = "a whole number from 1 to 1000000";
        Rejection::unless(sizes.contains(hidden_size), "hidden_size", hidden_size, allowed)?;
        for (layer, name, size) in self.own_sizes() {
            let Some(size) = size else { continue };
            Rejection::unless(sizes.contains(&size), name, size, allowed)?;
            if layer > *depth {
                return Err(Rejection {
                    param: name.to_owned(),
                    problem: format!("`{name}` is set where `depth` is {depth}"),
                    allowed: format!(
                        "a size of layer {layer} only where there is one: in [space], `when = {{ depth = {{ low = {layer} }} }}`"
                    ),
                });
            }
        }
        Ok(())
    }

    /// The hidden layers that may have a size of their own: number, name and size.
    fn own_sizes(&self) -> [(usize, &'static str, Option<usize>); 3] {
        [
            (2, "hidden_size_2", self.hidden_size_2),
            (3, "hidden_size_3", self.hidden_size_3),
            (4, "hidden_size_4", self.hidden_size_4),
        ]
    }

    /// The sizes of the layers' outputs, the input first: `[features, hidden, …, classes]`.
    pub fn widths(&self, features: usize, classes: usize) -> Vec<usize> {
        let mut widths = vec![features];
        widths.extend((1..=self.depth).map(|layer| {
            let own = self.own_sizes().into_iter().find(|(number, ..)| *number == layer);
            own.and_then(|(_, _, size)| size).unwrap_or(self.hidden_size)
        }));
        widths.push(classes);
        widths
    }

    /// How many numbers are trained: weights and biases.
    pub fn parameters(&self, features: usize, classes: usize) -> u64 {
        let widths = self.widths(features, classes);
        widths.windows(2).map(|pair| (pair[0] as u64 + 1) * pair[1] as u64).sum()
    }

    /// Floating-point operations of the matrix products of one example in training: forward, the
    /// gradient of each weight, and the gradient of each layer's input but the first.
    pub fn training_flops(&self, features: usize, classes: usize) -> u64 {
        let widths = self.widths(features, classes);
        let products = widths.windows(2).enumerate();
        products.map(|(i, pair)| if i == 0 { 4 } else { 6 } * pair[0] as u64 * pair[1] as u64).sum()
    }
}

/// By hand, and not derived: each field has a default, so a space file may leave out any of them.
impl Space for MlpConfig {
    const NAMES: &'static [&'static str] = &[
        "batch_size",
        "lr",
        "epochs",
        "activation",
        "depth",
        "hidden_size",
        "hidden_size_2",
        "hidden_size_3",
        "hidden_size_4",
        "softmax",
    ];

    /// That of `search-spaces/mlp.toml`, and no softmax.
    fn space() -> burn_tune::search::Space {
        let list = |values: &[usize]| Domain::Choices(values.iter().map(usize::to_value).collect());
        let domains = [
            ("batch_size", list(&[100, 200, 300, 600])),
            ("lr", f64::range(1e-4, 3e-2, None, true)),
            ("epochs", list(&[3, 5, 7])),
            ("activation", Domain::Choices(Activation::choices())),
            ("depth", list(&[1, 2, 3])),
            ("hidden_size", usize::range(100, 800, Some(100), false)),
            ("softmax", Domain::Choices(vec![false.to_value()])),
        ];
        burn_tune::search::Space::of(domains.map(|(name, domain)| (name.to_owned(), domain)))
    }

    fn from_params(params: &Params) -> Result<Self, ParamError> {
        let mut config = MlpConfig::default();
        for (name, value) in params.iter() {
            let param = || name.to_owned();
            match config.set(name, value) {
                Some(Ok(())) => {}
                Some(Err(error)) => return Err(ParamError::Value { param: param(), error }),
                None => return Err(ParamError::Unknown { param: param(), known: Self::NAMES }),
            }
        }
        Ok(config)
    }

    fn to_params(&self) -> Params {
        let always = [
            ("batch_size", self.batch_size.to_value()),
            ("lr", self.lr.to_value()),
            ("epochs", self.epochs.to_value()),
            ("activation", self.activation.to_value()),
            ("depth", self.depth.to_value()),
            ("hidden_size", self.hidden_size.to_value()),
            ("softmax", self.softmax.to_value()),
        ];
        let own = self.own_sizes().into_iter();
        let own = own.filter_map(|(_, name, size)| Some((name, size?.to_value())));
        always.into_iter().chain(own).map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn check_value(name: &str, value: &ParamValue) -> Result<(), ValueError> {
        MlpConfig::default().set(name, value).unwrap_or(Ok(()))
    }
}

impl MlpConfig {
    /// Sets the field called `name`, if there is one.
    fn set(&mut self, name: &str, value: &ParamValue) -> Option<Result<(), ValueError>> {
        fn read<T: ParamType>(
            field: &mut impl From<T>,
            value: &ParamValue,
        ) -> Result<(), ValueError> {
            *field = T::from_value(value)?.into();
            Ok(())
        }
        Some(match name {
            "batch_size" => read::<usize>(&mut self.batch_size, value),
            "lr" => read::<f64>(&mut self.lr, value),
            "epochs" => read::<usize>(&mut self.epochs, value),
            "activation" => read::<Activation>(&mut self.activation, value),
            "depth" => read::<usize>(&mut self.depth, value),
            "hidden_size" => read::<usize>(&mut self.hidden_size, value),
            "hidden_size_2" => read::<usize>(&mut self.hidden_size_2, value),
            "hidden_size_3" => read::<usize>(&mut self.hidden_size_3, value),
            "hidden_size_4" => read::<usize>(&mut self.hidden_size_4, value),
            "softmax" => read::<bool>(&mut self.softmax, value),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_the_tutorials_model() {
        let config = MlpConfig::default();
        assert_eq!(config.widths(784, 10), [784, 500, 10]);
        assert_eq!(config.parameters(784, 10), 784 * 500 + 500 + 500 * 10 + 10);
        assert_eq!(config.training_flops(784, 10), 4 * 784 * 500 + 6 * 500 * 10);
        assert_eq!(config.check(), Ok(()));
    }

    #[test]
    fn a_layer_may_have_a_size_of_its_own() {
        let config = MlpConfig {
            depth: 3,
            hidden_size: 100,
            hidden_size_3: Some(50),
            ..MlpConfig::default()
        };
        assert_eq!(config.widths(784, 10), [784, 100, 100, 50, 10]);
        assert_eq!(config.check(), Ok(()));
        let shallow = MlpConfig { depth: 2, ..config };
        assert_eq!(shallow.check().unwrap_err().param, "hidden_size_3");
    }

    #[test]
    fn params_are_a_config_and_back_and_what_is_left_out_has_its_default() {
        let config = MlpConfig {
            activation: Activation::LeakyRelu,
            depth: 2,
            hidden_size_2: Some(50),
            softmax: true,
            lr: 0.5,
            ..MlpConfig::default()
        };
        let params = config.to_params();
        assert!(params.iter().all(|(name, _)| MlpConfig::NAMES.contains(&name)));
        assert_eq!(MlpConfig::from_params(&params), Ok(config));
        assert_eq!(MlpConfig::from_params(&Params::default()), Ok(MlpConfig::default()));
        // What serde knows by other means, for models that are saved.
        let json = serde_json::to_value(MlpConfig::default()).unwrap();
        let names: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
        let mut known = MlpConfig::NAMES.to_vec();
        known.sort_unstable();
        assert_eq!(known, {
            let mut names = names;
            names.sort_unstable();
            names
        });
    }

    #[test]
    fn what_is_no_field_or_does_not_fit_it_is_told() {
        let problem = |name: &str, value: ParamValue| {
            let params = [(name.to_owned(), value)].into_iter().collect();
            let error = MlpConfig::from_params(&params).unwrap_err();
            format!("{error}: {}", error.help())
        };
        let unknown = problem("lrr", ParamValue::Float(0.1));
        assert!(
            unknown.starts_with("there is no parameter `lrr`: did you mean `lr`?"),
            "{unknown}"
        );
        assert_eq!(
            problem("depth", ParamValue::Float(1.5)),
            "`depth`: 1.5 is not a whole number, at least 0: allowed: a whole number, at least 0"
        );
    }

    #[test]
    fn values_without_a_training_are_refused() {
        let refused = |config: MlpConfig| config.check().unwrap_err().param;
        assert_eq!(refused(MlpConfig { lr: 0.0, ..Default::default() }), "lr");
        assert_eq!(refused(MlpConfig { lr: f64::NAN, ..Default::default() }), "lr");
        assert_eq!(refused(MlpConfig { batch_size: 0, ..Default::default() }), "batch_size");
        assert_eq!(refused(MlpConfig { epochs: 0, ..Default::default() }), "epochs");
        assert_eq!(refused(MlpConfig { hidden_size: 0, ..Default::default() }), "hidden_size");
        assert_eq!(MlpConfig { depth: 0, ..Default::default() }.check(), Ok(()));
    }
}
