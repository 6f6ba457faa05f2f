//! Does the same so often as the body says and tells how long it took, in nanoseconds.

use std::time::Instant;

use crate::{
    Answer, connection,
    platform::challenge::{
        kv::Bucket,
        sqlite::{Parameters, Value},
    },
    text,
};

const POINT: &str = "SELECT x, name FROM points WHERE id = ?1";
const ENTRY: &str = "INSERT INTO entries (amount, note) VALUES (?1, 'speed')";

pub(crate) fn answer(what: &str, body: &str) -> Answer {
    let times: i64 = body.parse().map_err(|_| "how often?")?;
    let connection = connection()?;
    let bucket = Bucket::open("speed").map_err(|error| error.message)?;
    let number = |n| Parameters::Positional(vec![Value::Integer(n)]);
    let work: Box<dyn Fn(i64) -> Result<bool, String>> = match what {
        "point" => Box::new(|n| {
            let rows = connection
                .query(POINT, &number(n * 7919 % 10_000 + 1))
                .map_err(text)?;
            Ok(rows.values.len() == 2)
        }),
        "txn" => Box::new(|n| Ok(connection.execute(ENTRY, &number(n)).map_err(text)?.rows == 1)),
        "kv" => {
            for n in 0..1000 {
                bucket
                    .set(&format!("key {n}"), b"a value of usual length")
                    .map_err(|error| error.message)?;
            }
            Box::new(|n| {
                Ok(bucket
                    .get(&format!("key {}", n % 1000))
                    .map_err(|error| error.message)?
                    .is_some())
            })
        }
        _ => return Err(format!("what is {what}?")),
    };
    let started = Instant::now();
    for n in 0..times {
        if !work(n)? {
            return Err("that was not what it should be".into());
        }
    }
    Ok(started.elapsed().as_nanos().to_string())
}
