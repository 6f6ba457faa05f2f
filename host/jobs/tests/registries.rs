//! Images that a registry does not give to everybody.

use std::{collections::BTreeMap, fs};

use platform_jobs::{ImageRules, JobError};
use platform_oci::{Registries, RegistrySettings};
use tempfile::TempDir;

use crate::{
    docker_registry::Registry,
    fixture::{Host, IMAGE, asks, config, own, shared},
};

/// `ann`, as `htpasswd -B` writes it.
const HTPASSWD: &str = "ann:$2y$05$abcdefghijklmnopqrstuuhBal7J21r/576h3EAlwqZAbZn.vSxYS\n";
const PASSWORD: &str = "~~~???>>>|||";

#[tokio::test]
async fn an_image_is_fetched_as_the_user_of_its_registry_and_as_nobody_of_another() {
    let dir = TempDir::new().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("htpasswd"), HTPASSWD).unwrap();
    fs::write(at("password"), PASSWORD).unwrap();
    let password_file = at("password");
    let path = at("htpasswd").display().to_string();
    let auth = format!("auth:\n  htpasswd:\n    realm: test\n    path: {path}\n");
    let registry = Registry::start_in(dir, &auth);
    let image = format!("{}/team/job:1", registry.address);
    let login = [
        "login",
        "--username",
        "ann",
        "--password",
        PASSWORD,
        &registry.address,
    ];
    assert!(shared().cli(&login).output().unwrap().status.success());
    shared().docker(&["tag", IMAGE, &image]);
    shared().docker(&["push", "--quiet", &image]);
    shared().docker(&["rmi", &image]);
    let user = RegistrySettings {
        username: Some("ann".to_owned()),
        password_file: Some(password_file),
        ..RegistrySettings::default()
    };
    let request = || {
        let mut request = asks("a", &["say", "fetched", "", "0"]);
        request.image = image.parse().unwrap();
        request
    };
    for (named, is_given) in [("registry.example", false), (registry.address.as_str(), true)] {
        let mut config = config();
        config.images = ImageRules::new(vec![format!("{}/team", registry.address).parse().unwrap()]);
        let registries = Registries::new(BTreeMap::from([(named.to_owned(), user.clone())]));
        let host = Host::start_as(TempDir::new().unwrap(), config, registries).await;
        match host.jobs.run(&own(), request()).await {
            Ok(result) => {
                assert!(is_given);
                assert_eq!(result.outcome.stdout, b"fetched\n");
            }
            Err(JobError::Failed(reason)) => {
                assert!(
                    !is_given && reason.contains("does not give the image"),
                    "{reason}"
                );
                assert!(!reason.contains(PASSWORD), "{reason}");
            }
            Err(error) => panic!("{error:?}"),
        }
        host.nothing_is_left();
    }
    shared().docker(&["rmi", &image]);
}
