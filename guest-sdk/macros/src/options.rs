//! The options of `#[challenge(...)]`.

use proc_macro2::Span;
use serde_json::{Map, Value, json};
use syn::{
    Error, Ident, LitInt, LitStr, Result, Token, parenthesized,
    parse::{Parse, ParseStream},
};

/// What the attribute states of the challenge.
pub(crate) struct Options {
    pub(crate) name: String,
    pub(crate) version: Option<String>,
    pub(crate) description: Option<String>,
    /// Whether `/data` is asked for.
    pub(crate) data: bool,
    pub(crate) limits: Map<String, Value>,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let (mut name, mut version, mut description, mut data) = (None, None, None, None);
        let mut limits = None;
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            match key.to_string().as_str() {
                "name" => once(&mut name, &key, text(input)?)?,
                "version" => once(&mut version, &key, text(input)?)?,
                "description" => once(&mut description, &key, text(input)?)?,
                "data" => once(&mut data, &key, data_mode(input)?)?,
                "limits" => once(&mut limits, &key, parse_limits(input)?)?,
                _ => {
                    let known = "known are name, version, description, data and limits";
                    return Err(Error::new(key.span(), format!("unknown option; {known}")));
                }
            }
            comma(input)?;
        }
        let missing = || {
            Error::new(
                Span::call_site(),
                "a challenge needs a name: #[challenge(name = \"...\")]",
            )
        };
        Ok(Self {
            name: name.filter(|name| !name.trim().is_empty()).ok_or_else(missing)?,
            version,
            description,
            data: data.unwrap_or(false),
            limits: limits.unwrap_or_default(),
        })
    }
}

/// Fills the slot of an option, which may be written once.
pub(crate) fn once<T>(slot: &mut Option<T>, key: &Ident, value: T) -> Result<()> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::new(key.span(), "written twice")),
    }
}

/// The comma between two options; the last may have one too.
pub(crate) fn comma(input: ParseStream<'_>) -> Result<()> {
    if input.is_empty() {
        Ok(())
    } else {
        input.parse::<Token![,]>().map(drop)
    }
}

/// The number after `=`.
pub(crate) fn number(input: ParseStream<'_>) -> Result<u64> {
    input.parse::<Token![=]>()?;
    let literal: LitInt = input.parse()?;
    match literal.base10_parse()? {
        0 => Err(Error::new(literal.span(), "zero would refuse everything")),
        number => Ok(number),
    }
}

fn text(input: ParseStream<'_>) -> Result<String> {
    input.parse::<Token![=]>()?;
    Ok(input.parse::<LitStr>()?.value())
}

fn data_mode(input: ParseStream<'_>) -> Result<bool> {
    input.parse::<Token![=]>()?;
    let mode: Ident = input.parse()?;
    match mode.to_string().as_str() {
        "none" => Ok(false),
        "exclusive" => Ok(true),
        _ => Err(Error::new(mode.span(), "data is none or exclusive")),
    }
}

fn parse_limits(input: ParseStream<'_>) -> Result<Map<String, Value>> {
    let inside;
    parenthesized!(inside in input);
    let mut limits = Map::new();
    while !inside.is_empty() {
        let key: Ident = inside.parse()?;
        let value = match key.to_string().as_str() {
            "memory" => json!(size(&inside)?),
            "route_ms" | "weights_ms" => json!(number(&inside)?),
            _ => {
                return Err(Error::new(
                    key.span(),
                    "known limits are memory, route_ms and weights_ms",
                ));
            }
        };
        once(&mut limits.insert(key.to_string(), value), &key, Value::Null)?;
        comma(&inside)?;
    }
    Ok(limits)
}

/// A size as the host reads it: a whole number with a binary unit.
fn size(input: ParseStream<'_>) -> Result<String> {
    input.parse::<Token![=]>()?;
    let literal: LitStr = input.parse()?;
    let text = literal.value();
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = text.strip_suffix(unit).unwrap_or_default();
    let good = digits.parse::<u32>().is_ok_and(|number| number > 0) && matches!(unit, "KiB" | "MiB" | "GiB");
    if good {
        Ok(text)
    } else {
        Err(Error::new(
            literal.span(),
            "not a size; write for example \"64MiB\"",
        ))
    }
}
