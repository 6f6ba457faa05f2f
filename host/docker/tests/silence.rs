//! Secrets reach no log, also not the library's, at any level.

use std::sync::Mutex;

use platform_docker::{JobSpec, PullAs};
use platform_domain::SecretValue;

use crate::fixture::{IMAGE, engine, image, job, nothing_is_left, owner};

/// What all of this process writes.
struct Everything(Mutex<Vec<String>>);

static EVERYTHING: Everything = Everything(Mutex::new(Vec::new()));

impl log::Log for Everything {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{} {}", record.target(), record.args());
        // Enough to prove that something is read.
        let mut lines = self.0.lock().unwrap();
        if lines.len() < 1000 || SECRETS.iter().any(|secret| line.contains(secret)) {
            lines.push(line);
        }
    }

    fn flush(&self) {}
}

/// As it is, as base64 has it, and as the library shows bytes.
const SECRETS: [&str; 3] = [
    "hunter-of-secrets",
    "aHVudGVyLW9mLXNlY3JldHM",
    "104, 117, 110, 116, 101, 114",
];

#[tokio::test]
async fn neither_secrets_nor_environment_nor_credentials_are_logged() {
    log::set_logger(&EVERYTHING).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let (engine, owner) = (engine(), owner("silent"));
    let secret = SecretValue::new(SECRETS[0].as_bytes().to_vec());
    let mut container = job(&owner, &["show", "/run/secrets/platform/a"]);
    container.secrets.insert("a".parse().unwrap(), secret.clone());
    container.env.insert("A".to_owned(), SECRETS[0].to_owned());
    let job = JobSpec {
        container,
        inputs: Vec::new(),
        deadline: std::time::Duration::from_secs(60),
    };
    let outcome = engine.run_job(job, &image(IMAGE).await).await.unwrap();
    assert_eq!(outcome.stdout, SECRETS[0].as_bytes());
    let credentials = PullAs::User {
        name: "ann".to_owned(),
        password: secret,
    };
    let nowhere = "127.0.0.1:1/no/such:image".parse().unwrap();
    assert!(engine.pull(&nowhere, Some(&credentials), |_| {}).await.is_err());
    nothing_is_left(&engine, &owner).await;
    let lines = EVERYTHING.0.lock().unwrap();
    assert!(lines.iter().any(|line| line.starts_with("bollard")));
    let told = lines
        .iter()
        .find(|line| SECRETS.iter().any(|secret| line.contains(secret)));
    assert_eq!(told, None);
}
