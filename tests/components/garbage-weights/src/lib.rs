//! Answers for weights with what no challenge should; `MODE` in the environment says with what. It exports
//! weights alone, and has no manifest.

wit_bindgen::generate!({ path: "../../../wit/0.1.0", world: "weights-only" });

use exports::platform::challenge::weights::{EpochContext, Error, Guest, Weight};

struct Garbage;

const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

impl Guest for Garbage {
    fn get_weights(_: EpochContext) -> Result<Vec<Weight>, Error> {
        let mode = std::env::var("MODE").unwrap_or_default();
        let good = (ALICE.to_owned(), 1.0);
        let bob = |score| vec![good.clone(), (BOB.to_owned(), score)];
        let entries = match mode.as_str() {
            "nan" => bob(f64::NAN),
            "infinity" => bob(f64::INFINITY),
            "negative" => bob(-1.0),
            "minus-infinity" => bob(f64::NEG_INFINITY),
            "minus-zero" => bob(-0.0),
            "zero" => vec![(ALICE.to_owned(), 0.0)],
            "duplicate" => vec![good.clone(), good],
            "malformed" => {
                let bad = [
                    "",
                    "5Grw",
                    "not a key",
                    &BOB.replace("694ty", "694tz"),
                    "\u{0}\u{202e}",
                ];
                std::iter::once(good)
                    .chain(bad.map(|hotkey| (hotkey.to_owned(), 1.0)))
                    .collect()
            }
            "many" => (0..5000)
                .map(|number| (format!("5Nobody{number}"), 1.0))
                .collect(),
            "million" => vec![good; 1_000_000],
            "huge" => vec![("x".repeat(16 << 20), 1.0)],
            "extremes" => vec![(ALICE.to_owned(), f64::MAX), (BOB.to_owned(), f64::MIN_POSITIVE)],
            "error" => return Err(Error::Internal("x".repeat(1 << 20))),
            "not-utf8" => {
                // SAFETY: it is not sound, and nothing here looks at the text again.
                vec![(unsafe { String::from_utf8_unchecked(vec![0xff]) }, 1.0)]
            }
            "empty" => Vec::new(),
            other => return Err(Error::BadRequest(format!("unknown MODE {other:?}"))),
        };
        Ok(entries
            .into_iter()
            .map(|(hotkey, score)| Weight { hotkey, score })
            .collect())
    }
}

export!(Garbage);
