//! `NAME=VALUE` on the command line.

use std::{collections::BTreeMap, str::FromStr};

/// One `NAME=VALUE`.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    name: String,
    value: String,
}

impl FromStr for Pair {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
        if name.is_empty() {
            Err("the name is empty")
        } else {
            Ok(Self {
                name: name.into(),
                value: value.into(),
            })
        }
    }
}

/// The pairs as a map; `None` when there are none, which on a patch means "as it is". Of a repeated name the
/// last counts.
pub(crate) fn map(pairs: Vec<Pair>) -> Option<BTreeMap<String, String>> {
    let map: BTreeMap<_, _> = pairs.into_iter().map(|pair| (pair.name, pair.value)).collect();
    Some(map).filter(|map| !map.is_empty())
}
