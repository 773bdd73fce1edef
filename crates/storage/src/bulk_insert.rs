//! Inserting many rows with few statements.

use crate::StorageError;
use crate::database::{Database, Value};

/// Rows of one statement. Both databases take many more values, but a statement of each length is kept
/// prepared, and nothing is gained by longer ones.
const MOST_ROWS: usize = 64;

/// Inserts rows `into` a table with its columns in parentheses.
///
/// # Errors
///
/// What the database says.
pub(crate) fn insert_rows<const COLUMNS: usize>(
    db: &mut dyn Database,
    into: &str,
    rows: impl IntoIterator<Item = [Value; COLUMNS]>,
) -> Result<(), StorageError> {
    let values: Vec<Value> = rows.into_iter().flatten().collect();
    for values in values.chunks(MOST_ROWS * COLUMNS) {
        let row = |row: usize| {
            let places: Vec<String> =
                (1..=COLUMNS).map(|column| format!("?{}", row * COLUMNS + column)).collect();
            format!("({})", places.join(", "))
        };
        let rows: Vec<String> = (0..values.len() / COLUMNS).map(row).collect();
        db.run(&format!("INSERT INTO {into} VALUES {}", rows.join(", ")), values)?;
    }
    Ok(())
}
