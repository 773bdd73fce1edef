//! An enum whose variants have no fields: the implementations of `ParamType` and `Choices`.

use heck::ToSnakeCase;
use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{DataEnum, DeriveInput, Error, Ident, Variant};

use crate::attribute::{crate_path, variant_name};
use crate::faults::together;
use crate::param::private;

pub fn expand(input: &DeriveInput, data: &DataEnum) -> Result<TokenStream, Error> {
    let krate = crate_path(&input.attrs)?;
    let private = private(&krate);
    let ident = &input.ident;
    if data.variants.is_empty() {
        return Err(Error::new(ident.span(), format!("`{ident}` has no variants to choose from")));
    }
    let variants = together(data.variants.iter().map(named))?;
    check_names(&variants)?;
    let (idents, names): (Vec<&Ident>, Vec<String>) = variants.into_iter().unzip();
    let names_const = quote!(const NAMES: &[&'static str] = &[#(#names),*];);
    Ok(quote! {
        #[automatically_derived]
        impl #krate::ParamType for #ident {
            fn from_value(
                value: &#private::search::ParamValue,
            ) -> ::core::result::Result<Self, #private::ValueError> {
                #names_const
                #private::variant(value, NAMES, [#(Self::#idents),*])
            }

            fn to_value(&self) -> #private::search::ParamValue {
                #private::name(match self { #(Self::#idents => #names),* })
            }
        }

        #[automatically_derived]
        impl #krate::Choices for #ident {
            fn choices() -> #private::Vec<#private::search::ParamValue> {
                #names_const
                #private::names(NAMES)
            }
        }
    })
}

/// A variant and what it is called.
fn named(variant: &Variant) -> Result<(&Ident, String), Error> {
    let ident = &variant.ident;
    if !variant.fields.is_empty() {
        let problem = format!("`{ident}` has fields, and a choice is a name alone");
        return Err(Error::new_spanned(&variant.fields, problem));
    }
    let stated = variant_name(&variant.attrs)?.map(|name| name.value());
    Ok((ident, stated.unwrap_or_else(|| ident.unraw().to_string().to_snake_case())))
}

fn check_names(variants: &[(&Ident, String)]) -> Result<(), Error> {
    together(variants.iter().enumerate().map(|(index, (ident, name))| {
        match variants[..index].iter().any(|(_, known)| known == name) {
            true => {
                let problem = format!("two variants are called `{name}`: add `#[space(\"…\")]`");
                Err(Error::new(ident.span(), problem))
            }
            false => Ok(()),
        }
    }))?;
    Ok(())
}
