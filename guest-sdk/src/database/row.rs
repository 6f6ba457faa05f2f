//! The rows of a result.

use super::{DatabaseError, FromSql, Value};

/// A row of a result.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    columns: &'a [String],
    values: &'a [Value],
}

/// How a column is named: by its place, counted from 0, or by its name.
pub trait RowIndex {
    /// Its place among these columns.
    fn place(&self, columns: &[String]) -> Result<usize, DatabaseError>;
}

/// A whole result.
pub(crate) struct Rows {
    pub(crate) columns: Vec<String>,
    /// Row by row, in each as many as there are columns.
    pub(crate) values: Vec<Value>,
}

impl<'a> Row<'a> {
    pub(super) fn new(columns: &'a [String], values: &'a [Value]) -> Self {
        Self { columns, values }
    }

    /// The value of a column, by its place or its name. One that may be `NULL` is read as an [`Option`].
    pub fn get<T: FromSql<'a>>(&self, column: impl RowIndex) -> Result<T, DatabaseError> {
        let place = column.place(self.columns)?;
        let value = self.values.get(place);
        let value = value.ok_or_else(|| DatabaseError::NoColumn(place.to_string()))?;
        T::from_sql(value).map_err(|error| {
            let name = self.columns.get(place).map_or("", String::as_str);
            error.at(format!("the column {name}"))
        })
    }

    /// The names of the columns.
    pub fn columns(&self) -> &'a [String] {
        self.columns
    }

    /// The values as they are.
    pub fn values(&self) -> &'a [Value] {
        self.values
    }
}

impl RowIndex for usize {
    fn place(&self, _: &[String]) -> Result<usize, DatabaseError> {
        Ok(*self)
    }
}

/// As SQL does it, in any case.
impl RowIndex for &str {
    fn place(&self, columns: &[String]) -> Result<usize, DatabaseError> {
        let place = columns
            .iter()
            .position(|column| column.eq_ignore_ascii_case(self));
        place.ok_or_else(|| DatabaseError::NoColumn((*self).to_owned()))
    }
}

impl Rows {
    pub(super) fn first<T>(
        &self,
        read: impl FnOnce(&Row<'_>) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        read(&self.iter().next().ok_or(DatabaseError::NoRows)?)
    }

    pub(super) fn all<T>(
        &self,
        mut read: impl FnMut(&Row<'_>) -> Result<T, DatabaseError>,
    ) -> Result<Vec<T>, DatabaseError> {
        self.iter().map(|row| read(&row)).collect()
    }

    /// A statement that returns nothing has no columns, and no rows either.
    fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        let rows = self.values.chunks_exact(self.columns.len().max(1));
        rows.map(|values| Row::new(&self.columns, values))
    }
}
