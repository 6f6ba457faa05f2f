//! GPU servers over HTTP: read, hand down, show.

mod view;

use axum::{
    extract::{FromRequestParts, Path, State},
    http::{StatusCode, header::LOCATION, request::Parts},
    response::IntoResponse,
};
use platform_admin_types::{
    CreateGpuServer, GpuServerHealthView, GpuServerList, GpuServerView, PatchGpuServer,
};
use platform_domain::GpuServerId;

use crate::{AdminState, ApiError, Json};
use view::{gpu_server_patch, gpu_server_view, health_view, new_gpu_server};

type Answer = Result<Json<GpuServerView>, ApiError>;

/// The server that a path names. An id that cannot exist is not found, like one that does not.
pub(crate) struct ServerPath(GpuServerId);

/// An invalid id is shown back up to here.
const SHOWN: usize = 80;

pub(crate) async fn list(State(state): State<AdminState>) -> Result<Json<GpuServerList>, ApiError> {
    let servers = state.gpu_servers.list().await?;
    Ok(Json(GpuServerList {
        servers: servers.into_iter().map(gpu_server_view).collect(),
    }))
}

pub(crate) async fn create(
    State(state): State<AdminState>,
    Json(create): Json<CreateGpuServer>,
) -> Result<impl IntoResponse, ApiError> {
    let seen = state.gpu_servers.create(new_gpu_server(create)).await?;
    let location = format!("/v1/admin/gpu-servers/{}", seen.server.id);
    let created = Json(gpu_server_view(seen));
    Ok((StatusCode::CREATED, [(LOCATION, location)], created))
}

pub(crate) async fn show(State(state): State<AdminState>, ServerPath(id): ServerPath) -> Answer {
    Ok(Json(gpu_server_view(state.gpu_servers.get(&id).await?)))
}

pub(crate) async fn change(
    State(state): State<AdminState>,
    ServerPath(id): ServerPath,
    Json(patch): Json<PatchGpuServer>,
) -> Answer {
    let seen = state.gpu_servers.patch(&id, gpu_server_patch(patch)).await?;
    Ok(Json(gpu_server_view(seen)))
}

pub(crate) async fn enable(State(state): State<AdminState>, ServerPath(id): ServerPath) -> Answer {
    Ok(Json(gpu_server_view(state.gpu_servers.enable(&id).await?)))
}

pub(crate) async fn disable(State(state): State<AdminState>, ServerPath(id): ServerPath) -> Answer {
    Ok(Json(gpu_server_view(state.gpu_servers.disable(&id).await?)))
}

pub(crate) async fn health(
    State(state): State<AdminState>,
    ServerPath(id): ServerPath,
) -> Result<Json<GpuServerHealthView>, ApiError> {
    Ok(Json(health_view(state.gpu_servers.health(&id).await?)))
}

pub(crate) async fn remove(
    State(state): State<AdminState>,
    ServerPath(id): ServerPath,
) -> Result<StatusCode, ApiError> {
    state.gpu_servers.delete(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl<S: Send + Sync> FromRequestParts<S> for ServerPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let text = text.map(|Path(text)| text).unwrap_or_default();
        let id = text.parse().map_err(|_| {
            let shown: String = text.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
            ApiError::no_such_gpu_server(&shown)
        })?;
        Ok(Self(id))
    }
}

#[cfg(test)]
mod tests;
