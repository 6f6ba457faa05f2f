//! Does with its database what the path says, and with the body what SQL can: for a host that is asked whether one call
//! may harm another, and how fast it is.

wit_bindgen::generate!({
    path: "../../../wit/0.1.0",
    inline: "
        package platform:ledger;
        world ledger {
            import platform:challenge/sqlite@0.1.0;
            import platform:challenge/kv@0.1.0;
            import platform:challenge/blobs@0.1.0;
            export platform:challenge/routes@0.1.0;
            export platform:challenge/weights@0.1.0;
        }
    ",
    generate_all,
});

mod files;
mod keys;
mod speed;
mod transactions;

use exports::platform::challenge::{
    routes::{Error, Guest as Routes, Request, Response},
    weights::{EpochContext, Error as WeightsError, Guest as Weights, Weight},
};
use platform::challenge::sqlite::{self, Connection, Parameters, Rows, Value};

struct Ledger;

/// The tables, and something in them to look for.
#[unsafe(link_section = "platform:manifest")]
#[used]
static MANIFEST: [u8; include_bytes!("../manifest.json").len()] = *include_bytes!("../manifest.json");

/// What a path does; the text is the answer.
type Answer = Result<String, String>;

impl Routes for Ledger {
    fn handle_route(request: Request) -> Result<Response, Error> {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let mut path = request.path.trim_start_matches('/').split('/');
        let (what, argument) = (path.next().unwrap_or_default(), path.next().unwrap_or_default());
        let answer = match what {
            "execute" => execute(&body),
            "query" => query(&body),
            "script" => script(&body),
            "cursor" => cursor(&body),
            "kv" => keys::answer(argument, &body),
            "blobs" => files::answer(&body),
            "speed" => speed::answer(argument, &body),
            _ => transactions::answer(what, argument),
        };
        match answer {
            Ok(text) => Ok(Response {
                status: 200,
                headers: Vec::new(),
                body: text.into_bytes(),
            }),
            Err(text) => Err(Error::BadRequest(text)),
        }
    }
}

impl Weights for Ledger {
    fn get_weights(_: EpochContext) -> Result<Vec<Weight>, WeightsError> {
        let sql = "SELECT note, sum(amount) FROM entries GROUP BY note";
        let rows = connection().and_then(|connection| connection.query(sql, &none()).map_err(text));
        let values = rows.map_err(WeightsError::Internal)?.values.into_iter();
        let mut weights = Vec::new();
        let mut values = values.peekable();
        while let (Some(Value::Text(hotkey)), Some(Value::Integer(amount))) = (values.next(), values.next()) {
            weights.push(Weight {
                hotkey,
                score: amount as f64,
            });
        }
        Ok(weights)
    }
}

fn connection() -> Result<Connection, String> {
    Connection::open().map_err(text)
}

fn none() -> Parameters {
    Parameters::Positional(Vec::new())
}

fn text(error: sqlite::Error) -> String {
    format!("{}: {}", error.code, error.message)
}

fn execute(sql: &str) -> Answer {
    let changes = connection()?.execute(sql, &none()).map_err(text)?;
    Ok(format!("{} {}", changes.rows, changes.last_rowid))
}

fn query(sql: &str) -> Answer {
    connection()?.query(sql, &none()).map(shown).map_err(text)
}

fn script(sql: &str) -> Answer {
    connection()?.execute_batch(sql).map_err(text)?;
    Ok("done".into())
}

/// Counts the rows.
fn cursor(sql: &str) -> Answer {
    let cursor = connection()?.open_cursor(sql, &none()).map_err(text)?;
    let columns = cursor.columns();
    let mut values = 0;
    loop {
        match cursor.next(1000).map_err(text)?.len() {
            0 => return Ok(format!("{columns:?} {}", values / columns.len())),
            some => values += some,
        }
    }
}

/// Values between spaces, rows between semicolons.
fn shown(rows: Rows) -> String {
    let width = rows.columns.len().max(1);
    let rows = rows.values.chunks(width).map(|row| {
        let values: Vec<_> = row.iter().map(value).collect();
        values.join(" ")
    });
    rows.collect::<Vec<_>>().join("; ")
}

fn value(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Blob(bytes) => format!("{bytes:?}"),
    }
}

export!(Ledger);
