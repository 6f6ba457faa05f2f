//! What containers of challenges are called and told, as in the original platform: images made for it run unchanged.

use platform_domain::{PlainToken, SecretName, SecretValue, Slug};

use super::{ContainerSpec, SECRETS_DIR};
use crate::{Kind, Owner};

/// Where challenges listen.
const PORT: u16 = 8000;
/// The file with the token that the host shows to the challenge.
const TOKEN: &str = "challenge_token";

impl ContainerSpec {
    /// A challenge `challenge-{slug}` in a network of its own with that name, with its volume at `/data`, its token and its
    /// secrets as files, and the environment that tells it of all that. Everything can be changed afterwards.
    pub fn challenge(
        owner: Owner,
        slug: Slug,
        token: &PlainToken,
        secrets: impl IntoIterator<Item = (SecretName, SecretValue)>,
    ) -> Self {
        let name = format!("challenge-{slug}");
        let mut spec = Self::new(owner, Kind::Challenge, slug, name.clone());
        spec.network = Some(name);
        spec.port = Some(PORT);
        let data = format!("platform_{}_sqlite", spec.slug.as_str().replace('-', "_"));
        spec.volumes = "/data"
            .parse()
            .map(|data_dir| (data, data_dir))
            .into_iter()
            .collect();
        spec.env = [
            ("PLATFORM_CHALLENGE_SLUG", spec.slug.to_string()),
            (
                "CHALLENGE_DATABASE_URL",
                "sqlite+aiosqlite:////data/challenge.sqlite3".to_owned(),
            ),
            ("CHALLENGE_SHARED_TOKEN_FILE", format!("{SECRETS_DIR}/{TOKEN}")),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        for (name, value) in secrets {
            let variable = name.as_str().to_ascii_uppercase().replace('-', "_");
            let variable = format!("{variable}_FILE");
            // Nothing that is called like one of ours takes its place.
            spec.env
                .entry(variable)
                .or_insert_with(|| format!("{SECRETS_DIR}/{name}"));
            spec.secrets.insert(name, value);
        }
        let token = SecretValue::new(token.reveal().as_bytes().to_vec());
        spec.secrets
            .extend(TOKEN.parse().map(|name: SecretName| (name, token)));
        spec
    }
}
