//! An engine on another machine over SSH: Debian's `ssh` and `sshd`, joined by a pipe instead of a network.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use platform_docker::{Endpoint, Engine, EngineError};
use tempfile::TempDir;

use crate::fixture::{IMAGE, endpoint, job, nothing_is_left, owner, shared};

fn key(path: &Path) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(path)
        .status();
    assert!(
        made.expect("ssh is missing: apt-get install openssh-client")
            .success()
    );
}

/// A configuration for `ssh` with which any host is a server of our own, which lets in who has `client`.
fn server(dir: &Path) -> std::path::PathBuf {
    let at = |name: &str| dir.join(name);
    key(&at("host"));
    key(&at("client"));
    key(&at("stranger"));
    // Where it has none of its own, as in a container.
    drop(fs::create_dir("/run/sshd"));
    fs::copy(at("client.pub"), at("authorized")).unwrap();
    let server = format!(
        "HostKey {0}/host\nAuthorizedKeysFile {0}/authorized\nStrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\nSetEnv DOCKER_HOST={1}\n",
        dir.display(),
        shared().endpoint
    );
    fs::write(at("sshd_config"), server).unwrap();
    let known = fs::read_to_string(at("host.pub")).unwrap();
    fs::write(at("known"), format!("* {known}")).unwrap();
    config(dir, "client")
}

fn config(dir: &Path, identity: &str) -> std::path::PathBuf {
    let file = dir.join(format!("config-{identity}"));
    let text = format!(
        "ProxyCommand /usr/sbin/sshd -i -f {0}/sshd_config\nUserKnownHostsFile {0}/known\nIdentityFile {0}/{identity}\nIdentitiesOnly yes\nStrictHostKeyChecking yes\n",
        dir.display()
    );
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    file
}

/// The engine of all tests, over SSH.
pub(crate) fn engine(dir: &Path) -> Engine {
    let config_file = server(dir);
    Engine::new(there().with_ssh_config(&config_file)).unwrap()
}

fn there() -> Endpoint {
    let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
    endpoint(&format!("ssh://{}@gpu-1", user.trim()), None)
}

#[tokio::test]
async fn an_engine_over_ssh_does_what_a_local_one_does() {
    let dir = TempDir::new().unwrap();
    let engine = engine(dir.path());
    assert_eq!(engine.describe().await.unwrap().platform.os, "linux");
    let owner = owner("ssh");
    let image = engine.image(&IMAGE.parse().unwrap()).await.unwrap();
    let mut container = job(&owner, &["show", "/run/secrets/platform/a"]);
    let secret = platform_domain::SecretValue::new(b"over the pipe".to_vec());
    container.secrets.insert("a".parse().unwrap(), secret);
    let job = platform_docker::JobSpec {
        container,
        inputs: Vec::new(),
        deadline: std::time::Duration::from_secs(60),
    };
    let outcome = engine.run_job(job, &image).await.unwrap();
    assert_eq!(outcome.stdout, b"over the pipe");
    nothing_is_left(&engine, &owner).await;
    // Whoever is not let in is told in the words of ssh.
    let stranger = Engine::new(there().with_ssh_config(&config(dir.path(), "stranger"))).unwrap();
    let error = stranger.ping().await.unwrap_err();
    assert!(
        matches!(&error, EngineError::Absent { hint, .. } if hint.contains("Permission denied")),
        "{error:?}"
    );
}
