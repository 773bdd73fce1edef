//! What all databases do alike: values, transactions, and making the tables.

use std::sync::Barrier;
use std::thread;

use burn_tune_storage::database::{Access, Database, Row, Value};
use burn_tune_storage::{OpenMode, Storage, StorageError};

use crate::harness::{TestDatabase, on_every_database};

on_every_database!(
    values_come_back_as_they_were_written,
    values_adapt_to_their_columns,
    enumerations_are_texts,
    the_clock_is_the_time_in_utc,
    what_fails_is_undone,
    a_reader_sees_one_moment,
    those_who_write_at_the_same_time_lose_nothing,
    many_may_make_the_tables_at_the_same_time,
    our_rows_go_with_the_trial,
    a_query_that_is_wrong_is_an_error_and_the_connection_lives;
    not served: what_must_exist_is_not_made
);

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn write<T>(
    storage: &mut Storage,
    work: impl FnMut(&mut dyn Database) -> Result<T, StorageError>,
) -> T {
    storage.transaction(Access::Write, work).unwrap()
}

fn query(storage: &mut Storage, sql: &str) -> Vec<Row> {
    storage.transaction(Access::Read, |db| db.query(sql, &[])).unwrap()
}

fn new_study(storage: &mut Storage) {
    write(storage, |db| {
        // The first of its table, so its number is 1.
        db.execute("INSERT INTO studies (study_name) VALUES ('s')", &[])
    });
}

/// Not that NaN is equal to itself.
fn bits(value: &Value) -> Option<u64> {
    match value {
        Value::Float(number) => Some(number.to_bits()),
        _ => None,
    }
}

fn values_come_back_as_they_were_written(database: &TestDatabase) {
    let mut storage = database.open();
    let columns = "i BIGINT, f {float}, t TEXT, b {bytes}, d {date}";
    database.make_table(&format!("CREATE TABLE kinds ({columns})"));
    let rows: Vec<Row> = vec![
        vec![Value::Null, Value::Null, Value::Null, Value::Null, Value::Null],
        vec![
            Value::Int(i64::MAX),
            Value::Float(f64::INFINITY),
            text("Ünïcode, \u{1f525} and\nlines; '--\" ?1 $1 {now} \\"),
            Value::Bytes((0..=255).collect()),
            text("2026-11-24 11:13:29.123456"),
        ],
        vec![
            Value::Int(i64::MIN),
            Value::Float(f64::NEG_INFINITY),
            text(""),
            Value::Bytes(vec![]),
            text("1999-12-31 23:59:59.000000"),
        ],
        vec![
            Value::Int(0),
            Value::Float(0.1 + 0.2),
            text("NULL"),
            Value::Bytes(vec![0; 1 << 20]),
            text("2024-02-29 00:00:00.000001"),
        ],
        vec![
            Value::Int(-1),
            Value::Float(f64::MIN_POSITIVE / 3.0),
            text(&"long ".repeat(100_000)),
            Value::Bytes(b"text".to_vec()),
            Value::Null,
        ],
        vec![Value::Int(7), Value::Float(-f64::MAX), text("inf"), Value::Null, Value::Null],
    ];
    write(&mut storage, |db| {
        db.execute("DELETE FROM kinds", &[])?;
        for row in &rows {
            let sql = "INSERT INTO kinds (i, f, t, b, d) VALUES (?1, ?2, ?3, ?4, ?5)";
            assert_eq!(db.execute(sql, row)?, 1);
        }
        Ok(())
    });
    for row in &rows {
        // What is found by its value was written and compared as that value.
        let found = storage.transaction(Access::Read, |db| {
            db.query("SELECT i, f, t, b, d FROM kinds WHERE i = ?1", &row[..1])
        });
        match &row[0] {
            Value::Null => assert_eq!(found.unwrap().len(), 0),
            _ => {
                let found = found.unwrap();
                assert_eq!(found, [row.as_slice()]);
                assert_eq!(bits(&found[0][1]), bits(&row[1]));
            }
        }
    }
    let nulls = query(&mut storage, "SELECT i, f, t, b, d FROM kinds WHERE i IS NULL");
    assert_eq!(nulls, [rows[0].as_slice()]);
}

fn values_adapt_to_their_columns(database: &TestDatabase) {
    let mut storage = database.open();
    let columns = "i INTEGER, f {float}, t TEXT";
    database.make_table(&format!("CREATE TABLE kinds ({columns})"));
    let read = write(&mut storage, |db| {
        let given = [Value::Float(3.0), Value::Int(-4), Value::Int(5)];
        db.query("INSERT INTO kinds VALUES (?1, ?2, ?3) RETURNING i, f, t", &given)
    });
    assert_eq!(read, [[Value::Int(3), Value::Float(-4.0), text("5")]]);
}

fn enumerations_are_texts(database: &TestDatabase) {
    let mut storage = database.open();
    new_study(&mut storage);
    write(&mut storage, |db| {
        db.execute(
            "INSERT INTO trials (trial_id, number, study_id, state) VALUES (1, 0, 1, ?1)",
            &[text("RUNNING")],
        )?;
        db.execute(
            "INSERT INTO trial_values (trial_id, objective, value, value_type)
             VALUES (1, 0, NULL, 'INF_NEG')",
            &[],
        )
    });
    let changed = write(&mut storage, |db| {
        db.execute(
            "UPDATE trials SET state = ?1 WHERE state = ?2",
            &[text("COMPLETE"), text("RUNNING")],
        )
    });
    assert_eq!(changed, 1);
    let sql = "SELECT state, value_type FROM trials JOIN trial_values USING (trial_id)";
    assert_eq!(query(&mut storage, sql), [[text("COMPLETE"), text("INF_NEG")]]);
}

fn the_clock_is_the_time_in_utc(database: &TestDatabase) {
    let mut storage = database.open();
    new_study(&mut storage);
    write(&mut storage, |db| {
        db.execute(
            "INSERT INTO trials (trial_id, number, study_id, state, datetime_start)
             VALUES (1, 0, 1, 'RUNNING', {now})",
            &[],
        )
    });
    let rows = query(&mut storage, "SELECT datetime_start, {now}, {epoch} FROM trials");
    let [Value::Text(start), Value::Text(now), Value::Float(epoch)] = rows[0].as_slice() else {
        panic!("{rows:?}");
    };
    for date in [start, now] {
        let shape: String =
            date.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert_eq!(shape, "0000-00-00 00:00:00.000000");
    }
    assert!(start <= now, "{start} {now}");
    // The same moment in two forms: the second of the day, and the year.
    let part = |from, to| now[from..to].parse::<f64>().unwrap();
    let second = part(11, 13) * 3600.0 + part(14, 16) * 60.0 + part(17, 26);
    let apart = (epoch - second).rem_euclid(86_400.0);
    assert!(apart.min(86_400.0 - apart) < 2.0, "{now} {epoch}");
    assert!((1970.0 + epoch / 31_556_952.0 - part(0, 4) - 0.5).abs() < 0.6, "{now} {epoch}");
}

fn what_fails_is_undone(database: &TestDatabase) {
    let mut storage = database.open();
    new_study(&mut storage);
    let refused = storage.transaction(Access::Write, |db| -> Result<(), _> {
        db.execute("UPDATE studies SET study_name = 'changed'", &[])?;
        db.execute("INSERT INTO studies (study_name) VALUES ('new')", &[])?;
        Err(StorageError::Input("no".into()))
    });
    assert_eq!(refused, Err(StorageError::Input("no".into())));
    assert_eq!(query(&mut storage, "SELECT study_name FROM studies"), [[text("s")]]);
}

fn a_reader_sees_one_moment(database: &TestDatabase) {
    let (mut reader, mut writer) = (database.open(), database.open());
    new_study(&mut writer);
    let sql = "SELECT study_name FROM studies";
    let (before, after) = reader
        .transaction(Access::Read, |db| {
            let before = db.query(sql, &[])?;
            write(&mut writer, |db| db.execute("UPDATE studies SET study_name = 'later'", &[]));
            Ok((before, db.query(sql, &[])?))
        })
        .unwrap();
    assert_eq!(before, after);
    assert_eq!(query(&mut reader, sql), [[text("later")]]);
}

fn those_who_write_at_the_same_time_lose_nothing(database: &TestDatabase) {
    const WORKERS: i64 = 8;
    const EACH: i64 = 25;
    let mut storage = database.open();
    new_study(&mut storage);
    let key = "study_id = 1 AND \"key\" = 'n'";
    write(&mut storage, |db| {
        db.execute(
            "INSERT INTO study_user_attributes (study_id, \"key\", value_json) VALUES (1, 'n', '0')",
            &[],
        )
    });
    let begin = Barrier::new(WORKERS as usize);
    let count = |storage: &mut Storage| {
        write(storage, |db| {
            // Whoever decides from what it reads locks the study's row first.
            db.execute("UPDATE studies SET study_name = study_name WHERE study_id = 1", &[])?;
            let select = format!("SELECT value_json FROM study_user_attributes WHERE {key}");
            let rows = db.query(&select, &[])?;
            let Value::Text(n) = &rows[0][0] else { panic!("{rows:?}") };
            let next = n.parse::<i64>().unwrap() + 1;
            db.execute(
                &format!("UPDATE study_user_attributes SET value_json = ?1 WHERE {key}"),
                &[Value::Text(next.to_string())],
            )
        });
    };
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                let mut storage = database.open();
                begin.wait();
                (0..EACH).for_each(|_| count(&mut storage));
            });
        }
    });
    let counted = query(&mut storage, "SELECT value_json FROM study_user_attributes");
    assert_eq!(counted, [[Value::Text((WORKERS * EACH).to_string())]]);
}

fn many_may_make_the_tables_at_the_same_time(database: &TestDatabase) {
    const WORKERS: usize = 8;
    let begin = Barrier::new(WORKERS);
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                begin.wait();
                database.open();
            });
        }
    });
    let versions = "SELECT schema_version, version_num, format
                    FROM version_info, alembic_version, burn_tune_info";
    assert_eq!(
        query(&mut database.open(), versions),
        [[Value::Int(12), text("v3.2.0.a"), Value::Int(1)]]
    );
}

fn what_must_exist_is_not_made(database: &TestDatabase) {
    for _ in 0..2 {
        match database.try_open(OpenMode::MustExist) {
            Err(StorageError::Input(reason)) => {
                assert!(reason.starts_with("there is no study in "), "{reason}");
            }
            Err(other) => panic!("{other:?}"),
            Ok(_) => panic!("there is one"),
        }
    }
    drop(database.open());
    assert!(database.try_open(OpenMode::MustExist).is_ok());
}

fn our_rows_go_with_the_trial(database: &TestDatabase) {
    let mut storage = database.open();
    new_study(&mut storage);
    write(&mut storage, |db| {
        for trial in [1, 2] {
            let trial = [Value::Int(trial)];
            for sql in [
                "INSERT INTO trials (trial_id, study_id, state) VALUES (?1, 1, 'RUNNING')",
                "INSERT INTO burn_tune_leases (trial_id, task, worker, expires)
                 VALUES (?1, 'trial', 'w', {epoch})",
                "INSERT INTO burn_tune_curves (trial_id, task, npz) VALUES (?1, 'fold0', '')",
            ] {
                db.execute(sql, &trial)?;
            }
        }
        db.execute("DELETE FROM trials WHERE trial_id = 1", &[])
    });
    for table in ["burn_tune_leases", "burn_tune_curves"] {
        let left = query(&mut storage, &format!("SELECT trial_id FROM {table}"));
        assert_eq!(left, [[Value::Int(2)]], "{table}");
    }
}

fn a_query_that_is_wrong_is_an_error_and_the_connection_lives(database: &TestDatabase) {
    let mut storage = database.open();
    let wrong = storage.transaction(Access::Read, |db| db.query("SELECT x FROM nowhere", &[]));
    let Err(StorageError::Permanent(reason)) = wrong else { panic!("{wrong:?}") };
    assert!(reason.contains("nowhere"), "{reason}");
    assert_eq!(query(&mut storage, "SELECT study_name FROM studies"), Vec::<Row>::new());
}
