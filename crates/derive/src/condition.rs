//! `when(…)` against the fields that stand before it.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Expr, Ident};

use crate::attribute::{Values, ends};
use crate::faults::together;
use crate::param::{Param, option, value_of};
use crate::{did_you_mean, literal};

/// What one parameter's existence asks of another.
pub struct Condition<'a> {
    parent: &'a Param<'a>,
    values: ParentValues,
}

/// The values of a parent for which a parameter exists.
enum ParentValues {
    List(Vec<Expr>),
    Range([Option<Box<Expr>>; 2]),
}

/// The conditions of the parameter at `index` of all `params`, checked.
pub fn conditions<'a>(params: &'a [Param<'a>], index: usize) -> Result<Vec<Condition<'a>>, Error> {
    let Some(when) = &params[index].attribute.when else { return Ok(Vec::new()) };
    let twice = when.parents.iter().enumerate().map(|(place, (field, _))| {
        let before = &when.parents[..place];
        match before.iter().any(|(known, _)| known == field) {
            true => Err(Error::new(
                field.span(),
                format!("`{field}` stands here twice: write `{field} = [a, b]`"),
            )),
            false => Ok(()),
        }
    });
    together(twice)?;
    together(when.parents.iter().map(|(field, value)| condition(params, index, field, value)))
}

fn condition<'a>(
    params: &'a [Param<'a>],
    index: usize,
    field: &Ident,
    value: &Expr,
) -> Result<Condition<'a>, Error> {
    let child = params[index].field;
    let before = &params[..index];
    let Some(parent) = before.iter().find(|param| param.field == field) else {
        let problem = no_parent(params, index, field);
        return Err(Error::new(
            field.span(),
            format!("`{child}` cannot depend on `{field}`: {problem}"),
        ));
    };
    if let (Values::Range { .. }, None, literal::Kind::Float) =
        (&parent.attribute.values, &parent.attribute.step, literal::Kind::of(parent.ty))
    {
        let problem = format!(
            "`{child}` cannot depend on `{field}`, which has no values to list: give `{field}` a list or a `step`"
        );
        return Err(Error::new(field.span(), problem));
    }
    let values = parent_values(parent, value)?;
    Ok(Condition { parent, values })
}

/// Why a parameter cannot depend on `field`, which is none of those before it.
fn no_parent(params: &[Param], index: usize, field: &Ident) -> String {
    let before: Vec<String> = params[..index].iter().map(|param| param.field.to_string()).collect();
    let before: Vec<&str> = before.iter().map(String::as_str).collect();
    if params[index].field == field {
        return "that is the field itself".to_owned();
    }
    if params[index..].iter().any(|param| param.field == field) {
        return "that stands below it; move it above".to_owned();
    }
    if before.is_empty() {
        return "a parameter may depend on those above it, and there is none".to_owned();
    }
    format!("there is no such field; {}", did_you_mean::help(&field.to_string(), &before))
}

fn parent_values(parent: &Param, value: &Expr) -> Result<ParentValues, Error> {
    let check = |value: &Expr| literal::check(&parent.name, parent.ty, value);
    match value {
        Expr::Group(group) => parent_values(parent, &group.expr),
        Expr::Array(array) if array.elems.is_empty() => {
            Err(Error::new_spanned(array, "an empty list: the parameter would never exist"))
        }
        Expr::Array(array) => {
            together(array.elems.iter().map(check))?;
            Ok(ParentValues::List(array.elems.iter().cloned().collect()))
        }
        Expr::Range(range) => {
            let ends = ends(range.clone())?;
            together(ends.iter().flatten().map(|end| check(end)))?;
            Ok(ParentValues::Range(ends))
        }
        value => {
            check(value)?;
            Ok(ParentValues::List(vec![value.clone()]))
        }
    }
}

impl Condition<'_> {
    /// The statement that adds it to `builder`, behind its parameter.
    pub fn statement(&self, private: &TokenStream, builder: &Ident) -> TokenStream {
        let Param { name, ty, .. } = self.parent;
        match &self.values {
            ParentValues::List(values) => {
                let values = values.iter().map(|value| value_of(private, ty, value));
                quote!(#builder.when(#name, #private::codec::<#ty>(), &[#(#values),*]);)
            }
            ParentValues::Range([low, high]) => {
                let (low, high) = (option(low.as_deref()), option(high.as_deref()));
                quote!(#builder.when_within::<#ty>(#name, #low, #high);)
            }
        }
    }
}
