//! What challenges keep, over HTTP. Archives are files of the host: they are large, and the operator who makes one is
//! where the host is, or has a way there.

use std::path::Path;

use axum::extract::State;
use platform_admin_types::{
    ArchiveRequest, ArchivedView, BackupView, KeptStateView, PurgeView, RestoreView, StateList,
    UnreachedView, VolumeView,
};
use platform_registry::{Contents, KeptState, KeptStates, KeptVolume, Purged, Unreached};

use crate::{AdminState, ApiError, Json, error::absent, slug::SlugPath};

pub(crate) async fn list(State(state): State<AdminState>) -> Result<Json<StateList>, ApiError> {
    let KeptStates {
        challenges,
        unreached,
    } = state.registry.state_list().await?;
    Ok(Json(StateList {
        challenges: challenges.into_iter().map(kept_view).collect(),
        unreached: unreached.into_iter().map(unreached_view).collect(),
    }))
}

pub(crate) async fn backup(
    State(state): State<AdminState>,
    Json(archive): Json<ArchiveRequest>,
) -> Result<Json<BackupView>, ApiError> {
    let ArchiveRequest { file, challenges } = archive;
    check_file(&file)?;
    let contents = state.registry.state_backup(file.clone(), challenges).await?;
    let Contents {
        format: _,
        made_at,
        challenges,
    } = contents;
    let archived = challenges.into_iter().map(|(slug, files)| ArchivedView {
        slug,
        files: files.len() as u64,
        bytes: files.iter().map(|file| file.size).sum(),
    });
    Ok(Json(BackupView {
        file,
        made_at,
        challenges: archived.collect(),
    }))
}

pub(crate) async fn restore(
    State(state): State<AdminState>,
    Json(archive): Json<ArchiveRequest>,
) -> Result<Json<RestoreView>, ApiError> {
    let ArchiveRequest { file, challenges } = archive;
    check_file(&file)?;
    let challenges = state.registry.state_restore(file, challenges).await?;
    Ok(Json(RestoreView { challenges }))
}

pub(crate) async fn purge(
    State(state): State<AdminState>,
    SlugPath(slug): SlugPath,
) -> Result<Json<PurgeView>, ApiError> {
    let Purged {
        bytes,
        volumes,
        unreached,
    } = state.registry.state_purge(&slug).await?;
    Ok(Json(PurgeView {
        slug,
        bytes,
        volumes: volumes.into_iter().map(volume_view).collect(),
        unreached: unreached.into_iter().map(unreached_view).collect(),
    }))
}

/// The host's own working directory is nobody's business.
fn check_file(file: &Path) -> Result<(), ApiError> {
    match file.is_absolute() && file.file_name().is_some() {
        true => Ok(()),
        false => Err(ApiError::invalid_field(
            "file",
            "an archive has an absolute path on the host",
        )),
    }
}

fn kept_view(kept: KeptState) -> KeptStateView {
    let KeptState {
        slug,
        registered,
        data,
        database,
        blobs,
        volumes,
    } = kept;
    KeptStateView {
        slug,
        registered,
        data_bytes: data,
        database_bytes: database,
        blob_bytes: blobs,
        volumes: volumes.into_iter().map(volume_view).collect(),
    }
}

fn volume_view(volume: KeptVolume) -> VolumeView {
    let KeptVolume {
        slug: _,
        server,
        name,
        bytes,
    } = volume;
    VolumeView { server, name, bytes }
}

pub(crate) fn unreached_view(unreached: Unreached) -> UnreachedView {
    let Unreached { server, why } = unreached;
    let (reason, hint) = absent(&why);
    UnreachedView {
        server,
        reason,
        hint: hint.to_owned(),
    }
}
