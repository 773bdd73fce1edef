//! Exports that somebody has changed, or a disk has cut: each is imported whole, or refused with its line, and then
//! nothing is left of it.

use burn_tune_storage::transfer::{TransferError, export, import};
use proptest::prelude::*;

use crate::harness::TestDatabase;

#[path = "../../../spec/tests/fuzz/mutations.rs"]
mod mutations;

const EXPORTS: [&str; 1] = [
    r#"{"format":1,"study":{"name":"s","directions":["MINIMIZE"],"user_attributes":{"a":"1"},"system_attributes":{}}}
{"trial":{"number":0,"state":"COMPLETE","start":"2026-11-27 00:03:16.470500","complete":"2026-11-27 00:03:17.470500","heartbeat":null,"values":[1.0],"params":[{"name":"a","value":0.1,"distribution":"{\"name\": \"FloatDistribution\", \"attributes\": {\"step\": null, \"low\": 0.0, \"high\": 1.0, \"log\": false}}"},{"name":"b","value":1,"distribution":"{\"name\": \"CategoricalDistribution\", \"attributes\": {\"choices\": [\"x\", null, true]}}"}],"user_attributes":{"u":"[1]"},"system_attributes":{},"intermediate_values":{"0":0.5,"1":"nan"},"curves":{}}}
{"trial":{"number":1,"state":"RUNNING","start":"2026-11-27 00:03:16.470500","complete":null,"heartbeat":"2026-11-27 00:03:17.470500","values":[],"params":[],"user_attributes":{},"system_attributes":{},"intermediate_values":{},"curves":{}}}
{"end":{"trials":2}}
"#,
];

proptest! {
    // Each case has a database of its own, on the disk.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 4 + 1, ..ProptestConfig::default() })]
    #[test]
    fn a_changed_export_is_imported_whole_or_not_at_all(text in mutations::mutated(&EXPORTS)) {
        let database = TestDatabase::sqlite();
        let mut storage = database.open();
        match import(&mut storage, &mut text.as_bytes(), None) {
            Ok(imported) => {
                let study = storage.study(&imported.name).unwrap().unwrap();
                let mut exported = Vec::new();
                export(&mut storage, &study, &mut exported).unwrap();
                prop_assert_eq!(storage.trials(&study).unwrap().len(), imported.trials);
                let again = TestDatabase::sqlite();
                let copy = import(&mut again.open(), &mut exported.as_slice(), None).unwrap();
                prop_assert_eq!(copy.trials, imported.trials);
            }
            Err(error) => {
                prop_assert!(
                    matches!(error, TransferError::Line { .. } | TransferError::Storage(_)),
                    "{error}"
                );
                prop_assert_eq!(storage.studies().unwrap().len(), 0, "{}", error);
            }
        }
    }
}

#[test]
fn the_export_itself_is_imported() {
    let database = TestDatabase::sqlite();
    let imported = import(&mut database.open(), &mut EXPORTS[0].as_bytes(), None).unwrap();
    assert_eq!(imported.trials, 2);
}
