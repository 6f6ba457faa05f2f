//! Functions that SQLite's own would compute in quadratic time: with two texts of a megabyte one such call takes
//! minutes, and nothing can stop it half-way. These do the same in linear time.

use std::collections::HashSet;

use memchr::memmem;
use rusqlite::{
    Connection, Error, Result,
    functions::{Context, FunctionFlags},
    types::ValueRef,
};

/// Replaces them in a connection. No result gets longer than `longest` bytes.
pub(crate) fn install(connection: &Connection, longest: u64) -> Result<()> {
    let flags =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function(c"instr", 2, flags, instr)?;
    connection.create_scalar_function(c"replace", 3, flags, move |context| replace(context, longest))?;
    for (name, ends) in [
        (
            c"trim",
            Ends {
                start: true,
                end: true,
            },
        ),
        (
            c"ltrim",
            Ends {
                start: true,
                end: false,
            },
        ),
        (
            c"rtrim",
            Ends {
                start: false,
                end: true,
            },
        ),
    ] {
        connection.create_scalar_function(name, 2, flags, move |context| trim(context, ends))?;
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Ends {
    start: bool,
    end: bool,
}

/// `instr(X, Y)`: where Y begins in X, counted from 1, in characters, or in bytes when both are blobs.
fn instr(context: &Context<'_>) -> Result<Option<i64>> {
    if let (ValueRef::Blob(whole), ValueRef::Blob(part)) = (context.get_raw(0), context.get_raw(1)) {
        return Ok(Some(memmem::find(whole, part).map_or(0, position)));
    }
    let (Some(whole), Some(part)) = (text(context, 0)?, text(context, 1)?) else {
        return Ok(None);
    };
    let found = memmem::find(whole.as_bytes(), part.as_bytes());
    let before = found.and_then(|at| whole.get(..at));
    Ok(Some(before.map_or(0, |before| position(before.chars().count()))))
}

fn position(offset: usize) -> i64 {
    i64::try_from(offset).map_or(i64::MAX, |offset| offset + 1)
}

/// `replace(X, Y, Z)`: X with Z for every Y.
fn replace(context: &Context<'_>, longest: u64) -> Result<Option<String>> {
    let (Some(whole), Some(part)) = (text(context, 0)?, text(context, 1)?) else {
        return Ok(None);
    };
    if part.is_empty() {
        return Ok(Some(whole));
    }
    let Some(by) = text(context, 2)? else {
        return Ok(None);
    };
    let finder = memmem::Finder::new(part.as_bytes());
    let found = finder.find_iter(whole.as_bytes()).count() as u64;
    let length = (whole.len() as u64 - found * part.len() as u64)
        .saturating_add(found.saturating_mul(by.len() as u64));
    if length > longest {
        return Err(failed("the result of replace() is too long"));
    }
    let mut result = String::with_capacity(usize::try_from(length).unwrap_or(0));
    let mut done = 0;
    for at in finder.find_iter(whole.as_bytes()) {
        result.push_str(whole.get(done..at).unwrap_or_default());
        result.push_str(&by);
        done = at + part.len();
    }
    result.push_str(whole.get(done..).unwrap_or_default());
    Ok(Some(result))
}

/// `trim(X, Y)`: X without the characters of Y at its ends.
fn trim(context: &Context<'_>, ends: Ends) -> Result<Option<String>> {
    let (Some(whole), Some(part)) = (text(context, 0)?, text(context, 1)?) else {
        return Ok(None);
    };
    let unwanted: HashSet<char> = part.chars().collect();
    let is_unwanted = |c: char| unwanted.contains(&c);
    let mut rest = whole.as_str();
    if ends.start {
        rest = rest.trim_start_matches(is_unwanted);
    }
    if ends.end {
        rest = rest.trim_end_matches(is_unwanted);
    }
    Ok(Some(rest.to_owned()))
}

/// An argument as text; `None` is `NULL`.
fn text(context: &Context<'_>, index: usize) -> Result<Option<String>> {
    let utf8 = |bytes: &[u8]| {
        let text = std::str::from_utf8(bytes).map_err(|_| failed("a text is not UTF-8"))?;
        Ok(Some(text.to_owned()))
    };
    match context.get_raw(index) {
        ValueRef::Null => Ok(None),
        ValueRef::Integer(number) => Ok(Some(number.to_string())),
        ValueRef::Real(_) => Err(failed("a text function got a REAL; CAST it AS TEXT first")),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => utf8(bytes),
    }
}

fn failed(message: &'static str) -> Error {
    Error::UserFunctionError(message.into())
}
