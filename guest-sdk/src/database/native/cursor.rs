//! A result that is read step by step, by a thread of its own: SQLite's statements borrow from their connection.

use std::{
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use super::{Held, misuse, open::Open, statement};
use crate::database::{DatabaseError, Parameters, Value};

/// An open cursor. Dropped, it ends.
#[derive(Debug)]
pub(crate) struct Cursor {
    columns: Vec<String>,
    rows: Receiver<Result<Vec<Value>, DatabaseError>>,
    _held: Held,
}

/// Rows that are read ahead.
const AHEAD: usize = 16;

impl Cursor {
    pub(super) fn open(
        reader: Open,
        held: Held,
        sql: String,
        parameters: Parameters,
    ) -> Result<Self, DatabaseError> {
        let (tell, told) = sync_channel(1);
        let (send, rows) = sync_channel(AHEAD);
        thread::spawn(move || read(&reader, &sql, &parameters, &tell, &send));
        let columns = told.recv().map_err(|_| misuse("the cursor has ended"))??;
        Ok(Self {
            columns,
            rows,
            _held: held,
        })
    }

    pub(crate) fn columns(&self) -> Vec<String> {
        self.columns.clone()
    }

    pub(crate) fn next(&self, most: u32) -> Result<Vec<Value>, DatabaseError> {
        let mut values = Vec::new();
        for _ in 0..most.max(1) {
            match self.rows.recv() {
                Ok(row) => values.extend(row?),
                Err(_) => break,
            }
        }
        Ok(values)
    }
}

/// Sends the columns, and then row after row until there are no more or nobody wants them.
fn read(
    reader: &Open,
    sql: &str,
    parameters: &Parameters,
    columns: &SyncSender<Result<Vec<String>, DatabaseError>>,
    rows: &SyncSender<Result<Vec<Value>, DatabaseError>>,
) {
    let ended = statement::stream(
        reader,
        sql,
        parameters,
        |names| columns.send(Ok(names)).is_ok(),
        |row| rows.send(Ok(row)).is_ok(),
    );
    if let Err(error) = ended {
        // One of the two waits for it.
        let _ = columns.try_send(Err(error.clone()));
        let _ = rows.send(Err(error));
    }
}
