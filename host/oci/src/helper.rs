//! Asking a credential helper of Docker: a program that is given a registry's name and answers with a user.

use std::{env, ffi::OsStr, path::PathBuf, process::Stdio, time::Duration};

use platform_domain::SecretValue;
use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::Command,
};

use crate::{
    credentials::{Credentials, text},
    limits::MAX_CREDENTIALS,
};

/// In place of a user's name when the secret is an identity token.
const TOKEN_USER: &str = "<token>";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// The helper's program. A name that leads out of the search path is none.
fn program(name: &str, search: &OsStr) -> Option<PathBuf> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !name.chars().all(plain) {
        return None;
    }
    let file = format!("docker-credential-{name}");
    let mut all = env::split_paths(search).map(|dir| dir.join(&file));
    all.find(|path| path.is_file())
}

/// What the helper has for a server. Its errors are reasons, without anything of what it said.
pub(crate) async fn ask(
    name: &str,
    server: &str,
    search: &OsStr,
    within: Duration,
) -> Result<Option<Credentials>, String> {
    let told = |what: &str| format!("the credential helper docker-credential-{name} {what}");
    let Some(program) = program(name, search) else {
        return Err(told("is not there"));
    };
    let (done, output) = tokio::time::timeout(within, run(program, server))
        .await
        .map_err(|_| told("does not answer"))?
        .map_err(|error| told(&format!("cannot be used ({})", error.kind())))?;
    if !done {
        // The one failure that all of them put into the same words.
        let nothing = String::from_utf8_lossy(&output).contains("credentials not found");
        return if nothing { Ok(None) } else { Err(told("failed")) };
    }
    let answer: Answer = serde_json::from_slice(&output).map_err(|_| told("answered something else"))?;
    let secret = SecretValue::new(answer.secret.into_bytes());
    if text(&secret).is_none() || answer.username.chars().any(char::is_control) {
        return Err(told("answered something else"));
    }
    Ok(Some(match answer.username.as_str() {
        TOKEN_USER => Credentials::Identity(secret),
        _ => Credentials::Password {
            username: answer.username,
            password: secret,
        },
    }))
}

/// Whether it ended well, and what it said. It ends with this future.
async fn run(program: PathBuf, server: &str) -> std::io::Result<(bool, Vec<u8>)> {
    let mut command = Command::new(program);
    // What is in the host's own variables, a hotkey's seed among them, is not for other programs.
    let own = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PLATFORM_"));
    for (name, _) in own {
        command.env_remove(name);
    }
    let mut child = command
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // One that does not read has decided already.
        drop(input.write_all(server.as_bytes()).await);
    }
    let mut output = Vec::new();
    if let Some(from) = child.stdout.take() {
        from.take(MAX_CREDENTIALS).read_to_end(&mut output).await?;
    }
    Ok((child.wait().await?.success(), output))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_helper_is_a_program_of_the_search_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("docker-credential-one");
        std::fs::write(&path, "").unwrap();
        let search = env::join_paths([dir.path().join("none"), dir.path().to_owned()]).unwrap();
        assert_eq!(program("one", &search), Some(path));
        for name in ["two", "x/../one", "../one", "one\n"] {
            assert_eq!(program(name, &search), None, "{name}");
        }
    }
}
