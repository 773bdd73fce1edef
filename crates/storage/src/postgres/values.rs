//! Values as the server has them. The SQL is the same for both databases, so a value adapts to the
//! type of its column, as it does in SQLite.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use tokio_postgres::types::{Format, FromSql, IsNull, Kind, ToSql, Type, to_sql_checked};

use crate::database::Value;

type Failure = Box<dyn Error + Sync + Send>;

impl ToSql for Value {
    /// As texts, which the server reads as whatever the column's type is: a number, a date, one of an
    /// enumeration. Bytes alone go as they are.
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        match self {
            Value::Null => return Ok(IsNull::Yes),
            Value::Int(number) => out.put_slice(number.to_string().as_bytes()),
            Value::Float(number) if is_whole(ty) && number.fract() == 0.0 => {
                out.put_slice(format!("{number:.0}").as_bytes());
            }
            Value::Float(number) => out.put_slice(format!("{number:?}").as_bytes()),
            Value::Text(text) => out.put_slice(text.as_bytes()),
            Value::Bytes(bytes) => out.put_slice(bytes),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        match self {
            Value::Bytes(_) => Format::Binary,
            _ => Format::Text,
        }
    }

    to_sql_checked!();
}

fn is_whole(ty: &Type) -> bool {
    [Type::INT2, Type::INT4, Type::INT8].contains(ty)
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Failure> {
        match *ty {
            Type::BOOL => Ok(Value::Int(i64::from(bool::from_sql(ty, raw)?))),
            Type::INT2 => Ok(Value::Int(i16::from_sql(ty, raw)?.into())),
            Type::INT4 => Ok(Value::Int(i32::from_sql(ty, raw)?.into())),
            Type::INT8 => Ok(Value::Int(i64::from_sql(ty, raw)?)),
            Type::FLOAT4 => Ok(Value::Float(f32::from_sql(ty, raw)?.into())),
            Type::FLOAT8 => Ok(Value::Float(f64::from_sql(ty, raw)?)),
            Type::BYTEA => Ok(Value::Bytes(raw.to_vec())),
            Type::TIMESTAMP | Type::TIMESTAMPTZ => {
                let micros = i64::from_be_bytes(raw.try_into()?);
                Ok(Value::Text(date(micros)))
            }
            Type::VOID => Ok(Value::Null),
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => text(raw),
            _ if matches!(ty.kind(), Kind::Enum(_)) => text(raw),
            _ => Err(format!("a column of type {ty}: CAST it in the query").into()),
        }
    }

    fn from_sql_null(_: &Type) -> Result<Self, Failure> {
        Ok(Value::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn text(raw: &[u8]) -> Result<Value, Failure> {
    Ok(Value::Text(str::from_utf8(raw)?.to_owned()))
}

/// A date as Optuna writes it in SQLite, of the microseconds since 2000 that the server sends.
fn date(micros: i64) -> String {
    const DAY: i64 = 86_400_000_000;
    /// From 0000-03-01 to 2000-01-01.
    const EPOCH: i64 = 730_425;
    match micros {
        i64::MAX => return "infinity".to_owned(),
        i64::MIN => return "-infinity".to_owned(),
        _ => {}
    }
    let (days, micros) = (micros.div_euclid(DAY) + EPOCH, micros.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06}")
}

/// The Gregorian date so many days after 0000-03-01. A year that begins in March has its leap day at
/// the end, and its months' lengths follow a line: Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms".
fn civil(days: i64) -> (i64, i64, i64) {
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + 400 * era + i64::from(month <= 2);
    (year, month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_written_as_optuna_writes_it() {
        for (micros, expected) in [
            (0, "2000-01-01 00:00:00.000000"),
            (-1, "1999-12-31 23:59:59.999999"),
            // SELECT EXTRACT(EPOCH FROM TIMESTAMP '…' - TIMESTAMP '2000-01-01')
            (848_834_009_123_456, "2026-11-24 11:13:29.123456"),
            (762_480_000_000_000, "2024-02-29 00:00:00.000000"),
            (i64::MAX, "infinity"),
        ] {
            assert_eq!(date(micros), expected);
        }
    }
}
