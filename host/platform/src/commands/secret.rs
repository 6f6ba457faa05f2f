//! `platform secret`: what challenges may know or send, and nobody else.

#![allow(
    rustdoc::bare_urls,
    rustdoc::broken_intra_doc_links,
    reason = "the comments are what a terminal shows as help"
)]

use std::{
    fs::File,
    io::{self, IsTerminal as _, Read},
    path::PathBuf,
};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use platform_admin_types::{Client, InjectionView, SecretList, SecretView, SetSecret};
use platform_domain::{HeaderTemplate, OutboundRule, SecretName, SecretValue, Slug, Timestamp};
use zeroize::Zeroizing;

use crate::output::{Output, table};

#[derive(Debug, Subcommand)]
pub(crate) enum SecretCommand {
    /// Set a secret; its value is read from standard input or a file, and shown by no command.
    ///
    /// Without --inject the challenge may read it: if its manifest asks for it by this name, and it is granted secrets
    /// (--grants). With --inject the host puts it into the challenge's requests to these hosts, and the challenge never
    /// sees it. The value is sealed with the host's key file before it is stored. A challenge that runs is started anew with
    /// it; calls that have begun end as they began.
    ///
    /// Example: pass show judge | platform secret set tsp JUDGE_KEY
    ///
    /// Example: platform secret set tsp API_KEY --file key.txt --inject https://api.example.com --header 'authorization:
    /// Bearer {}'
    Set(SetArgs),
    /// List what was set for a challenge, and what its manifest asks for and was not. Never shows a value.
    List {
        /// The challenge.
        slug: Slug,
    },
    /// Remove a secret. A challenge that runs is started anew without it.
    Remove {
        /// The challenge.
        slug: Slug,
        /// What it is called.
        name: SecretName,
    },
}

#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// The challenge.
    slug: Slug,
    /// What it is called: letters, digits, _ and -, a letter first.
    name: SecretName,
    /// Read the value from this file, to the last byte [default: standard input, without one line end at its end].
    #[arg(long)]
    file: Option<PathBuf>,
    /// Put it into requests to there: https://HOST[:PORT], https://*.DOMAIN, or http:// to this machine.
    ///
    /// The requests must be allowed (--allow of the challenge) and asked for by the manifest as all others.
    #[arg(long, value_name = "URL", requires = "header")]
    inject: Option<OutboundRule>,
    /// The header for it, {} in the secret's place. Replaces what the challenge writes there.
    #[arg(long, value_name = "'NAME: TEXT {}'", requires = "inject")]
    header: Option<HeaderTemplate>,
}

/// More than the host takes, so that it says what is wrong, and not gigabytes of a wrong file.
const READ_AT_MOST: u64 = 64 << 10;

pub(crate) async fn run(command: SecretCommand, client: &Client, output: Output) -> anyhow::Result<()> {
    match command {
        SecretCommand::Set(args) => set(args, client, output).await,
        SecretCommand::List { slug } => output.show(&client.secret_list(&slug).await?, list_text),
        SecretCommand::Remove { slug, name } => {
            client.secret_remove(&slug, &name).await?;
            output.show(&serde_json::json!({ "removed": name }), |_| {
                format!("{name} is removed from {slug}")
            })
        }
    }
}

async fn set(args: SetArgs, client: &Client, output: Output) -> anyhow::Result<()> {
    let SetArgs {
        slug,
        name,
        file,
        inject,
        header,
    } = args;
    let value = match file {
        Some(path) => {
            let context = || format!("cannot read {}", path.display());
            let file = File::open(&path).with_context(context)?;
            SecretValue::new(read(file).with_context(context)?)
        }
        None => {
            if io::stdin().is_terminal() {
                output.progress("type the value, which is shown as you type; end with Enter and Ctrl-D");
            }
            let mut value = read(io::stdin()).context("cannot read the value from standard input")?;
            value.truncate(without_line_end(&value).len());
            SecretValue::new(value)
        }
    };
    let inject = inject
        .zip(header)
        .map(|(to, header)| InjectionView { to, header });
    let set = client
        .secret_set(&slug, &name, &SetSecret { value, inject })
        .await?;
    output.show(&set, |set| {
        let note = note(set)
            .map(|note| format!("\nnote: {note}"))
            .unwrap_or_default();
        format!("{name} is set for {slug}: {}{note}", use_text(set))
    })
}

/// At once in its size: a vector that grows leaves copies behind.
fn read(from: impl Read) -> io::Result<Vec<u8>> {
    let mut read = Zeroizing::new(Vec::with_capacity(usize::try_from(READ_AT_MOST).unwrap_or(0)));
    from.take(READ_AT_MOST).read_to_end(&mut read)?;
    Ok(read.to_vec())
}

/// What a terminal and `echo` put at the end.
fn without_line_end(value: &[u8]) -> &[u8] {
    let value = value.strip_suffix(b"\n").unwrap_or(value);
    value.strip_suffix(b"\r").unwrap_or(value)
}

fn list_text(list: &SecretList) -> String {
    let row = |secret: &SecretView| {
        let set_at = Timestamp::from_millis(secret.set_at.0.saturating_mul(1000));
        [
            secret.name.to_string(),
            set_at.to_string(),
            use_text(secret),
            note(secret).unwrap_or_default().to_owned(),
        ]
    };
    let rows: Vec<_> = list.secrets.iter().map(row).collect();
    let mut text = table(["NAME", "SET", "USE", "NOTE"], &rows);
    for name in &list.missing {
        text.push_str(&format!("\n{name} is asked for by the manifest and not set"));
    }
    text
}

fn use_text(secret: &SecretView) -> String {
    match &secret.inject {
        None => "read by the challenge".to_owned(),
        Some(InjectionView { to, header }) => format!("sent to {to} as {header}"),
    }
}

fn note(secret: &SecretView) -> Option<&'static str> {
    let in_vain = secret.inject.is_none() && !secret.asked;
    in_vain.then_some("no effect: the manifest does not ask for it")
}

#[cfg(test)]
mod tests {
    use platform_domain::UnixSeconds;

    use super::*;

    #[test]
    fn one_line_end_is_taken_off_what_was_typed() {
        for (typed, value) in [
            ("a\n", "a"),
            ("a\r\n", "a"),
            ("a\n\n", "a\n"),
            ("a", "a"),
            (" a ", " a "),
            ("\n", ""),
        ] {
            assert_eq!(without_line_end(typed.as_bytes()), value.as_bytes(), "{typed:?}");
        }
    }

    #[test]
    fn a_list_says_what_each_is_for_and_what_is_missing() {
        let view = |name: &str, asked, inject| SecretView {
            name: name.parse().unwrap(),
            inject,
            asked,
            set_at: UnixSeconds(1_767_225_600),
        };
        let inject = InjectionView {
            to: "https://api.example.com".parse().unwrap(),
            header: "authorization: Bearer {}".parse().unwrap(),
        };
        let list = SecretList {
            secrets: vec![
                view("API_KEY", false, Some(inject)),
                view("SALT", true, None),
                view("TYPO", false, None),
            ],
            missing: ["SEED".parse().unwrap()].into(),
        };
        let text = list_text(&list);
        let lines: Vec<_> = text.lines().collect();
        assert!(
            lines[1].contains("sent to https://api.example.com as authorization: Bearer {}"),
            "{text}"
        );
        assert!(
            lines[2].contains("2026-01-01T00:00:00") && lines[2].contains("read by"),
            "{text}"
        );
        assert!(lines[3].contains("no effect"), "{text}");
        assert_eq!(lines[4], "SEED is asked for by the manifest and not set");
    }
}
