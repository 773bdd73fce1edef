//! `#[space(…)]` as it is written: on a struct or enum, on a field, on a variant.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{
    Attribute, Error, Expr, ExprRange, Ident, LitStr, Meta, Path, RangeLimits, Token,
    parenthesized, token,
};

use crate::did_you_mean;

/// What a field's attribute may have behind its values.
const KEYS: [&str; 4] = ["log", "step", "when", "rename"];

/// What a field's attribute says.
pub struct FieldAttribute {
    /// The attribute itself, for errors that concern all of it.
    pub span: Span,
    pub values: Values,
    pub log: Option<Ident>,
    pub step: Option<(Ident, Expr)>,
    pub when: Option<When>,
    pub rename: Option<LitStr>,
}

/// What a parameter may be.
pub enum Values {
    /// Whatever its type has: `#[space]`.
    OfType,
    Range {
        low: Box<Expr>,
        high: Box<Expr>,
        whole: Box<Expr>,
    },
    List {
        items: Vec<Expr>,
        whole: Box<Expr>,
    },
    Fixed(Expr),
}

/// `when(…)`: what has to hold for a parameter to exist.
pub struct When {
    /// For each field that it depends on, what this has to be: a value, a list or a range.
    pub parents: Vec<(Ident, Expr)>,
}

/// Of `attributes` the one that is ours.
fn only(attributes: &[Attribute]) -> Result<Option<&Attribute>, Error> {
    let mut ours = attributes.iter().filter(|attribute| attribute.path().is_ident("space"));
    let first = ours.next();
    match ours.next() {
        Some(second) => Err(Error::new_spanned(second, "write one `#[space(…)]`, with all of it")),
        None => Ok(first),
    }
}

impl FieldAttribute {
    /// The attribute of a field; `None` where it has none.
    pub fn of(attributes: &[Attribute]) -> Result<Option<Self>, Error> {
        let Some(attribute) = only(attributes)? else { return Ok(None) };
        let span = attribute.path().segments[0].ident.span();
        match &attribute.meta {
            Meta::Path(_) => Ok(Some(Self::bare(span))),
            Meta::List(list) => {
                list.parse_args_with(|input: ParseStream| parse(span, input)).map(Some)
            }
            Meta::NameValue(meta) => {
                Err(Error::new_spanned(meta, "write what it may be in parentheses: `#[space(…)]`"))
            }
        }
    }

    fn bare(span: Span) -> Self {
        let values = Values::OfType;
        FieldAttribute { span, values, log: None, step: None, when: None, rename: None }
    }
}

fn parse(span: Span, input: ParseStream) -> Result<FieldAttribute, Error> {
    let mut attribute = FieldAttribute::bare(span);
    if !input.is_empty() && !is_key(input) {
        attribute.values = parse_values(input.parse()?)?;
        parse_comma(input)?;
    }
    while !input.is_empty() {
        parse_key(&mut attribute, input)?;
        parse_comma(input)?;
    }
    Ok(attribute)
}

fn parse_comma(input: ParseStream) -> Result<(), Error> {
    if !input.is_empty() {
        input.parse::<Token![,]>()?;
    }
    Ok(())
}

/// Whether a key comes next, known or not, as against an expression that begins with a name.
fn is_key(input: ParseStream) -> bool {
    let fork = input.fork();
    let Ok(ident) = Ident::parse_any(&fork) else { return false };
    let ends = fork.is_empty() || fork.peek(Token![,]);
    let assigns = fork.peek(Token![=]) && !fork.peek(Token![==]);
    assigns || KEYS.contains(&ident.to_string().as_str()) && (ends || fork.peek(token::Paren))
}

fn parse_values(expr: Expr) -> Result<Values, Error> {
    match expr {
        Expr::Group(group) => parse_values(*group.expr),
        Expr::Array(array) => {
            let whole = Box::new(Expr::Array(array.clone()));
            Ok(Values::List { items: array.elems.into_iter().collect(), whole })
        }
        Expr::Range(range) => {
            let whole = Box::new(Expr::Range(range.clone()));
            match ends(range)? {
                [Some(low), Some(high)] => Ok(Values::Range { low, high, whole }),
                _ => Err(Error::new_spanned(whole, "a range needs both ends: `low..=high`")),
            }
        }
        fixed => Ok(Values::Fixed(fixed)),
    }
}

/// Both ends of a range, where it has them.
pub fn ends(range: ExprRange) -> Result<[Option<Box<Expr>>; 2], Error> {
    let ExprRange { start, limits, end, .. } = range;
    if let (RangeLimits::HalfOpen(dots), Some(_)) = (&limits, &end) {
        let problem = "both ends of a range are included: write `..=`";
        return Err(Error::new_spanned(dots, problem));
    }
    Ok([start, end])
}

fn parse_key(attribute: &mut FieldAttribute, input: ParseStream) -> Result<(), Error> {
    let Ok(key) = input.call(Ident::parse_any) else {
        let problem = "a list of values stands in brackets: `#[space([32, 64])]`; behind the values stand `log`, `step = …`, `when(…)` and `rename = \"…\"`";
        return Err(input.error(problem));
    };
    let is_set = match key.to_string().as_str() {
        "log" => attribute.log.replace(key.clone()).is_some(),
        "step" => {
            input.parse::<Token![=]>()?;
            attribute.step.replace((key.clone(), input.parse()?)).is_some()
        }
        "when" => attribute.when.replace(parse_when(&key, input)?).is_some(),
        "rename" => {
            input.parse::<Token![=]>()?;
            attribute.rename.replace(input.parse()?).is_some()
        }
        unknown => {
            let help = match unknown {
                "low" | "high" | "min" | "max" => "write a range as `low..=high`".to_owned(),
                "values" | "choices" => "write a list as `[a, b]`".to_owned(),
                _ => did_you_mean::help(unknown, &KEYS),
            };
            let problem = format!("`{unknown}` is no key of `#[space]`: {help}");
            return Err(Error::new(key.span(), problem));
        }
    };
    if is_set {
        return Err(Error::new(key.span(), format!("`{key}` stands here twice")));
    }
    Ok(())
}

fn parse_when(key: &Ident, input: ParseStream) -> Result<When, Error> {
    let example = "write what has to hold: `when(field = value)`";
    if !input.peek(token::Paren) {
        return Err(Error::new(key.span(), example));
    }
    let content;
    parenthesized!(content in input);
    let parents = Punctuated::<Parent, Token![,]>::parse_terminated(&content)?;
    if parents.is_empty() {
        return Err(Error::new(key.span(), example));
    }
    Ok(When { parents: parents.into_iter().map(|Parent(field, value)| (field, value)).collect() })
}

/// `field = value`.
struct Parent(Ident, Expr);

impl Parse for Parent {
    fn parse(input: ParseStream) -> Result<Self, Error> {
        let field = input.call(Ident::parse_any)?;
        if input.peek(Token![==]) {
            return Err(input.error("write one `=`, as in `when(field = value)`"));
        }
        input.parse::<Token![=]>()?;
        Ok(Parent(field, input.parse()?))
    }
}

/// Where `burn_tune` is: `#[space(crate = "path")]` on the type, or `::burn_tune`.
pub fn crate_path(attributes: &[Attribute]) -> Result<Path, Error> {
    let Some(attribute) = only(attributes)? else { return Ok(syn::parse_quote!(::burn_tune)) };
    let parser = |input: ParseStream| {
        let key = input.call(Ident::parse_any)?;
        if key != "crate" {
            let help = did_you_mean::help(&key.to_string(), &["crate"]);
            let problem = format!("`{key}` is no key of `#[space]` here: {help}");
            return Err(Error::new(key.span(), problem));
        }
        input.parse::<Token![=]>()?;
        input.parse::<LitStr>()?.parse_with(Path::parse_mod_style)
    };
    match &attribute.meta {
        Meta::List(list) => parser.parse2(list.tokens.clone()),
        other => Err(Error::new_spanned(other, "allowed here: `#[space(crate = \"path\")]`")),
    }
}

/// What a variant is called, where its attribute says so.
pub fn variant_name(attributes: &[Attribute]) -> Result<Option<LitStr>, Error> {
    let Some(attribute) = only(attributes)? else { return Ok(None) };
    let name = match &attribute.meta {
        Meta::List(list) => list.parse_args::<LitStr>().ok(),
        _ => None,
    };
    let problem = "write what the variant is called: `#[space(\"name\")]`";
    name.map(Some).ok_or_else(|| Error::new_spanned(attribute, problem))
}

/// The text of the doc comment, its lines without the space that they begin with.
pub fn doc_comment(attributes: &[Attribute]) -> Option<String> {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    });
    let lines: Vec<String> = lines.map(|line| line.trim().to_owned()).collect();
    let text = lines.join("\n").trim().to_owned();
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a field's attribute says, in short.
    fn parsed(text: &str) -> String {
        let tokens = text.parse().unwrap();
        let attribute =
            Parser::parse2(|input: ParseStream| parse(Span::call_site(), input), tokens);
        let attribute = attribute.map_err(|error| error.to_string());
        let Ok(FieldAttribute { values, log, step, when, rename, .. }) = attribute else {
            return "wrong".to_owned();
        };
        let values = match values {
            Values::OfType => "bare",
            Values::Range { .. } => "range",
            Values::List { .. } => "list",
            Values::Fixed(_) => "fixed",
        };
        let keys = [log.is_some(), step.is_some(), when.is_some(), rename.is_some()];
        let keys = KEYS.into_iter().zip(keys).filter(|(_, is_set)| *is_set);
        keys.fold(values.to_owned(), |text, (key, _)| text + " " + key)
    }

    #[test]
    fn values_stand_first_and_keys_in_any_order() {
        assert_eq!(parsed(""), "bare");
        assert_eq!(parsed("log"), "bare log");
        assert_eq!(parsed("1..=2, rename = \"a\", log,"), "range log rename");
        assert_eq!(parsed("when(a = 1), rename = \"b\""), "bare when rename");
        assert_eq!(parsed("[1, 2], when(a = 1..=2, b = [3])"), "list when");
        assert_eq!(parsed("1..=2 step = 2"), "wrong");
    }

    #[test]
    fn an_expression_that_begins_with_a_name_is_a_value() {
        assert_eq!(parsed("EPOCHS"), "fixed");
        assert_eq!(parsed("LOW..=m::HIGH, step = STEP"), "range step");
        assert_eq!(parsed("log == 2"), "fixed");
        assert_eq!(parsed("epochs(3)"), "fixed");
        assert_eq!(parsed("steps = 3"), "wrong");
    }

    #[test]
    fn the_lines_of_a_doc_comment_are_one_text() {
        let field: syn::ItemStruct = syn::parse_quote! {
            /// One line,
            ///   and another.
            #[space(1)]
            struct A;
        };
        assert_eq!(doc_comment(&field.attrs).as_deref(), Some("One line,\nand another."));
        assert_eq!(doc_comment(&[]), None);
    }
}
