//! `platform state`: what challenges keep, in archives and on the disk.

use std::path::PathBuf;

use platform_admin_types::{
    ArchiveRequest, BackupView, Client, KeptStateView, PurgeView, RestoreView, StateList,
};
use platform_domain::Slug;

use crate::{
    cli::StateCommand,
    output::{Output, mebibytes, table},
};

pub(crate) async fn run(command: StateCommand, client: &Client, output: Output) -> anyhow::Result<()> {
    match command {
        StateCommand::List => output.show(&client.state_list().await?, list_text),
        StateCommand::Backup { file, challenges } => {
            output.progress("copying what the challenges keep; they go on meanwhile");
            output.show(
                &client.state_backup(&request(file, challenges)?).await?,
                backup_text,
            )
        }
        StateCommand::Restore { file, challenges } => {
            output.progress("reading and checking the archive");
            output.show(
                &client.state_restore(&request(file, challenges)?).await?,
                restore_text,
            )
        }
        StateCommand::Purge { slug } => output.show(&client.state_purge(&slug).await?, purge_text),
    }
}

/// A relative path means a place below the person's working directory, and the host has another one.
fn request(file: PathBuf, challenges: Vec<Slug>) -> anyhow::Result<ArchiveRequest> {
    Ok(ArchiveRequest {
        file: std::path::absolute(file)?,
        challenges: (!challenges.is_empty()).then(|| challenges.into_iter().collect()),
    })
}

fn list_text(list: &StateList) -> String {
    let row = |kept: &KeptStateView| {
        let registered = if kept.registered { "registered" } else { "deleted" };
        [
            kept.slug.to_string(),
            registered.to_owned(),
            mebibytes(kept.data_bytes),
            mebibytes(kept.database_bytes),
            mebibytes(kept.blob_bytes),
        ]
    };
    let rows: Vec<_> = list.challenges.iter().map(row).collect();
    table(["SLUG", "CHALLENGE", "FILES", "DATABASE", "BLOBS"], &rows)
}

fn backup_text(backup: &BackupView) -> String {
    let each = backup.challenges.iter().map(|archived| {
        let (slug, files, bytes) = (&archived.slug, archived.files, mebibytes(archived.bytes));
        format!("{slug}: {files} files, {bytes}")
    });
    let end = format!("written to {}", backup.file.display());
    each.chain([end]).collect::<Vec<_>>().join("\n")
}

fn restore_text(restored: &RestoreView) -> String {
    let slugs: Vec<_> = restored.challenges.iter().map(ToString::to_string).collect();
    format!("restored: {}", slugs.join(", "))
}

fn purge_text(purged: &PurgeView) -> String {
    format!("{} removed of {}", mebibytes(purged.bytes), purged.slug)
}
