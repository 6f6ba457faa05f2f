//! A result that is read step by step.

use super::{DatabaseError, Row, Value, border};

/// A result that need not fit into memory: `while let Some(row) = cursor.next()? { ... }`.
#[derive(Debug)]
pub struct Cursor {
    inner: border::Cursor,
    columns: Vec<String>,
    /// The rows that were fetched, one after the other.
    values: Vec<Value>,
    /// Where the next row begins among them.
    place: usize,
}

/// Each step is a call of the host: few enough of them, and few enough rows in memory.
const ROWS_A_STEP: u32 = 256;

impl Cursor {
    pub(super) fn new(inner: border::Cursor) -> Self {
        let columns = inner.columns();
        Self {
            inner,
            columns,
            values: Vec::new(),
            place: 0,
        }
    }

    /// The names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The next row, which lives until the one after it is asked for; none after the last.
    #[expect(
        clippy::should_implement_trait,
        reason = "a row borrows from its cursor, which no iterator's item does"
    )]
    pub fn next(&mut self) -> Result<Option<Row<'_>>, DatabaseError> {
        if self.place >= self.values.len() {
            self.values = self.inner.next(ROWS_A_STEP)?;
            self.place = 0;
        }
        let begin = self.place;
        self.place += self.columns.len().max(1);
        let values = self.values.get(begin..self.place);
        Ok(values.map(|values| Row::new(&self.columns, values)))
    }
}
