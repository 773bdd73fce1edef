//! What literals and the names of types say before the compiler knows any type.

use quote::ToTokens;
use syn::{Error, Expr, ExprLit, ExprUnary, Lit, Type, TypePath, UnOp};

/// Whole numbers beyond this are not all floats, which is what the databases of studies hold.
const LARGEST_INT: i128 = 1 << 53;

/// What kind of value a type holds, as far as its name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Bool,
    Int,
    Float,
    Text,
    /// An enum, or an alias of anything.
    Unknown,
}

/// A value that stands in the text.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    /// A character, bytes: no value of a parameter.
    Other,
}

impl Kind {
    pub fn of(ty: &Type) -> Self {
        match ty {
            Type::Path(path) if path.qself.is_none() => Self::of_path(path),
            Type::Reference(reference) => match &*reference.elem {
                Type::Path(path) if path.path.is_ident("str") => Kind::Text,
                _ => Kind::Unknown,
            },
            _ => Kind::Unknown,
        }
    }

    fn of_path(path: &TypePath) -> Self {
        let Some(ident) = path.path.get_ident() else { return Kind::Unknown };
        match ident.to_string().as_str() {
            "bool" => Kind::Bool,
            "f32" | "f64" => Kind::Float,
            "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => Kind::Int,
            "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => Kind::Int,
            "String" => Kind::Text,
            _ => Kind::Unknown,
        }
    }
}

impl Literal {
    /// The value of an expression that is a literal, with a sign or without.
    pub fn of(expr: &Expr) -> Option<Self> {
        match expr {
            Expr::Group(group) => Self::of(&group.expr),
            Expr::Paren(paren) => Self::of(&paren.expr),
            Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => match Self::of(expr)? {
                Literal::Int(int) => Some(Literal::Int(-int)),
                Literal::Float(float) => Some(Literal::Float(-float)),
                _ => None,
            },
            Expr::Lit(ExprLit { lit, .. }) => Some(match lit {
                Lit::Bool(bool) => Literal::Bool(bool.value),
                Lit::Int(int) if matches!(int.suffix(), "f32" | "f64") => {
                    Literal::Float(int.base10_digits().parse().ok()?)
                }
                Lit::Int(int) => Literal::Int(int.base10_parse().ok()?),
                Lit::Float(float) => Literal::Float(float.base10_digits().parse().ok()?),
                Lit::Str(text) => Literal::Text(text.value()),
                _ => Literal::Other,
            }),
            _ => None,
        }
    }

    fn kind(&self) -> Option<Kind> {
        match self {
            Literal::Bool(_) => Some(Kind::Bool),
            Literal::Int(_) => Some(Kind::Int),
            Literal::Float(_) => Some(Kind::Float),
            Literal::Text(_) => Some(Kind::Text),
            Literal::Other => None,
        }
    }

    /// Whether it is a number above 0; `None` for what is none.
    pub fn is_positive(&self) -> Option<bool> {
        match self {
            Literal::Int(int) => Some(*int > 0),
            Literal::Float(float) => Some(*float > 0.0),
            _ => None,
        }
    }

    /// Whether this is a number above another of its kind.
    pub fn is_above(&self, other: &Self) -> bool {
        match (self, other) {
            (Literal::Int(a), Literal::Int(b)) => a > b,
            (Literal::Float(a), Literal::Float(b)) => a > b,
            _ => false,
        }
    }
}

/// Refuses a literal that is no value of a field called `name`. What is no literal is for the compiler to check.
pub fn check(name: &str, ty: &Type, expr: &Expr) -> Result<(), Error> {
    let kind = Kind::of(ty);
    let Some(literal) = Literal::of(expr).filter(|_| kind != Kind::Unknown) else { return Ok(()) };
    if literal.kind() != Some(kind) {
        let help = match (kind, &literal) {
            (Kind::Float, Literal::Int(int)) => format!("write `{int}.0`"),
            (Kind::Float, _) => "write a number with a decimal point".to_owned(),
            (Kind::Int, Literal::Float(float)) if float.fract() == 0.0 && float.abs() < 1e15 => {
                format!("write `{float}`")
            }
            (Kind::Int, _) => "write a whole number".to_owned(),
            (Kind::Bool, _) => "write `true` or `false`".to_owned(),
            _ => "write a string".to_owned(),
        };
        let ty = text_of(ty);
        let problem = format!("`{name}` is of type `{ty}`: {help}");
        return Err(Error::new_spanned(expr, problem));
    }
    match literal {
        Literal::Int(int) if i64::try_from(int).is_err() => {
            let problem =
                format!("`{name}`: {int} is too large for a parameter: 64 bits with a sign");
            Err(Error::new_spanned(expr, problem))
        }
        _ => Ok(()),
    }
}

/// Refuses an end of a range that the databases of studies cannot hold.
pub fn check_end(name: &str, expr: &Expr) -> Result<(), Error> {
    match Literal::of(expr) {
        Some(Literal::Int(int)) if int.abs() > LARGEST_INT => {
            let problem = format!(
                "`{name}`: {int} is too large: whole numbers are stored as floats, which are exact up to 2^53 = {LARGEST_INT}"
            );
            Err(Error::new_spanned(expr, problem))
        }
        _ => Ok(()),
    }
}

/// A type as people write it: tokens have a space between all of them.
pub fn text_of(ty: &Type) -> String {
    let tokens: Vec<char> = ty.to_token_stream().to_string().chars().collect();
    let is_word = |place: Option<&char>| place.is_some_and(|c| c.is_alphanumeric() || *c == '_');
    let parts_words = |place: usize| {
        place > 0 && is_word(tokens.get(place - 1)) && (is_word(tokens.get(place + 1)))
    };
    let kept = tokens.iter().enumerate();
    kept.filter(|(place, c)| **c != ' ' || parts_words(*place)).map(|(_, c)| c).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_read_with_their_signs_and_suffixes() {
        let literal = |text: &str| Literal::of(&syn::parse_str(text).unwrap());
        assert_eq!(literal("-1_000"), Some(Literal::Int(-1000)));
        assert_eq!(literal("0x10u8"), Some(Literal::Int(16)));
        assert_eq!(literal("(-1e-3)"), Some(Literal::Float(-0.001)));
        assert_eq!(literal("1f32"), Some(Literal::Float(1.0)));
        assert_eq!(literal("'a'"), Some(Literal::Other));
        assert_eq!(literal("-true"), None);
        assert_eq!(literal("LOW + 1"), None);
    }

    #[test]
    fn types_are_shown_as_people_write_them() {
        let shown = |text: &str| text_of(&syn::parse_str(text).unwrap());
        for text in ["usize", "&'static str", "Vec<f64>", "std::vec::Vec<&'a mut T>"] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn the_names_of_types_say_what_kind_they_hold() {
        let kind = |text: &str| Kind::of(&syn::parse_str(text).unwrap());
        assert_eq!(["f32", "u128", "bool"].map(kind), [Kind::Float, Kind::Int, Kind::Bool]);
        assert_eq!(["String", "&'static str"].map(kind), [Kind::Text; 2]);
        assert_eq!(["Act", "m::f64", "&u8", "[u8; 2]"].map(kind), [Kind::Unknown; 4]);
    }
}
