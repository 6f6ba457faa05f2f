//! How the public side serves a challenge, as flags that each change a part of it.

use std::{collections::BTreeSet, num::NonZeroU32, str::FromStr};

use clap::Args;
use platform_domain::{ByteSize, CorsOrigin, Serving, UpstreamAddress};

/// Each absent flag leaves its part as it is.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ServingArgs {
    /// Where the container of the challenge listens, for example http://127.0.0.1:8000; none for nowhere.
    ///
    /// For --image that somebody else runs: the host starts nothing, but serves what is there, asks it for weights and hands it what
    /// miners send. Give the container the token that is shown when the challenge is created.
    #[arg(long, value_name = "URL")]
    address: Option<Or<UpstreamAddress>>,
    /// The largest request body where its manifest declares none, for example 512KiB; none for the host's own.
    #[arg(long, value_name = "SIZE")]
    max_body: Option<Or<ByteSize>>,
    /// How many requests a second all clients together may make, and as many at one moment; none for any number.
    #[arg(long, value_name = "N")]
    rate: Option<Or<NonZeroU32>>,
    /// A site whose pages may read its answers in a browser, for example https://leaderboard.example, or * for every site;
    /// repeat for more. Replaces all of them; none for no site.
    ///
    /// With any site named, the host answers browsers (CORS) in the challenge's place. With none, what the challenge says of
    /// it passes.
    #[arg(long, value_name = "ORIGIN")]
    cors: Vec<Or<CorsOrigin>>,
}

/// A value, or the word `none`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Or<T>(pub(crate) Option<T>);

impl<T: FromStr> FromStr for Or<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        match text {
            "none" => Ok(Self(None)),
            text => text.parse().map(|value| Self(Some(value))),
        }
    }
}

impl ServingArgs {
    /// Whether any of them was given.
    pub(crate) fn is_given(&self) -> bool {
        let Self {
            address,
            max_body,
            rate,
            cors,
        } = self;
        address.is_some() || max_body.is_some() || rate.is_some() || !cors.is_empty()
    }

    /// Whether somebody else runs the container.
    pub(crate) fn is_elsewhere(&self) -> bool {
        matches!(self.address, Some(Or(Some(_))))
    }

    /// What becomes of it.
    pub(crate) fn apply(self, mut serving: Serving) -> Serving {
        let Self {
            address,
            max_body,
            rate,
            cors,
        } = self;
        if let Some(Or(address)) = address {
            serving.address = address;
        }
        if let Some(Or(max_body)) = max_body {
            serving.max_body = max_body;
        }
        if let Some(Or(rate)) = rate {
            serving.requests_per_second = rate;
        }
        if !cors.is_empty() {
            serving.cors_origins = cors
                .into_iter()
                .filter_map(|Or(origin)| origin)
                .collect::<BTreeSet<_>>();
        }
        serving
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        serving: ServingArgs,
    }

    fn after(serving: &Serving, flags: &[&str]) -> Serving {
        let line = ["x"].iter().chain(flags);
        Line::try_parse_from(line).unwrap().serving.apply(serving.clone())
    }

    #[test]
    fn each_flag_changes_its_part_and_none_takes_it_away() {
        let plain = Serving::default();
        assert_eq!(after(&plain, &[]), plain);
        assert!(!Line::try_parse_from(["x"]).unwrap().serving.is_given());
        let flags = [
            "--max-body",
            "8MiB",
            "--rate",
            "50",
            "--cors",
            "https://a.example",
            "--cors",
            "http://b.example:1",
        ];
        let all = after(&plain, &flags);
        assert_eq!(all.max_body, Some(ByteSize(8 << 20)));
        assert_eq!(all.requests_per_second.map(NonZeroU32::get), Some(50));
        assert_eq!(all.cors_origins.len(), 2);
        let slower = after(&all, &["--rate", "5"]);
        assert_eq!(slower.requests_per_second.map(NonZeroU32::get), Some(5));
        assert_eq!(
            (slower.max_body, &slower.cors_origins),
            (all.max_body, &all.cors_origins)
        );
        assert_eq!(
            after(&all, &["--rate", "none", "--max-body", "none", "--cors", "none"]),
            plain
        );
        assert!(Line::try_parse_from(["x", "--rate", "0"]).is_err());
        assert!(Line::try_parse_from(["x", "--cors", "a.example"]).is_err());
    }
}
