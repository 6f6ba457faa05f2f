//! Transactions that end in every way, and do not.

use std::{cell::RefCell, mem};

use crate::{
    Answer, connection, none,
    platform::challenge::sqlite::{Access, Cursor, Parameters, Transaction, Value},
    text,
};

thread_local! {
    /// What an instance that is kept still holds.
    static HELD: RefCell<Vec<(Transaction, Cursor)>> = const { RefCell::new(Vec::new()) };
}

pub(crate) fn answer(what: &str, argument: &str) -> Answer {
    let note = Value::Text(argument.to_owned());
    let insert = "INSERT INTO entries (amount, note) VALUES (1, ?1)";
    let connection = connection()?;
    let write = || {
        let transaction = connection.begin(Access::Write).map_err(text)?;
        let parameters = Parameters::Positional(vec![note.clone()]);
        transaction.execute(insert, &parameters).map_err(text)?;
        Ok::<_, String>(transaction)
    };
    match what {
        "commit" => Transaction::commit(write()?).map_err(text)?,
        "rollback" => Transaction::rollback(write()?).map_err(text)?,
        "drop" => drop(write()?),
        "forget" => mem::forget(write()?),
        "trap" => {
            let _open = write()?;
            std::process::abort();
        }
        "spin" => {
            let _open = write()?;
            loop {
                std::hint::spin_loop();
            }
        }
        "spin-in-sql" => {
            let open = write()?;
            let sql = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) \
                       INSERT INTO entries (amount, note) SELECT x, 'endless' FROM n";
            open.execute(sql, &none()).map_err(text)?;
        }
        // Pairs of entries with the same number, the next one each time, until somebody stops it.
        "pairs" => {
            let next = "SELECT coalesce(max(amount), 0) + 1 FROM entries";
            let pair = "INSERT INTO entries (amount, note) VALUES (?1, 'one')";
            let other = "INSERT INTO entries (amount, note) VALUES (?1, 'two')";
            loop {
                let transaction = connection.begin(Access::Write).map_err(text)?;
                let number = transaction.query(next, &none()).map_err(text)?.values;
                for sql in [pair, other] {
                    let number = Parameters::Positional(number.clone());
                    transaction.execute(sql, &number).map_err(text)?;
                }
                Transaction::commit(transaction).map_err(text)?;
            }
        }
        "second-writer" => {
            let _open = write()?;
            connection.execute("DELETE FROM entries", &none()).map_err(text)?;
        }
        "second-transaction" => {
            let _open = write()?;
            write()?;
        }
        "three-readers" => {
            let _two = [1, 2].map(|_| connection.begin(Access::Read));
            connection.begin(Access::Read).map_err(text)?;
        }
        "hold" => {
            let cursor = connection.open_cursor("SELECT 1", &none()).map_err(text)?;
            HELD.with_borrow_mut(|held| held.push((write().unwrap(), cursor)));
        }
        "held" => {
            let (transaction, cursor) = HELD.with_borrow_mut(Vec::pop).ok_or("nothing is held")?;
            let read = cursor.next(1).map(|_| ()).map_err(text);
            let written = Transaction::commit(transaction).map_err(text);
            return Ok(format!("{read:?} {written:?}"));
        }
        _ => return Err(format!("what is {what}?")),
    }
    Ok("done".into())
}
