//! `#[derive(Space)]`: a user's struct is its search space, and an enum is a parameter's choices.
//!
//! What can be known from the text alone is checked here, and told at the token that is wrong. The rest, such as
//! the values of constants, is checked when the space is made. Use it through the crate `burn-tune`, which has
//! the traits that this implements.

mod attribute;
mod condition;
mod did_you_mean;
mod enumeration;
mod faults;
mod literal;
mod param;
mod structure;

use proc_macro2::TokenStream;
use syn::{Data, DeriveInput, Error, parse_macro_input};

/// Makes a struct a search space, or an enum the choices of a parameter.
///
/// On a struct with named fields it implements `burn_tune::Space`. Each field is a parameter, and says with
/// `#[space(…)]` what it may be:
///
/// | Written | Meaning |
/// |---|---|
/// | `#[space(1e-4..=1e-1)]` | a number of this range, both ends included |
/// | `#[space(1e-4..=1e-1, log)]` | the same, each factor as likely as any other |
/// | `#[space(64..=1024, step = 64)]` | one of 64, 128, … 1024 |
/// | `#[space([32, 64, 128])]` | one of these |
/// | `#[space(10)]` | always this |
/// | `#[space]` | one of the variants of an enum, or `false` or `true` |
/// | `#[space(0.0..=0.5, when(act = Act::Relu))]` | a parameter that exists only where `act` is this; its type is an `Option` |
/// | `#[space(0.0..=0.5, when(depth = [2, 3], bias = true))]` | … only where all of it holds |
/// | `#[space(0.0..=0.5, when(depth = 2..))]` | … only where `depth` is at least 2 |
/// | `#[space([1, 2], rename = "n_layers")]` | a parameter that is not called as its field |
///
/// Values and ends of ranges are any expressions of the field's type, such as constants. A field may be of the
/// types `f64`, `f32`, `bool`, `String`, `&'static str`, of any integer type, of an enum that derives `Space`, or
/// of a type for which you implement `burn_tune::ParamType`. Its doc comment describes the parameter.
///
/// On an enum whose variants have no fields it implements `burn_tune::ParamType` and `burn_tune::Choices`. A
/// variant is called as it is in snake case, unless `#[space("…")]` says otherwise.
///
/// `#[space(crate = "path")]` on struct or enum says where `burn_tune` is, for crates that re-export it.
///
/// # Errors
///
/// Whatever of it cannot be: among others a field without `#[space]`, values of another type than the field's,
/// an empty range, a logarithmic range that begins at or below 0, a condition on what stands behind, and structs
/// that are generic or have no names for their fields.
#[proc_macro_derive(Space, attributes(space))]
pub fn derive_space(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let expanded = expand(&input).unwrap_or_else(|error| {
        // With it, nothing else complains that the struct is no search space.
        let (error, stub) = (error.into_compile_error(), structure::stub(&input));
        quote::quote!(#error #stub)
    });
    expanded.into()
}

fn expand(input: &DeriveInput) -> Result<TokenStream, Error> {
    if !input.generics.params.is_empty() {
        let problem = "a search space has no generics and no lifetimes: write the types out";
        return Err(Error::new_spanned(&input.generics, problem));
    }
    match &input.data {
        Data::Struct(data) => structure::expand(input, &data.fields),
        Data::Enum(data) => enumeration::expand(input, data),
        Data::Union(data) => {
            let problem = "a union cannot be a search space: write a struct with named fields";
            Err(Error::new_spanned(data.union_token, problem))
        }
    }
}
