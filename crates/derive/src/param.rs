//! A field as the parameter that it is: what its type and attribute say together, checked.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::{Error, Expr, Field, GenericArgument, Ident, Path, PathArguments, Type};

use crate::attribute::{FieldAttribute, Values, doc_comment};
use crate::faults::together;
use crate::literal::{self, Kind, Literal, text_of};

/// What an explicit trial has besides parameters: no parameter is called so.
const TRIAL_KEYS: [&str; 2] = ["name", "reported"];

/// A parameter of the space.
pub struct Param<'a> {
    /// The field that holds its value.
    pub field: &'a Ident,
    /// What it is called in files and tables.
    pub name: String,
    /// The type of its value: of an `Option`, what is in it.
    pub ty: &'a Type,
    /// Whether the field is an `Option`, for a parameter that exists only sometimes.
    pub is_option: bool,
    pub attribute: FieldAttribute,
    pub doc: Option<String>,
}

impl<'a> Param<'a> {
    pub fn of(field: &'a Field) -> Result<Self, Error> {
        let ident = field.ident.as_ref().expect("fields with names are asked for before");
        let Some(attribute) = FieldAttribute::of(&field.attrs)? else {
            let problem = format!(
                "`{ident}` has no `#[space(…)]`: each field is a parameter; one that is always the same is `#[space(10)]`"
            );
            return Err(Error::new(ident.span(), problem));
        };
        let (ty, is_option) = in_option(&field.ty).map_or((&field.ty, false), |ty| (ty, true));
        let rename = attribute.rename.as_ref();
        let name = rename.map_or_else(|| ident.unraw().to_string(), syn::LitStr::value);
        let doc = doc_comment(&field.attrs);
        let param = Param { field: ident, name, ty, is_option, attribute, doc };
        together([param.check_name(), param.check_option(&field.ty), param.check_values()])?;
        Ok(param)
    }

    /// An error at the name of the parameter.
    pub fn error_at_name(&self, problem: String) -> Error {
        let rename = self.attribute.rename.as_ref();
        Error::new(rename.map_or(self.field.span(), syn::LitStr::span), problem)
    }

    fn check_name(&self) -> Result<(), Error> {
        let name = &self.name;
        if name.is_empty() {
            return Err(self.error_at_name("a parameter needs a name".to_owned()));
        }
        if TRIAL_KEYS.contains(&name.as_str()) {
            let problem = format!(
                "`{name}` cannot be the name of a parameter, since explicit trials have a `{name}` of their own: add `rename = \"…\"`"
            );
            return Err(self.error_at_name(problem));
        }
        Ok(())
    }

    fn check_option(&self, ty: &Type) -> Result<(), Error> {
        let field = self.field;
        match (&self.attribute.when, self.is_option) {
            (None, true) => {
                let problem = format!(
                    "`{field}` is an `Option`: say when it exists, as in `when(optimizer = Optimizer::Sgd)`"
                );
                Err(Error::new_spanned(ty, problem))
            }
            (Some(_), false) => {
                let ty_text = text_of(ty);
                let problem = format!(
                    "`{field}` has a `when`, so it does not always exist: make it an `Option<{ty_text}>`"
                );
                Err(Error::new_spanned(ty, problem))
            }
            _ => Ok(()),
        }
    }

    fn check_values(&self) -> Result<(), Error> {
        let FieldAttribute { values, log, step, .. } = &self.attribute;
        if !matches!(values, Values::Range { .. })
            && let Some(key) = log.as_ref().or(step.as_ref().map(|(key, _)| key))
        {
            let value = if key == "step" { " = …" } else { "" };
            let problem =
                format!("`{key}` belongs to a range: `#[space(low..=high, {key}{value})]`");
            return Err(Error::new(key.span(), problem));
        }
        match values {
            Values::OfType => self.check_bare(),
            Values::Fixed(value) => literal::check(&self.name, self.ty, value),
            Values::List { items, whole } => self.check_list(items, whole),
            Values::Range { low, high, whole } => self.check_range(low, high, whole),
        }
    }

    fn check_bare(&self) -> Result<(), Error> {
        let example = match Kind::of(self.ty) {
            Kind::Bool | Kind::Unknown => return Ok(()),
            Kind::Int => "`#[space(1..=8)]` or `#[space([1, 2, 4])]`",
            Kind::Float => "`#[space(0.0..=1.0)]` or `#[space([0.1, 0.5])]`",
            Kind::Text => "`#[space([\"sgd\", \"adam\"])]`",
        };
        let problem = format!("say what `{}` may be, such as {example}", self.field);
        Err(Error::new(self.attribute.span, problem))
    }

    fn check_list(&self, items: &[Expr], whole: &Expr) -> Result<(), Error> {
        let name = &self.name;
        if items.is_empty() {
            let problem = format!("the list of `{name}` is empty: write at least one value");
            return Err(Error::new_spanned(whole, problem));
        }
        let mut known = Vec::new();
        together(items.iter().map(|item| {
            literal::check(name, self.ty, item)?;
            let Some(literal) = Literal::of(item) else { return Ok(()) };
            if known.contains(&literal) {
                let problem = format!("`{name}` lists this twice");
                return Err(Error::new_spanned(item, problem));
            }
            known.push(literal);
            Ok(())
        }))?;
        Ok(())
    }

    fn check_range(&self, low: &Expr, high: &Expr, whole: &Expr) -> Result<(), Error> {
        let name = &self.name;
        if let Kind::Bool | Kind::Text = Kind::of(self.ty) {
            let ty = text_of(self.ty);
            let problem = format!("a range is one of numbers, and `{name}` is of type `{ty}`");
            return Err(Error::new_spanned(whole, problem));
        }
        let step = self.attribute.step.as_ref().map(|(_, step)| step);
        let numbers = [low, high].into_iter().chain(step);
        together(numbers.map(|number| literal::check(name, self.ty, number)))?;
        together([low, high].map(|end| literal::check_end(name, end)))?;
        self.check_step()?;
        let (low_value, high_value) = (Literal::of(low), Literal::of(high));
        if let (Some(low), Some(high)) = (&low_value, &high_value)
            && low.is_above(high)
        {
            let problem =
                format!("the range of `{name}` is empty: its low end is above its high one");
            return Err(Error::new_spanned(whole, problem));
        }
        if self.attribute.log.is_some()
            && low_value.and_then(|low| low.is_positive()) == Some(false)
        {
            let problem =
                format!("the range of `{name}` is logarithmic, so it has to begin above 0");
            return Err(Error::new_spanned(low, problem));
        }
        Ok(())
    }

    fn check_step(&self) -> Result<(), Error> {
        let FieldAttribute { log, step: Some((key, step)), .. } = &self.attribute else {
            return Ok(());
        };
        let name = &self.name;
        if log.is_some() {
            let problem = format!(
                "`{name}` has both `log` and `step`: take one of them out, or list the values"
            );
            return Err(Error::new(key.span(), problem));
        }
        match Literal::of(step).and_then(|step| step.is_positive()) {
            Some(false) => {
                let problem = format!("the step of `{name}` has to be above 0");
                Err(Error::new_spanned(step, problem))
            }
            _ => Ok(()),
        }
    }

    /// The expression that makes its domain; `private` is the module that generated code calls.
    pub fn domain(&self, private: &TokenStream) -> TokenStream {
        let ty = self.ty;
        let FieldAttribute { values, log, step, .. } = &self.attribute;
        match values {
            Values::OfType => quote!(#private::choices::<#ty>()),
            Values::Fixed(value) => {
                let value = value_of(private, ty, value);
                quote!(#private::list(#private::codec::<#ty>(), &[#value]))
            }
            Values::List { items, .. } => {
                let items = items.iter().map(|item| value_of(private, ty, item));
                quote!(#private::list(#private::codec::<#ty>(), &[#(#items),*]))
            }
            Values::Range { low, high, .. } => {
                let step = option(step.as_ref().map(|(_, step)| step));
                let log = log.is_some();
                // One call for each end, so that one of another type is marked itself.
                let [low, high] = [low, high].map(|end| quote!(#private::typed::<#ty>(#end)));
                quote!(#private::range::<#ty>(#low, #high, #step, #log))
            }
        }
    }
}

/// An expression of type `ty`: a string literal stands for a `String`, too.
pub fn value_of(private: &TokenStream, ty: &Type, expr: &Expr) -> TokenStream {
    match Literal::of(expr) {
        Some(Literal::Text(_)) => quote!(#private::text::<#ty>(#expr)),
        _ => expr.to_token_stream(),
    }
}

/// `Some(…)` or `None`, by names that nothing in the user's module hides.
pub fn option(value: Option<&Expr>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}

/// What is in an `Option`, by whichever of its names.
fn in_option(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let names: Vec<String> = path.path.segments.iter().map(|part| part.ident.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if !matches!(names[..], ["Option"] | ["std" | "core", "option", "Option"]) {
        return None;
    }
    let PathArguments::AngleBracketed(arguments) = &path.path.segments.last()?.arguments else {
        return None;
    };
    match arguments.args.first()? {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    }
}

/// The module that generated code calls, below the path of `burn_tune`.
pub fn private(krate: &Path) -> TokenStream {
    quote!(#krate::__private)
}
