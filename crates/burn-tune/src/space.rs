//! The trait of a type that is its own search space.

use burn_tune_search::{ParamValue, Params};

use crate::param_error::{ParamError, ValueError};

/// A struct that is its own search space: each field is a parameter. Derive it; the derive macro
/// [`Space`](macro@crate::Space) says what fields may be.
///
/// ```
/// use burn_tune::Space;
/// use burn_tune::search::Domain;
///
/// #[derive(Space, Debug, PartialEq)]
/// struct Net {
///     #[space(1e-4..=1e-1, log)]
///     lr: f64,
///     #[space([32, 64, 128])]
///     batch: usize,
/// }
///
/// let lr = Domain::FloatRange { low: 1e-4, high: 1e-1, step: None, log: true };
/// assert_eq!(Net::space().get("lr"), Some(&lr));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no search space",
    label = "no search space",
    note = "put `#[derive(Space)]` on the struct, and `#[space(…)]` on each field"
)]
pub trait Space: Sized + Send + Sync + 'static {
    /// What the parameters are called, in the order of the fields.
    const NAMES: &'static [&'static str];

    /// What the parameters may be, in the order of the fields, and when they exist.
    ///
    /// # Panics
    ///
    /// Where a list has a whole number beyond what 64 bits with a sign hold.
    fn space() -> burn_tune_search::Space;

    /// Makes a value of params. Their order does not matter. They have to fit the types of the fields and the
    /// conditions, and need not lie in the ranges, since a file may widen these. Beside a value that a parent has
    /// beyond its range, what depends on it may be there or not.
    ///
    /// ```
    /// use burn_tune::Space;
    /// use burn_tune::search::ParamValue;
    ///
    /// #[derive(Space, Debug)]
    /// struct Net {
    ///     #[space(1..=8)]
    ///     depth: u8,
    /// }
    ///
    /// let depth = |depth| [("depth".to_owned(), ParamValue::Int(depth))].into_iter().collect();
    /// assert_eq!(Net::from_params(&depth(9))?.depth, 9);
    /// let error = Net::from_params(&depth(-1)).unwrap_err();
    /// assert_eq!(error.to_string(), "`depth`: -1 is not a whole number from 0 to 255");
    /// # Ok::<(), burn_tune::ParamError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The first parameter that is unknown, of another type, missing, or there where it does not exist.
    fn from_params(params: &Params) -> Result<Self, ParamError>;

    /// The value as params, in the order of the fields; of an `Option` that is `None` there is none.
    ///
    /// # Panics
    ///
    /// Where a field has a whole number beyond what 64 bits with a sign hold.
    fn to_params(&self) -> Params;

    /// Whether the field of the parameter called `name` can hold `value`. Of names that there are not, nothing
    /// is said.
    ///
    /// # Errors
    ///
    /// What is allowed instead.
    fn check_value(name: &str, value: &ParamValue) -> Result<(), ValueError>;

    /// What the parameter called `name` is, from the doc comment of its field. A program shows it in `search --help`
    /// and `search --dry-run`.
    ///
    /// ```
    /// use burn_tune::Space;
    ///
    /// #[derive(Space)]
    /// struct Net {
    ///     /// The learning rate of Adam.
    ///     #[space(1e-4..=1e-1, log)]
    ///     lr: f64,
    /// }
    ///
    /// assert_eq!(Net::description("lr"), Some("The learning rate of Adam."));
    /// ```
    fn description(_name: &str) -> Option<&'static str> {
        None
    }
}
