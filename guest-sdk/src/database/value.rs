//! What crosses between SQL and a challenge, and how an author's type becomes one of them.

use std::fmt;

use super::DatabaseError;

/// One value, of one of SQLite's five types.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `NULL`
    Null,
    /// `INTEGER`
    Integer(i64),
    /// `REAL`; SQLite stores not-a-number as `NULL`.
    Real(f64),
    /// `TEXT`
    Text(String),
    /// `BLOB`
    Blob(Vec<u8>),
}

/// What can be given as a parameter: numbers, `bool`, texts, bytes, an [`Option`] of them, and as JSON in a `TEXT` a
/// `serde_json::Value` and [`Json`](crate::Json).
pub trait ToSql {
    /// As a value; an error when none can express it.
    fn to_sql(&self) -> Result<Value, ConversionError>;
}

/// What can be read out of a row; the same types as for [`ToSql`]. A `&str` and a `&[u8]` borrow from the row.
///
/// ```
/// use platform_guest_sdk::database::{ConversionError, FromSql, ToSql, Value};
///
/// enum State { Open, Closed }
///
/// impl ToSql for State {
///     fn to_sql(&self) -> Result<Value, ConversionError> {
///         match self {
///             State::Open => "open".to_sql(),
///             State::Closed => "closed".to_sql(),
///         }
///     }
/// }
///
/// impl FromSql<'_> for State {
///     fn from_sql(value: &Value) -> Result<Self, ConversionError> {
///         match <&str>::from_sql(value)? {
///             "open" => Ok(State::Open),
///             "closed" => Ok(State::Closed),
///             other => Err(ConversionError::new(format!("{other:?} is not a state"))),
///         }
///     }
/// }
/// ```
pub trait FromSql<'a>: Sized {
    /// From a value; an error when it is none of these.
    fn from_sql(value: &'a Value) -> Result<Self, ConversionError>;
}

/// Why a value is not one of a type. Whoever asked adds which value it was.
///
/// It is not a [`std::error::Error`] itself, because `?` makes it out of all of them.
pub struct ConversionError(String);

impl Value {
    /// The name of its type in SQL.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Integer(_) => "INTEGER",
            Self::Real(_) => "REAL",
            Self::Text(_) => "TEXT",
            Self::Blob(_) => "BLOB",
        }
    }
}

impl ConversionError {
    /// With this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    /// The value is of another type than this one.
    pub(super) fn other_type(value: &Value, expected: &str) -> Self {
        let hint = match value {
            Value::Null => "; read what may be NULL as an Option",
            _ => "",
        };
        Self(format!("{expected} was expected, it is {}{hint}", value.kind()))
    }

    /// Of the value in this place.
    pub(crate) fn at(self, place: impl Into<String>) -> DatabaseError {
        let place = place.into();
        DatabaseError::WrongType {
            place,
            reason: self.0,
        }
    }
}

impl<E: std::error::Error> From<E> for ConversionError {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Display for ConversionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ConversionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
