//! Maps of JSON and TOML as lists of pairs, because a key that occurs twice must be noticed: a map type would
//! keep one of the two silently.

use std::{fmt, marker::PhantomData};

use platform_domain::Hotkey;
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};

/// An object as a list of its entries, repeated keys and all; a list of pairs is read too.
#[derive(Debug)]
pub(crate) struct Pairs<V>(pub(crate) Vec<(String, V)>);

/// What is shown of a key that is refused: an address has 48 characters.
const SHOWN: usize = 48;

fn shown(key: &str) -> String {
    key.chars().take(SHOWN).collect()
}

impl<V> Pairs<V> {
    /// Reads every key as a hotkey.
    pub(crate) fn into_hotkeys<E: Error>(self) -> Result<Vec<(Hotkey, V)>, E> {
        let parse = |(text, value): (String, V)| match text.parse::<Hotkey>() {
            Ok(hotkey) => Ok((hotkey, value)),
            Err(e) => Err(E::custom(format_args!("{:?}: {e}", shown(&text)))),
        };
        self.0.into_iter().map(parse).collect()
    }

    pub(crate) fn of_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error>
    where
        V: Deserialize<'de>,
    {
        let mut pairs = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value();
            let value = value.map_err(|e| A::Error::custom(format_args!("{:?}: {e}", shown(&key))))?;
            pairs.push((key, value));
        }
        Ok(Self(pairs))
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Pairs<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<V>(PhantomData<V>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for Entries<V> {
            type Value = Pairs<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with a hotkey per entry, or a list of pairs that begin with one")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                Pairs::of_map(map)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = list.next_element()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_any(Entries(PhantomData))
    }
}
