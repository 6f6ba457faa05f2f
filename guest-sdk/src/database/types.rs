//! Which of an author's types are values of the database, and which.

use serde::{Serialize, de::DeserializeOwned};

use super::{ConversionError, FromSql, ToSql, Value};
use crate::Json;

/// Types of which each value is one variant's content.
macro_rules! as_they_are {
    ($($type:ty => $variant:ident,)+) => {$(
        impl ToSql for $type {
            fn to_sql(&self) -> Result<Value, ConversionError> {
                Ok(Value::$variant(self.to_owned().into()))
            }
        }
    )+};
}

/// Whole numbers, none of which is ever stored as another one.
macro_rules! checked {
    ($($type:ty)+) => {$(
        impl ToSql for $type {
            fn to_sql(&self) -> Result<Value, ConversionError> {
                let number = i64::try_from(*self);
                let too_large = |_| ConversionError::new(format!("{self} is more than an INTEGER can be"));
                number.map(Value::Integer).map_err(too_large)
            }
        }

        impl FromSql<'_> for $type {
            fn from_sql(value: &Value) -> Result<Self, ConversionError> {
                let number = i64::from_sql(value)?;
                let outside = |_| ConversionError::new(format!("{number} is no {}", stringify!($type)));
                number.try_into().map_err(outside)
            }
        }
    )+};
}

/// Types that are read out of one variant only.
macro_rules! read {
    ($($type:ty, $pattern:pat => $content:expr, $name:literal;)+) => {$(
        impl<'a> FromSql<'a> for $type {
            fn from_sql(value: &'a Value) -> Result<Self, ConversionError> {
                match value {
                    $pattern => Ok($content),
                    other => Err(ConversionError::other_type(other, $name)),
                }
            }
        }
    )+};
}

as_they_are! {
    i64 => Integer,
    bool => Integer,
    f64 => Real,
    f32 => Real,
    str => Text,
    String => Text,
    [u8] => Blob,
    Vec<u8> => Blob,
}

checked! { i8 i16 i32 isize u8 u16 u32 u64 usize }

read! {
    i64, Value::Integer(number) => *number, "INTEGER";
    bool, Value::Integer(number) => *number != 0, "INTEGER";
    &'a str, Value::Text(text) => text.as_str(), "TEXT";
    String, Value::Text(text) => text.clone(), "TEXT";
    &'a [u8], Value::Blob(bytes) => bytes.as_slice(), "BLOB";
    Vec<u8>, Value::Blob(bytes) => bytes.clone(), "BLOB";
}

/// What SQL computes from whole numbers, such as their sum, is a whole number.
impl FromSql<'_> for f64 {
    fn from_sql(value: &Value) -> Result<Self, ConversionError> {
        match value {
            Value::Real(number) => Ok(*number),
            Value::Integer(number) => Ok(*number as f64),
            other => Err(ConversionError::other_type(other, "REAL")),
        }
    }
}

/// The nearest there is.
impl FromSql<'_> for f32 {
    fn from_sql(value: &Value) -> Result<Self, ConversionError> {
        f64::from_sql(value).map(|number| number as f32)
    }
}

impl<const N: usize> ToSql for [u8; N] {
    fn to_sql(&self) -> Result<Value, ConversionError> {
        self.as_slice().to_sql()
    }
}

/// Exactly so many bytes.
impl<const N: usize> FromSql<'_> for [u8; N] {
    fn from_sql(value: &Value) -> Result<Self, ConversionError> {
        let bytes = <&[u8]>::from_sql(value)?;
        let other = |_| ConversionError::new(format!("it has {} bytes, not {N}", bytes.len()));
        bytes.try_into().map_err(other)
    }
}

impl<T: ToSql> ToSql for Option<T> {
    fn to_sql(&self) -> Result<Value, ConversionError> {
        self.as_ref().map_or(Ok(Value::Null), T::to_sql)
    }
}

impl<'a, T: FromSql<'a>> FromSql<'a> for Option<T> {
    fn from_sql(value: &'a Value) -> Result<Self, ConversionError> {
        match value {
            Value::Null => Ok(None),
            other => T::from_sql(other).map(Some),
        }
    }
}

impl<T: ToSql + ?Sized> ToSql for &T {
    fn to_sql(&self) -> Result<Value, ConversionError> {
        (*self).to_sql()
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> Result<Value, ConversionError> {
        Ok(self.clone())
    }
}

impl FromSql<'_> for Value {
    fn from_sql(value: &Value) -> Result<Self, ConversionError> {
        Ok(value.clone())
    }
}

/// Always a text, also when it is a number or null.
impl ToSql for serde_json::Value {
    fn to_sql(&self) -> Result<Value, ConversionError> {
        Ok(Value::Text(self.to_string()))
    }
}

impl FromSql<'_> for serde_json::Value {
    fn from_sql(value: &Value) -> Result<Self, ConversionError> {
        Ok(serde_json::from_str(<&str>::from_sql(value)?)?)
    }
}

impl<T: Serialize> ToSql for Json<T> {
    fn to_sql(&self) -> Result<Value, ConversionError> {
        Ok(Value::Text(serde_json::to_string(&self.0)?))
    }
}

impl<T: DeserializeOwned> FromSql<'_> for Json<T> {
    fn from_sql(value: &Value) -> Result<Self, ConversionError> {
        Ok(Self(serde_json::from_str(<&str>::from_sql(value)?)?))
    }
}
