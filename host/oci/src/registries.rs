//! What the operator says of registries: who is there whom one trusts, and as whom one comes.

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf, sync::Arc};

use platform_domain::{ComponentRef, SecretValue};
use reqwest::Certificate;
use serde::{Deserialize, Serialize};

use crate::{
    Login, OciError, Patience, Progress,
    credentials::{Credentials, Found, read, read_secret},
    docker::DockerConfig,
    endpoint::is_loopback,
    helper,
};

/// What is set for one registry. Files are read whenever they are needed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegistrySettings {
    /// The user's name.
    pub username: Option<String>,
    /// The file with the user's password.
    pub password_file: Option<PathBuf>,
    /// The file with a bearer token, instead of a user.
    pub token_file: Option<PathBuf>,
    /// More certificates of authorities that are trusted, PEM.
    pub ca_file: Option<PathBuf>,
    /// Whether plain HTTP is spoken. Without a word it is on the loopback interface, where there is no `ca_file`.
    pub plain_http: Option<bool>,
}

/// How registries are spoken to. The default is anonymous everywhere.
#[derive(Clone, Debug, Default)]
pub struct Registries {
    settings: Arc<BTreeMap<String, RegistrySettings>>,
    login: Option<Arc<Login>>,
    docker: Option<Arc<Docker>>,
    patience: Patience,
    progress: Option<Progress>,
}

/// Where Docker's configuration is, and where its helpers are looked for.
#[derive(Debug)]
struct Docker {
    config: PathBuf,
    search: OsString,
}

impl RegistrySettings {
    /// Whether they make sense for a registry of this name; if not, which key does not and why.
    pub fn check(&self, registry: &str) -> Result<(), (&'static str, &'static str)> {
        let named = format!("{registry}/x").parse();
        if !matches!(named, Ok(ComponentRef::Registry { registry: found, .. }) if found == registry) {
            return Err(("", "is no registry: write HOST or HOST:PORT, without https://"));
        }
        if self.username.is_some() != self.password_file.is_some() {
            return Err(("username", "must be set together with password_file"));
        }
        if self.username.as_ref().is_some_and(|name| name.contains(':')) {
            return Err(("username", "must not have a colon"));
        }
        if self.username.is_some() && self.token_file.is_some() {
            return Err(("token_file", "must not be set together with username"));
        }
        if self.plain_http == Some(true) && self.ca_file.is_some() {
            return Err(("ca_file", "is of no use with plain_http"));
        }
        Ok(())
    }
}

impl Registries {
    /// With these settings, by `HOST[:PORT]`.
    pub fn new(settings: BTreeMap<String, RegistrySettings>) -> Self {
        Self {
            settings: Arc::new(settings),
            ..Self::default()
        }
    }

    /// With a user of one registry, who comes before all settings.
    pub fn with_login(mut self, login: Login) -> Self {
        self.login = Some(Arc::new(login));
        self
    }

    /// With what Docker's `config.json` has where nothing is set. Its helpers are looked for in `search`, which is
    /// written like `PATH`.
    pub fn with_docker(mut self, config: PathBuf, search: OsString) -> Self {
        self.docker = Some(Arc::new(Docker { config, search }));
        self
    }

    /// With other times and numbers of tries.
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// Telling somebody how far transfers have come.
    pub fn with_progress(mut self, progress: Progress) -> Self {
        self.progress = Some(progress);
        self
    }

    pub(crate) fn progress(&self) -> Option<&Progress> {
        self.progress.as_ref()
    }

    pub(crate) fn patience(&self) -> Patience {
        self.patience
    }

    fn of(&self, registry: &str) -> Option<&RegistrySettings> {
        let mut all = self.settings.iter();
        let found = all.find(|(name, _)| name.eq_ignore_ascii_case(registry));
        found.map(|(_, settings)| settings)
    }

    /// Whether plain HTTP is spoken to a registry.
    pub(crate) fn is_plain(&self, registry: &str) -> bool {
        let settings = self.of(registry);
        let usual = is_loopback(registry) && settings.is_none_or(|settings| settings.ca_file.is_none());
        settings.and_then(|settings| settings.plain_http).unwrap_or(usual)
    }

    /// The certificates that are trusted for a registry besides those of the system.
    pub(crate) async fn certificates(&self, registry: &str) -> Result<Vec<Certificate>, OciError> {
        let Some((_, certificates)) = self.authority_of(registry).await? else {
            return Ok(Vec::new());
        };
        Ok(certificates)
    }

    /// The same as PEM.
    pub(crate) async fn authority(&self, registry: &str) -> Result<Option<Vec<u8>>, OciError> {
        Ok(self.authority_of(registry).await?.map(|(pem, _)| pem))
    }

    async fn authority_of(&self, registry: &str) -> Result<Option<(Vec<u8>, Vec<Certificate>)>, OciError> {
        let Some(path) = self.of(registry).and_then(|settings| settings.ca_file.clone()) else {
            return Ok(None);
        };
        let unusable = |reason: String| OciError::Certificates {
            path: path.clone(),
            reason,
        };
        let file = path.clone();
        let pem = off_thread(move || read(&file)).await.map_err(unusable)?;
        let found = Certificate::from_pem_bundle(&pem).unwrap_or_default();
        if found.is_empty() {
            return Err(unusable("there is no certificate in PEM".to_owned()));
        }
        Ok(Some((pem, found)))
    }

    /// The user and the password, or the token in its place, by which a registry lets the host in; for somebody else who pulls
    /// in its name, an engine for containers. `None` where there are none that can be handed on.
    pub async fn user(&self, registry: &str) -> Option<(String, SecretValue)> {
        match self.credentials(registry).await.credentials? {
            Credentials::Password { username, password } => Some((username, password)),
            Credentials::Identity(_) | Credentials::Bearer(_) => None,
        }
    }

    /// The credentials for a registry: those named for it, else Docker's. What cannot be read counts as none, and
    /// the reason stays with it.
    pub(crate) async fn credentials(&self, registry: &str) -> Found {
        if let Some(login) = self.login.as_ref().filter(|login| login.registry == registry) {
            let (username, password) = (login.username.clone(), login.password.clone());
            return Found::from(&login.from, Credentials::Password { username, password });
        }
        let found = match self.of(registry).cloned() {
            Some(settings) => settings.credentials().await,
            None => Ok(None),
        };
        match found {
            Ok(Some(found)) => found,
            Ok(None) => self.of_docker(registry).await.unwrap_or_else(Found::broken),
            Err(why) => Found::broken(why),
        }
    }

    async fn of_docker(&self, registry: &str) -> Result<Found, String> {
        let Some(docker) = &self.docker else {
            return Ok(Found::default());
        };
        let (path, name) = (docker.config.clone(), registry.to_owned());
        let read = off_thread(move || {
            let config = DockerConfig::read(&path)?;
            Ok(config.map(|config| (config.helper(&name), config.own(&name))))
        });
        let Some((helper, own)) = read.await? else {
            return Ok(Found::default());
        };
        if let Some((name, server)) = helper {
            let asked = helper::ask(&name, &server, &docker.search, self.patience.helper);
            if let Some(credentials) = asked.await? {
                return Ok(Found::from(format!("docker-credential-{name}"), credentials));
            }
        }
        let path = docker.config.display();
        match own.map_err(|why| format!("in {path} {why}"))? {
            Some(credentials) => Ok(Found::from(path.to_string(), credentials)),
            None => Ok(Found::default()),
        }
    }
}

impl RegistrySettings {
    async fn credentials(self) -> Result<Option<Found>, String> {
        let secret = |path: &PathBuf| {
            let path = path.clone();
            off_thread(move || read_secret(&path))
        };
        if let (Some(username), Some(path)) = (self.username, &self.password_file) {
            let password = secret(path).await?;
            let credentials = Credentials::Password { username, password };
            return Ok(Some(Found::from(path.display().to_string(), credentials)));
        }
        let Some(path) = &self.token_file else {
            return Ok(None);
        };
        let credentials = Credentials::Bearer(secret(path).await?);
        Ok(Some(Found::from(path.display().to_string(), credentials)))
    }
}

/// Reads where that stops nobody else.
async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_) => Err("the host is being stopped".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_make_no_sense_are_refused_with_their_key() {
        let set = |json: &str| serde_json::from_str::<RegistrySettings>(json).unwrap();
        for (registry, json, expected) in [
            ("registry.example", "{}", None),
            (
                "registry.example:5000",
                r#"{"username":"a","password_file":"b"}"#,
                None,
            ),
            ("[::1]:5000", r#"{"token_file":"b","ca_file":"c"}"#, None),
            ("docker.io", r#"{"plain_http":false,"ca_file":"c"}"#, None),
            ("https://registry.example", "{}", Some("")),
            ("registry.example/team", "{}", Some("")),
            ("registry", "{}", Some("")),
            ("registry.example", r#"{"username":"a"}"#, Some("username")),
            ("registry.example", r#"{"password_file":"a"}"#, Some("username")),
            (
                "registry.example",
                r#"{"username":"a:b","password_file":"c"}"#,
                Some("username"),
            ),
            (
                "registry.example",
                r#"{"username":"a","password_file":"b","token_file":"c"}"#,
                Some("token_file"),
            ),
            (
                "registry.example",
                r#"{"plain_http":true,"ca_file":"c"}"#,
                Some("ca_file"),
            ),
        ] {
            let refused = set(json).check(registry).err().map(|(key, _)| key);
            assert_eq!(refused, expected, "{registry} {json}");
        }
    }

    #[test]
    fn plain_http_is_spoken_on_this_machine_and_where_it_is_asked_for() {
        for (registry, json, expected) in [
            ("127.0.0.1:5000", "{}", true),
            ("127.0.0.1:5000", r#"{"plain_http":false}"#, false),
            ("127.0.0.1:5000", r#"{"ca_file":"x"}"#, false),
            ("registry.example", "{}", false),
            ("registry.example", r#"{"plain_http":true}"#, true),
            ("REGISTRY.example", r#"{"plain_http":true}"#, true),
        ] {
            let settings = serde_json::from_str(json).unwrap();
            let registries = Registries::new([(registry.to_owned(), settings)].into());
            assert_eq!(
                registries.is_plain(&registry.to_lowercase()),
                expected,
                "{registry} {json}"
            );
            assert!(!registries.is_plain("other.example"));
        }
    }
}
