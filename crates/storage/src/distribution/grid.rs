//! The last point of a float range with a step, in the decimal arithmetic that Optuna finds it with.

/// What Python's `decimal` computes with by default is exact below this.
const MOST: i128 = 10_i128.pow(28);

/// The largest of `low`, `low + step`, … that is at most `high`, or above it by no more than 1e-9 steps.
/// `None` where Optuna, which computes with the decimal digits of these numbers, would find that `step`
/// does not lead there.
pub(super) fn last_point(low: f64, high: f64, step: f64) -> Option<f64> {
    let numbers = [low, high, step].map(Decimal::of);
    let exponent = numbers.iter().map(|number| number.exponent).min()?;
    let [low, high, step] = numbers.map(|number| number.digits_at(exponent));
    let (low, range, step) = (low?, high?.checked_sub(low?)?, step?);
    if range >= MOST {
        return None;
    }
    let (whole, rest) = (range / step, range % step);
    let almost = rest > 0 && (step - rest).checked_mul(1_000_000_000)? <= step;
    let last = low + (whole + i128::from(almost)) * step;
    let point: f64 = format!("{last}e{exponent}").parse().ok()?;
    // Optuna reads the digits of the number, which may not hold all digits of the sum.
    (Decimal::of(point).digits_at(exponent) == Some(last)).then_some(point)
}

/// `digits * 10^exponent`.
struct Decimal {
    digits: i128,
    exponent: i32,
}

impl Decimal {
    /// The fewest digits that tell the number from every other, which are Python's `repr` too.
    fn of(number: f64) -> Self {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').expect("`:e` writes an exponent");
        let behind_point = digits.split_once('.').map_or(0, |(_, behind)| behind.len() as i32);
        let digits = digits.replace('.', "").parse().expect("at most 17 digits");
        let exponent: i32 = exponent.parse().expect("`:e` writes a whole number");
        Decimal { digits, exponent: exponent - behind_point }
    }

    fn digits_at(&self, exponent: i32) -> Option<i128> {
        if self.digits == 0 {
            return Some(0);
        }
        let shift = 10_i128.checked_pow(u32::try_from(self.exponent - exponent).ok()?)?;
        self.digits.checked_mul(shift).filter(|digits| digits.abs() < MOST)
    }
}
