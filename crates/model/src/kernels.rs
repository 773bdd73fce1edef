//! Vectorised passes over slices of `f32` in this process's memory: a layer, the loss, Adam.
//!
//! The compiler vectorises each loop for the processor that runs it ([`Arch::dispatch`](pulp::Arch::dispatch)). All
//! processors compute the same bits: no sum depends on how wide a vector is or how large a cache, nothing is fused but
//! the multiply-add of [`product`], and no elementary function is the system's.

pub mod activation;
pub mod adam;
mod elementary;
pub mod panel_products;
pub mod panels;
pub mod product;
pub mod softmax;
pub mod sums;
