//! A struct with named fields: the implementation of `Space`.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, Ident};

use crate::attribute::crate_path;
use crate::condition::{Condition, conditions};
use crate::faults::together;
use crate::param::{Param, private};

pub fn expand(input: &DeriveInput, fields: &Fields) -> Result<TokenStream, Error> {
    let krate = crate_path(&input.attrs)?;
    let named = match fields {
        Fields::Named(named) if !named.named.is_empty() => &named.named,
        Fields::Named(_) => {
            return Err(unnamed(input, "has no fields, so there is nothing to search"));
        }
        Fields::Unnamed(_) => return Err(unnamed(input, "has fields without names")),
        Fields::Unit => return Err(unnamed(input, "has no fields, so there is nothing to search")),
    };
    let params = together(named.iter().map(Param::of))?;
    check_names(&params)?;
    let conditions = together((0..params.len()).map(|index| conditions(&params, index)))?;
    let ident = &input.ident;
    let methods = [
        space(&private(&krate), &params, &conditions),
        from_params(&private(&krate), &params),
        to_params(&private(&krate), &params),
        check_value(&private(&krate), &params),
        description(&params),
    ];
    let names = params.iter().map(|param| &param.name);
    Ok(quote! {
        #[automatically_derived]
        impl #krate::Space for #ident {
            const NAMES: &'static [&'static str] = &[#(#names),*];
            #(#methods)*
        }
    })
}

/// The implementation of a struct that has faults: it is only there.
pub fn stub(input: &DeriveInput) -> TokenStream {
    let (Data::Struct(_), true, Ok(krate)) =
        (&input.data, input.generics.params.is_empty(), crate_path(&input.attrs))
    else {
        return TokenStream::new();
    };
    let (private, ident) = (private(&krate), &input.ident);
    quote! {
        #[automatically_derived]
        impl #krate::Space for #ident {
            const NAMES: &'static [&'static str] = &[];
            fn space() -> #private::search::Space {
                ::core::unreachable!()
            }
            fn from_params(
                _: &#private::search::Params,
            ) -> ::core::result::Result<Self, #private::ParamError> {
                ::core::unreachable!()
            }
            fn to_params(&self) -> #private::search::Params {
                ::core::unreachable!()
            }
            fn check_value(
                _: &str,
                _: &#private::search::ParamValue,
            ) -> ::core::result::Result<(), #private::ValueError> {
                ::core::unreachable!()
            }
        }
    }
}

fn unnamed(input: &DeriveInput, problem: &str) -> Error {
    let ident = &input.ident;
    let help = "each named field of a search space is a parameter";
    Error::new(ident.span(), format!("`{ident}` {problem}: {help}"))
}

fn check_names(params: &[Param]) -> Result<(), Error> {
    together(params.iter().enumerate().map(|(index, param)| {
        if params[..index].iter().any(|known| known.name == param.name) {
            let problem = format!("two parameters are called `{}`: rename one of them", param.name);
            return Err(param.error_at_name(problem));
        }
        Ok(())
    }))?;
    Ok(())
}

/// A name of a local variable that the user's expressions neither see nor hide. The compiler takes care of that
/// but for constants, which are not called so.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

fn space(private: &TokenStream, params: &[Param], conditions: &[Vec<Condition>]) -> TokenStream {
    let builder = local("__builder");
    let statements = params.iter().zip(conditions).map(|(param, conditions)| {
        let (name, domain) = (&param.name, param.domain(private));
        let conditions = conditions.iter().map(|condition| condition.statement(private, &builder));
        quote!(#builder.param(#name, #domain); #(#conditions)*)
    });
    quote! {
        fn space() -> #private::search::Space {
            let mut #builder = #private::SpaceBuilder::new();
            #(#statements)*
            #builder.finish()
        }
    }
}

fn from_params(private: &TokenStream, params: &[Param]) -> TokenStream {
    let (reader, given) = (local("__reader"), local("__params"));
    let fields = params.iter().map(|Param { field, name, ty, is_option, .. }| match is_option {
        true => quote!(#field: #reader.optional(#name, #private::codec::<#ty>())?),
        false => quote!(#field: #reader.required(#name, #private::codec::<#ty>())?),
    });
    quote! {
        fn from_params(
            #given: &#private::search::Params,
        ) -> ::core::result::Result<Self, #private::ParamError> {
            static SPACE: #private::OnceLock<#private::search::Space> = #private::OnceLock::new();
            let #reader = #private::Reader::new::<Self>(#given, #private::space_in::<Self>(&SPACE))?;
            ::core::result::Result::Ok(Self { #(#fields),* })
        }
    }
}

fn to_params(private: &TokenStream, params: &[Param]) -> TokenStream {
    let values = params.iter().map(|Param { field, name, ty, is_option, .. }| match is_option {
        true => quote!((#name, #private::optional_value(#private::codec::<#ty>(), &self.#field))),
        false => quote!((#name, #private::value(#private::codec::<#ty>(), &self.#field))),
    });
    quote! {
        fn to_params(&self) -> #private::search::Params {
            #private::params([#(#values),*])
        }
    }
}

fn check_value(private: &TokenStream, params: &[Param]) -> TokenStream {
    let (name, value) = (local("__name"), local("__value"));
    let arms = params.iter().map(
        |Param { name, ty, .. }| quote!(#name => #private::check(#private::codec::<#ty>(), #value)),
    );
    quote! {
        fn check_value(
            #name: &str,
            #value: &#private::search::ParamValue,
        ) -> ::core::result::Result<(), #private::ValueError> {
            match #name {
                #(#arms,)*
                _ => ::core::result::Result::Ok(()),
            }
        }
    }
}

/// Only where a field has a doc comment: else the default of the trait says the same.
fn description(params: &[Param]) -> TokenStream {
    let described = params.iter().filter_map(|param| Some((&param.name, param.doc.as_ref()?)));
    let arms: Vec<TokenStream> =
        described.map(|(name, doc)| quote!(#name => ::core::option::Option::Some(#doc))).collect();
    if arms.is_empty() {
        return TokenStream::new();
    }
    let name = local("__name");
    quote! {
        fn description(#name: &str) -> ::core::option::Option<&'static str> {
            match #name {
                #(#arms,)*
                _ => ::core::option::Option::None,
            }
        }
    }
}
