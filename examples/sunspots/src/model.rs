//! The network: one or two recurrent layers, and a linear one that reads their last state.

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig};
use burn::nn::{Gru, GruConfig, Lstm, LstmConfig};
use burn::tensor::{Device, Tensor};

use crate::{Cell, Net};

/// Years to the value of the next one.
#[derive(Module, Debug)]
pub struct Forecaster {
    layers: Vec<Layer>,
    dropout: Dropout,
    output: Linear,
}

#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "a network has one or two of them")]
enum Layer {
    Gru(Gru),
    Lstm(Lstm),
}

impl Forecaster {
    pub fn new(net: &Net, device: &Device) -> Self {
        let inputs = |layer| if layer == 0 { 1 } else { net.hidden };
        let layers = (0..net.layers).map(|layer| Layer::new(net, inputs(layer), device));
        Forecaster {
            layers: layers.collect(),
            dropout: DropoutConfig::new(net.dropout.unwrap_or(0.0)).init(),
            output: LinearConfig::new(net.hidden, 1).init(device),
        }
    }

    /// Windows `[years, window, 1]` to forecasts `[years, 1]`.
    pub fn forward(&self, windows: Tensor<3>) -> Tensor<2> {
        let mut x = windows;
        for (number, layer) in self.layers.iter().enumerate() {
            if number > 0 {
                x = self.dropout.forward(x);
            }
            x = layer.forward(x);
        }
        let last = x.dims()[1] - 1;
        self.output.forward(x.narrow(1, last, 1).squeeze_dim(1))
    }
}

impl Layer {
    fn new(net: &Net, inputs: usize, device: &Device) -> Self {
        match net.cell {
            Cell::Gru => Layer::Gru(GruConfig::new(inputs, net.hidden, true).init(device)),
            Cell::Lstm => {
                let config = LstmConfig::new(inputs, net.hidden, true)
                    .with_input_forget(net.coupled_gates.unwrap_or(false));
                Layer::Lstm(config.init(device))
            }
        }
    }

    /// `[years, window, inputs]` to states `[years, window, hidden]`.
    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        match self {
            Layer::Gru(gru) => gru.forward(x, None),
            Layer::Lstm(lstm) => lstm.forward(x, None).0,
        }
    }
}
