//! The options of `#[challenge(...)]`.

use proc_macro2::Span;
use serde_json::{Map, Value, json};
use syn::{
    Error, Ident, LitInt, LitStr, Result, Token, parenthesized,
    parse::{Parse, ParseStream},
};

use crate::{config::Config, migrations::Migrations, outbound::Outbound, secrets::Secrets};

/// In seconds. The host lets no instance live longer.
const DAY: u32 = 24 * 60 * 60;

/// What the attribute states of the challenge.
pub(crate) struct Options {
    pub(crate) name: String,
    pub(crate) version: Option<String>,
    pub(crate) description: Option<String>,
    /// Whether `/data` is asked for.
    pub(crate) data: bool,
    pub(crate) instances: Option<Instances>,
    pub(crate) migrations: Migrations,
    pub(crate) config: Config,
    pub(crate) outbound: Outbound,
    pub(crate) secrets: Secrets,
    pub(crate) limits: Map<String, Value>,
}

/// How long an instance may live, as the host reads it.
pub(crate) struct Instances {
    pub(crate) literal: LitStr,
    /// How many are kept when nothing is to be done.
    idle: u32,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let (mut name, mut version, mut description, mut data) = (None, None, None, None);
        let (mut instances, mut migrations, mut limits) = (None, None, None);
        let (mut config, mut outbound, mut secrets) = (None, None, None);
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            match key.to_string().as_str() {
                "name" => once(&mut name, &key, text(input)?)?,
                "version" => once(&mut version, &key, text(input)?)?,
                "description" => once(&mut description, &key, text(input)?)?,
                "data" => once(&mut data, &key, data_mode(input)?)?,
                "instances" => once(&mut instances, &key, parse_instances(input)?)?,
                "migrations" => once(&mut migrations, &key, input.parse()?)?,
                "config" => once(&mut config, &key, input.parse()?)?,
                "outbound" => once(&mut outbound, &key, input.parse()?)?,
                "secrets" => once(&mut secrets, &key, input.parse()?)?,
                "limits" => once(&mut limits, &key, parse_limits(input)?)?,
                _ => {
                    let known = "known are name, version, description, data, instances, migrations, config, outbound, \
                                 secrets and limits";
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
        let data = data.unwrap_or(false);
        if let Some(Instances { literal, .. }) = instances.as_ref().filter(|it| data && it.idle > 1) {
            let reason =
                "with data = exclusive one call runs at a time, so one instance is kept at most: warm(1)";
            return Err(Error::new(literal.span(), reason));
        }
        Ok(Self {
            name: name.filter(|name| !name.trim().is_empty()).ok_or_else(missing)?,
            version,
            description,
            data,
            instances,
            migrations: migrations.unwrap_or_default(),
            config: config.unwrap_or_default(),
            outbound: outbound.unwrap_or_default(),
            secrets: secrets.unwrap_or_default(),
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
            "memory" | "disk" | "database" | "blobs" => json!(size(&inside)?),
            "route_ms" | "weights_ms" => json!(number(&inside)?),
            _ => {
                return Err(Error::new(
                    key.span(),
                    "known limits are memory, disk, database, blobs, route_ms and weights_ms",
                ));
            }
        };
        once(&mut limits.insert(key.to_string(), value), &key, Value::Null)?;
        comma(&inside)?;
    }
    Ok(limits)
}

/// `per-call`, or `warm(N, CALLS, AGE)` of which the last two may be left out: as the host reads it.
fn parse_instances(input: ParseStream<'_>) -> Result<Instances> {
    input.parse::<Token![=]>()?;
    let literal: LitStr = input.parse()?;
    let text = literal.value();
    let inner = text.strip_prefix("warm(").and_then(|rest| rest.strip_suffix(')'));
    let idle = match inner {
        Some(inner) => idle(inner),
        None => (text == "per-call").then_some(0),
    };
    let known =
        "write \"per-call\", or for example \"warm(4, 1000, 60s)\": at least one of each, at most a day";
    match idle {
        Some(idle) => Ok(Instances { literal, idle }),
        None => Err(Error::new(literal.span(), known)),
    }
}

/// The idle instances of `N, CALLS, AGE`, when all of it can be read.
fn idle(inner: &str) -> Option<u32> {
    let mut parts = inner.split(',').map(str::trim);
    let idle = number_text(parts.next()?)?;
    if let Some(calls) = parts.next() {
        number_text(calls)?;
    }
    if let Some(age) = parts.next() {
        number_text(age.strip_suffix('s')?).filter(|seconds| *seconds <= DAY)?;
    }
    parts.next().is_none().then_some(idle)
}

/// Digits only, and not zero.
fn number_text(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number > 0)
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
