//! The spaces that the tests have: that of the README, and that of `search-spaces/mlp.toml`.

use burn_tune::Space;

#[derive(Space, Debug, PartialEq)]
pub struct Net {
    /// The learning rate
    /// of Adam.
    #[space(1e-4..=1e-1, log)]
    pub lr: f64,
    #[space(64..=1024, step = 64)]
    pub hidden: usize,
    #[space([32, 64, 128])]
    pub batch: usize,
    #[space]
    pub activation: Act,
    #[space(0.0..=0.5, when(activation = Act::Relu))]
    pub dropout: Option<f64>,
    #[space(10)]
    pub epochs: usize,
}

#[derive(Space, Clone, Copy, Debug, PartialEq)]
pub enum Act {
    Relu,
    Gelu,
    #[space("leaky_relu")]
    LeakyRelu,
}

pub const NET_TOML: &str = r#"
[space]
lr = { low = 1e-4, high = 1e-1, log = true }
hidden = { low = 64, high = 1024, step = 64 }
batch = [32, 64, 128]
activation = ["relu", "gelu", "leaky_relu"]
dropout = { low = 0.0, high = 0.5, when = { activation = "relu" } }
epochs = 10
"#;

#[derive(Space, Debug, PartialEq)]
pub struct Mlp {
    #[space([100, 200, 300, 600])]
    pub batch_size: usize,
    #[space(1e-4..=3e-2, log)]
    pub lr: f64,
    #[space([3, 5, 7])]
    pub epochs: usize,
    #[space]
    pub activation: Activation,
    #[space([1, 2, 3])]
    pub depth: usize,
    #[space(100..=800, step = 100)]
    pub hidden_size: usize,
}

#[derive(Space, Debug, PartialEq)]
pub enum Activation {
    Relu,
    LeakyRelu,
    Sigmoid,
    Tanh,
    Gelu,
    Silu,
}

const LOW: u8 = 1;
const HIGH: u8 = 4;
const RATES: [f32; 2] = [0.1, 0.25];

/// All that a field may be, at once.
#[derive(Space, Debug, PartialEq)]
pub struct All {
    #[space(LOW..=HIGH)]
    pub depth: u8,
    #[space([64, 128], when(depth = 2..))]
    pub width_2: Option<u32>,
    #[space([64, 128], when(depth = 3..=3))]
    pub width_3: Option<u32>,
    #[space(["sgd", "adam"])]
    pub optimizer: String,
    #[space([0.0, RATES[1] * 2.0, 0.9], when(optimizer = "sgd"))]
    pub momentum: std::option::Option<f32>,
    #[space(when(momentum = [0.5, 0.9], depth = [1, 2]))]
    pub nesterov: Option<bool>,
    #[space(["constant", "cosine"])]
    pub schedule: &'static str,
    #[space(RATES[0]..=0.5, step = 0.1)]
    pub smoothing: f32,
    #[space(-5..=-1)]
    pub offset: i64,
    #[space(1..=1_000_000, log, rename = "max_steps")]
    pub steps: u64,
    #[space]
    pub r#loop: bool,
    #[space(true)]
    pub shuffle: bool,
    #[space(Act::Gelu)]
    pub act: Act,
}

pub const ALL_TOML: &str = r#"
[space]
depth = { low = 1, high = 4 }
width_2 = { values = [64, 128], when = { depth = { low = 2 } } }
width_3 = { values = [64, 128], when = { depth = { low = 3, high = 3 } } }
optimizer = ["sgd", "adam"]
momentum = { values = [0.0, 0.5, 0.9], when = { optimizer = "sgd" } }
nesterov = { values = [false, true], when = { momentum = [0.5, 0.9], depth = [1, 2] } }
schedule = ["constant", "cosine"]
smoothing = { low = 0.1, high = 0.5, step = 0.1 }
offset = { low = -5, high = -1 }
max_steps = { low = 1, high = 1_000_000, log = true }
loop = [false, true]
shuffle = true
act = "gelu"
"#;
