//! `platform state`: what challenges keep, in archives and on the disk.

use std::path::PathBuf;

use anyhow::bail;
use platform_admin_types::{
    ArchiveRequest, BackupView, Client, KeptStateView, PurgeView, RestoreView, StateList, UnreachedView,
    VolumeView,
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
        StateCommand::Purge { slug } => {
            let purged = client.state_purge(&slug).await?;
            output.show(&purged, purge_text)?;
            match purged.unreached.as_slice() {
                [] => Ok(()),
                _ => bail!("something may be left of {slug}: purge it again when all engines can be reached"),
            }
        }
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
            volumes_text(&kept.volumes),
        ]
    };
    let rows: Vec<_> = list.challenges.iter().map(row).collect();
    let kept = table(
        ["SLUG", "CHALLENGE", "FILES", "DATABASE", "BLOBS", "VOLUMES"],
        &rows,
    );
    [kept]
        .into_iter()
        .chain(list.unreached.iter().map(unreached_text))
        .collect::<Vec<_>>()
        .join("\n")
}

/// How many, and how much is known to be in them.
fn volumes_text(volumes: &[VolumeView]) -> String {
    let known: Vec<_> = volumes.iter().filter_map(|volume| volume.bytes).collect();
    match (volumes.len(), known.as_slice()) {
        (0, _) => String::new(),
        (count, []) => count.to_string(),
        (count, known) => format!("{count}, {}", mebibytes(known.iter().sum())),
    }
}

pub(super) fn unreached_text(unreached: &UnreachedView) -> String {
    let UnreachedView { server, reason, hint } = unreached;
    let engine = server
        .as_ref()
        .map_or("the host's engine".to_owned(), ToString::to_string);
    format!("not reached: {engine}: {reason}\n  {hint}")
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
    let PurgeView {
        slug,
        bytes,
        volumes,
        unreached,
    } = purged;
    let volumes = volumes.iter().map(|volume| {
        let size = volume.bytes.map(|bytes| format!(" with {}", mebibytes(bytes)));
        let place = volume.server.as_ref().map(|server| format!(" on {server}"));
        let (size, place) = (size.unwrap_or_default(), place.unwrap_or_default());
        format!("volume {} removed{size}{place}", volume.name)
    });
    let state = format!("{} removed of {slug}", mebibytes(*bytes));
    let lines = [state].into_iter().chain(volumes);
    lines
        .chain(unreached.iter().map(unreached_text))
        .collect::<Vec<_>>()
        .join("\n")
}
