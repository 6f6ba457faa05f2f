//! The values for a statement's parameters.

use super::{ConversionError, DatabaseError, ToSql, Value};

/// The values for a statement's parameters: one for each, no more.
#[derive(Clone, Debug, PartialEq)]
pub enum Parameters {
    /// The first for `?1`, and so on.
    Positional(Vec<Value>),
    /// By name, with its first character: `:id`, `@id` or `$id`.
    Named(Vec<(String, Value)>),
}

/// What can be given as the values for a statement's parameters.
///
/// | written | for |
/// |---|---|
/// | `[]` or `()` | no parameters |
/// | `["5Alice"]`, `[3, 4]` | values of one type |
/// | `("5Alice", 3)` | up to eight of different types |
/// | [`params!["5Alice", 3, None::<f64>]`](crate::params) | any number of different types |
/// | [`named_params! { ":hotkey": "5Alice" }`](crate::named_params) | values by name |
/// | [`Parameters`] | what is only known when it runs |
pub trait Params {
    /// As values; an error names the one that is none.
    fn into_parameters(self) -> Result<Parameters, DatabaseError>;
}

/// Values for `?1`, `?2` and so on, of any types that are [`ToSql`].
#[macro_export]
macro_rules! params {
    () => { &[] as &[&dyn $crate::database::ToSql] };
    ($($value:expr),+ $(,)?) => { &[$(&$value as &dyn $crate::database::ToSql),+] as &[&dyn $crate::database::ToSql] };
}

/// Values by name: `named_params! { ":hotkey": "5Alice", ":score": 0.5 }`.
#[macro_export]
macro_rules! named_params {
    () => { &[] as &[(&str, &dyn $crate::database::ToSql)] };
    ($($name:literal : $value:expr),+ $(,)?) => {
        &[$(($name, &$value as &dyn $crate::database::ToSql)),+] as &[(&str, &dyn $crate::database::ToSql)]
    };
}

fn positional<'a>(values: impl IntoIterator<Item = &'a dyn ToSql>) -> Result<Parameters, DatabaseError> {
    let place = |number| move |error: ConversionError| error.at(format!("parameter {number}"));
    let values = values.into_iter().zip(1_usize..);
    let values = values.map(|(value, number)| value.to_sql().map_err(place(number)));
    values.collect::<Result<_, _>>().map(Parameters::Positional)
}

impl Params for Parameters {
    fn into_parameters(self) -> Result<Parameters, DatabaseError> {
        Ok(self)
    }
}

impl Params for () {
    fn into_parameters(self) -> Result<Parameters, DatabaseError> {
        positional([])
    }
}

impl Params for &[&dyn ToSql] {
    fn into_parameters(self) -> Result<Parameters, DatabaseError> {
        positional(self.iter().copied())
    }
}

impl Params for &[(&str, &dyn ToSql)] {
    fn into_parameters(self) -> Result<Parameters, DatabaseError> {
        let values = self.iter().map(|(name, value)| match value.to_sql() {
            Ok(value) => Ok(((*name).to_owned(), value)),
            Err(error) => Err(error.at(format!("parameter {name}"))),
        });
        values.collect::<Result<_, _>>().map(Parameters::Named)
    }
}

/// Its own type, so that `[]` has one.
impl Params for [&dyn ToSql; 0] {
    fn into_parameters(self) -> Result<Parameters, DatabaseError> {
        positional([])
    }
}

macro_rules! arrays {
    ($($length:literal)+) => {$(
        impl<T: ToSql> Params for [T; $length] {
            fn into_parameters(self) -> Result<Parameters, DatabaseError> {
                positional(self.iter().map(|value| value as &dyn ToSql))
            }
        }
    )+};
}

macro_rules! tuples {
    ($(($($name:ident)+))+) => {$(
        impl<$($name: ToSql),+> Params for ($($name,)+) {
            fn into_parameters(self) -> Result<Parameters, DatabaseError> {
                #[expect(non_snake_case, reason = "each value is named as its type")]
                let ($($name,)+) = &self;
                positional([$($name as &dyn ToSql),+])
            }
        }
    )+};
}

arrays! { 1 2 3 4 5 6 7 8 }
tuples! { (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H) }
