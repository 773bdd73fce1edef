//! Tables of values as CSV.

use serde_json::Value;

use burn_tune_study::trial_view::plain;

/// A header and rows as long as it. Null is an empty cell.
pub fn csv_text(header: &[String], rows: impl Iterator<Item = Vec<Value>>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let cell = |value: &Value| if value.is_null() { String::new() } else { plain(value) };
    writer.write_record(header).expect("memory takes a row");
    for row in rows {
        writer.write_record(row.iter().map(cell)).expect("memory takes rows of one length");
    }
    let bytes = writer.into_inner().expect("memory takes all that is written");
    String::from_utf8(bytes).expect("every cell is UTF-8")
}
