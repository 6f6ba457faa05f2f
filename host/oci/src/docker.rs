//! What `docker login` keeps: `config.json`. It names credentials, or programs that have them.

use std::{collections::BTreeMap, path::Path};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use platform_domain::SecretValue;
use serde::Deserialize;

use crate::credentials::{Credentials, read, text};

/// Docker Hub in that file.
const HUB: &str = "https://index.docker.io/v1/";

/// The file, as far as it is about credentials.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct DockerConfig {
    auths: Option<BTreeMap<String, Entry>>,
    cred_helpers: Option<BTreeMap<String, String>>,
    creds_store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

impl DockerConfig {
    /// `None` when there is no such file, which is usual.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, String> {
        if !path.try_exists().unwrap_or(true) {
            return Ok(None);
        }
        // What the parser says may show what is in the file.
        let invalid = |error: serde_json::Error| {
            let (line, column) = (error.line(), error.column());
            format!("{} is not valid at line {line}, column {column}", path.display())
        };
        serde_json::from_slice(&read(path)?).map(Some).map_err(invalid)
    }

    /// The helper for a registry, and what the registry is called there.
    pub(crate) fn helper(&self, registry: &str) -> Option<(String, String)> {
        let own = self.cred_helpers.iter().flatten();
        let mut own = own.filter(|(key, _)| is_for(key, registry));
        let name = own.next().map(|(_, name)| name).or(self.creds_store.as_ref())?;
        let server = if hub(registry) { HUB } else { registry };
        (!name.is_empty()).then(|| (name.clone(), server.to_owned()))
    }

    /// What the file itself has for a registry.
    pub(crate) fn own(&self, registry: &str) -> Result<Option<Credentials>, String> {
        let mut entries = self.auths.iter().flatten();
        let Some((_, entry)) = entries.find(|(key, _)| is_for(key, registry)) else {
            return Ok(None);
        };
        let secret = |text: &String| SecretValue::new(text.clone().into_bytes());
        let given = |text: &Option<String>| text.as_ref().filter(|text| !text.is_empty()).map(secret);
        let found = if let Some(token) = given(&entry.identitytoken) {
            Credentials::Identity(token)
        } else if let Some(token) = given(&entry.registrytoken) {
            Credentials::Bearer(token)
        } else if let Some(auth) = entry.auth.as_deref().filter(|auth| !auth.is_empty()) {
            let decoded = BASE64_STANDARD.decode(auth.trim()).map(SecretValue::new);
            let pair = decoded.ok().and_then(|pair| {
                let (username, password) = text(&pair)?.split_once(':')?;
                let password = SecretValue::new(password.as_bytes().to_vec());
                Some((username.to_owned(), password))
            });
            let (username, password) =
                pair.ok_or_else(|| format!("the entry for {registry} is not a name and a password"))?;
            Credentials::Password { username, password }
        } else {
            // `docker login` leaves an empty entry when a helper has the credentials.
            return Ok(None);
        };
        Ok(Some(found))
    }
}

fn hub(name: &str) -> bool {
    ["docker.io", "index.docker.io", "registry-1.docker.io"].contains(&name)
}

/// Whether a key of that file is for a registry. Keys were addresses once. One with another path than that of the
/// API is for a part of the registry, and not for all of it.
fn is_for(key: &str, registry: &str) -> bool {
    let bare = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"));
    let (host, path) = bare
        .unwrap_or(key)
        .split_once('/')
        .unwrap_or((bare.unwrap_or(key), ""));
    let whole = ["", "v1", "v1/", "v2", "v2/"].contains(&path);
    whole && (host.eq_ignore_ascii_case(registry) || (hub(host) && hub(registry)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_for_a_whole_registry_by_any_of_its_names() {
        for (key, registry, expected) in [
            ("registry.example", "registry.example", true),
            ("REGISTRY.example", "registry.example", true),
            ("https://registry.example", "registry.example", true),
            ("https://registry.example/v2/", "registry.example", true),
            ("http://registry.example:5000", "registry.example:5000", true),
            ("https://index.docker.io/v1/", "docker.io", true),
            ("docker.io", "docker.io", true),
            ("registry.example", "registry.example:5000", false),
            ("registry.example:5000", "registry.example", false),
            ("registry.example/team", "registry.example", false),
            ("example", "registry.example", false),
            ("registry.example", "example", false),
            ("", "registry.example", false),
        ] {
            assert_eq!(is_for(key, registry), expected, "{key} {registry}");
        }
    }

    #[test]
    fn a_helper_of_the_registry_comes_before_the_one_for_all() {
        let json = r#"{"credHelpers":{"a.example":"one"},"credsStore":"all"}"#;
        let config: DockerConfig = serde_json::from_str(json).unwrap();
        for (registry, name, server) in [
            ("a.example", "one", "a.example"),
            ("b.example", "all", "b.example"),
            ("docker.io", "all", HUB),
        ] {
            let helper = config.helper(registry);
            assert_eq!(helper, Some((name.to_owned(), server.to_owned())));
        }
    }

    #[test]
    fn an_entry_has_a_password_or_a_token_or_is_refused_without_showing_it() {
        let pair = BASE64_STANDARD.encode("ann:pass:word");
        let broken = BASE64_STANDARD.encode("hunter2");
        for (entry, expected) in [
            (format!(r#"{{"auth":"{pair}"}}"#), Ok("ann pass:word")),
            (
                format!(r#"{{"auth":"{pair}","identitytoken":"t"}}"#),
                Ok("identity t"),
            ),
            (r#"{"registrytoken":"t"}"#.to_owned(), Ok("bearer t")),
            ("{}".to_owned(), Ok("none")),
            (format!(r#"{{"auth":"{broken}"}}"#), Err(())),
            (r#"{"auth":"hunter2"}"#.to_owned(), Err(())),
        ] {
            let json = format!(r#"{{"auths":{{"a.example":{entry}}}}}"#);
            let config: DockerConfig = serde_json::from_str(&json).unwrap();
            let found = config.own("a.example").map(|found| match found {
                Some(Credentials::Password { username, password }) => {
                    format!("{username} {}", text(&password).unwrap())
                }
                Some(Credentials::Identity(token)) => format!("identity {}", text(&token).unwrap()),
                Some(Credentials::Bearer(token)) => format!("bearer {}", text(&token).unwrap()),
                None => "none".to_owned(),
            });
            if let Err(error) = &found {
                assert!(!error.contains(&broken) && !error.contains("hunter2"), "{error}");
            }
            assert_eq!(found.as_deref().map_err(|_| ()), expected, "{json}");
        }
    }
}
