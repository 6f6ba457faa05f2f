//! How the program speaks to registries: what the environment says, and what `docker login` left.

use std::{
    collections::{BTreeMap, HashMap},
    ffi::OsString,
    os::unix::ffi::OsStringExt as _,
    path::{Path, PathBuf},
};

use clap::Args;
use platform_domain::{ComponentRef, SecretValue};
use platform_oci::{Login, Registries, RegistrySettings};

use crate::settings::Config;

/// In the environment only: others see a command line.
const PASSWORD: &str = "PLATFORM_REGISTRY_PASSWORD";

/// Who publishes, and what the registry of the command is like.
#[derive(Debug, Default, Args)]
pub(crate) struct RegistryArgs {
    /// The user of the registry, whose password is in PLATFORM_REGISTRY_PASSWORD [default: as `docker login` left it].
    #[arg(long, env = "PLATFORM_REGISTRY_USERNAME", value_name = "NAME")]
    pub(crate) registry_username: Option<String>,
    /// More certificates of authorities to trust, PEM.
    #[arg(long, env = "PLATFORM_REGISTRY_CA_FILE", value_name = "FILE")]
    pub(crate) registry_ca_file: Option<PathBuf>,
    /// Speak plain HTTP to the registry, also when it is not on this machine.
    #[arg(long)]
    pub(crate) registry_plain_http: bool,
}

/// Those of a host.
pub(crate) fn of_host(config: &Config) -> Registries {
    with_docker(Registries::new(config.registries.clone()), &environment())
}

/// Those of a command about one reference.
pub(crate) fn of_command(args: &RegistryArgs, reference: &ComponentRef) -> anyhow::Result<Registries> {
    one(args, reference, &environment())
}

fn environment() -> HashMap<OsString, OsString> {
    std::env::vars_os().collect()
}

fn variable<'a>(environment: &'a HashMap<OsString, OsString>, name: &str) -> Option<&'a OsString> {
    let value = environment.get(Path::new(name).as_os_str());
    value.filter(|value| !value.is_empty())
}

fn with_docker(registries: Registries, environment: &HashMap<OsString, OsString>) -> Registries {
    let get = |name| variable(environment, name);
    let named = get("DOCKER_CONFIG").map(PathBuf::from);
    let usual = || get("HOME").map(|home| Path::new(home).join(".docker"));
    match named.or_else(usual) {
        Some(dir) => {
            let search = get("PATH").cloned().unwrap_or_default();
            registries.with_docker(dir.join("config.json"), search)
        }
        None => registries,
    }
}

fn one(
    args: &RegistryArgs,
    reference: &ComponentRef,
    environment: &HashMap<OsString, OsString>,
) -> anyhow::Result<Registries> {
    let ComponentRef::Registry { registry, .. } = reference else {
        return Ok(Registries::default());
    };
    let settings = RegistrySettings {
        ca_file: args.registry_ca_file.clone(),
        plain_http: args.registry_plain_http.then_some(true),
        ..RegistrySettings::default()
    };
    if let Err((key, reason)) = settings.check(registry) {
        anyhow::bail!("{key} {reason}");
    }
    let registries = Registries::new(BTreeMap::from([(registry.clone(), settings)]));
    let registries = with_docker(registries, environment);
    let username = args.registry_username.clone().filter(|name| !name.is_empty());
    match (username, variable(environment, PASSWORD)) {
        (Some(username), Some(password)) => {
            let login = Login {
                registry: registry.clone(),
                username,
                password: SecretValue::new(password.clone().into_vec()),
                from: format!("PLATFORM_REGISTRY_USERNAME and {PASSWORD}"),
            };
            Ok(registries.with_login(login))
        }
        (None, None) => Ok(registries),
        (Some(_), None) => anyhow::bail!("there is a user of the registry and no {PASSWORD}; set both"),
        (None, Some(_)) => anyhow::bail!("{PASSWORD} is set and no user of the registry; set both"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> HashMap<OsString, OsString> {
        let pairs = variables.iter();
        pairs.map(|(name, value)| (name.into(), value.into())).collect()
    }

    #[test]
    fn a_user_has_a_password_and_neither_is_shown() {
        let reference: ComponentRef = "registry.example/echo:1".parse().unwrap();
        for (username, password, fits) in [
            (None, None, true),
            (Some("ann"), Some("hunter2"), true),
            (Some("ann"), None, false),
            (None, Some("hunter2"), false),
            (Some(""), Some(""), true),
        ] {
            let args = RegistryArgs {
                registry_username: username.map(str::to_owned),
                ..RegistryArgs::default()
            };
            let password: Vec<_> = password
                .map(|password| (PASSWORD, password))
                .into_iter()
                .collect();
            let registries = one(&args, &reference, &environment(&password));
            assert_eq!(registries.is_ok(), fits, "{username:?}");
            assert!(!format!("{registries:?}").contains("hunter2"), "{registries:?}");
        }
    }

    #[test]
    fn what_docker_keeps_is_where_docker_looks_for_it() {
        for (variables, expected) in [
            (vec![], None),
            (vec![("HOME", "/home/ann")], Some("/home/ann/.docker/config.json")),
            (
                vec![("HOME", "/home/ann"), ("DOCKER_CONFIG", "/etc/docker")],
                Some("/etc/docker/config.json"),
            ),
        ] {
            let shown = format!(
                "{:?}",
                with_docker(Registries::default(), &environment(&variables))
            );
            match expected {
                Some(path) => assert!(shown.contains(&format!("\"{path}\"")), "{shown}"),
                None => assert!(!shown.contains("config.json"), "{shown}"),
            }
        }
    }
}
