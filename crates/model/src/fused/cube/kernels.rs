//! The kernels of a bank, one cube of units for a part of one lane: what a lane gets depends on its own rows of the
//! table and on its own numbers, so not on how many lanes there are, nor on which.
//!
//! Matrices are rows of quads, four numbers that are loaded at once. A row is padded to whole quads with zeros, and they
//! stay zero.

pub(super) mod activation;
pub(super) mod adam;
pub(super) mod loss;
pub(super) mod norm;
pub(super) mod product;
pub(super) mod tile;

use cubecl::prelude::*;

/// Four numbers beside each other in a row.
pub(super) type Quad = Vector<f32, Const<4>>;

/// How many numbers a quad is.
pub(super) const QUAD: usize = 4;
