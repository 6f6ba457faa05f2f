//! Why something failed in the database.

use std::fmt;

/// A failure of the database, or of reading what it said. `?` makes it an [internal](crate::Error::internal) error, so a
/// handler looks at those that a caller is to hear of: `error.is_unique()` is often a 409.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DatabaseError {
    /// SQLite failed, or the host refused.
    Sqlite {
        /// The extended result code; its lowest byte is the primary one.
        code: i32,
        /// In words.
        message: String,
    },
    /// What was to be one row was none. See [`OptionalExtension`].
    NoRows,
    /// The result has no such column.
    NoColumn(String),
    /// A value is not what it was to be: a column's, a parameter's, or a key's.
    WrongType {
        /// Which.
        place: String,
        /// Why.
        reason: String,
    },
}

/// Makes the absence of a row a value.
pub trait OptionalExtension<T> {
    /// None instead of [`DatabaseError::NoRows`].
    fn optional(self) -> Result<Option<T>, DatabaseError>;
}

// SQLite's names for them.
const BUSY: i32 = 5;
const INTERRUPT: i32 = 9;
const FULL: i32 = 13;
const TOO_BIG: i32 = 18;
const CONSTRAINT: i32 = 19;
const AUTH: i32 = 23;
const CONSTRAINT_PRIMARY_KEY: i32 = 1555;
const CONSTRAINT_UNIQUE: i32 = 2067;
const CONSTRAINT_ROWID: i32 = 2579;

impl DatabaseError {
    /// SQLite's extended result code, if it is SQLite that failed.
    pub fn code(&self) -> Option<i32> {
        match self {
            Self::Sqlite { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// A constraint of a table does not hold: `UNIQUE`, `NOT NULL`, `CHECK`, a foreign key, a type.
    pub fn is_constraint(&self) -> bool {
        self.is(CONSTRAINT)
    }

    /// There is such a row already.
    pub fn is_unique(&self) -> bool {
        let unique = [CONSTRAINT_PRIMARY_KEY, CONSTRAINT_UNIQUE, CONSTRAINT_ROWID];
        self.code().is_some_and(|code| unique.contains(&code))
    }

    /// The database has what it may have.
    pub fn is_full(&self) -> bool {
        self.is(FULL)
    }

    /// The time or the memory of the call is used up.
    pub fn is_interrupted(&self) -> bool {
        self.is(INTERRUPT)
    }

    /// A value, a statement or a result is larger than the host takes.
    pub fn is_too_large(&self) -> bool {
        self.is(TOO_BIG)
    }

    /// The host does not allow such a statement.
    pub fn is_denied(&self) -> bool {
        self.is(AUTH)
    }

    /// Others use the database, and this cannot wait for them.
    pub fn is_busy(&self) -> bool {
        self.is(BUSY)
    }

    fn is(&self, primary: i32) -> bool {
        self.code().is_some_and(|code| code & 0xff == primary)
    }
}

impl<T> OptionalExtension<T> for Result<T, DatabaseError> {
    fn optional(self) -> Result<Option<T>, DatabaseError> {
        match self {
            Ok(value) => Ok(Some(value)),
            Err(DatabaseError::NoRows) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { code, message } => write!(f, "the database: {message} (code {code})"),
            Self::NoRows => f.write_str("the database has no such row"),
            Self::NoColumn(column) => write!(f, "the result has no column {column}"),
            Self::WrongType { place, reason } => write!(f, "{place}: {reason}"),
        }
    }
}

impl std::error::Error for DatabaseError {}
