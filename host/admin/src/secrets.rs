//! Secrets over HTTP: set, listed without their values, removed.

use axum::{
    extract::{FromRequestParts, Path, State},
    http::{StatusCode, request::Parts},
};
use platform_admin_types::{InjectionView, SecretList, SecretView, SetSecret};
use platform_domain::{Injection, Secret, SecretName, SecretUse, Slug};
use platform_registry::KeptSecret;

use crate::{AdminState, ApiError, Json, slug::SlugPath};

/// The challenge and the secret that a path names.
pub(crate) struct SecretPath(Slug, SecretName);

pub(crate) async fn list(
    State(state): State<AdminState>,
    SlugPath(slug): SlugPath,
) -> Result<Json<SecretList>, ApiError> {
    let (secrets, missing) = state.registry.secret_list(&slug).await?;
    Ok(Json(SecretList {
        secrets: secrets.into_iter().map(view).collect(),
        missing,
    }))
}

pub(crate) async fn set(
    State(state): State<AdminState>,
    SecretPath(slug, name): SecretPath,
    Json(set): Json<SetSecret>,
) -> Result<Json<SecretView>, ApiError> {
    let SetSecret { value, inject } = set;
    let usage = match inject {
        None => SecretUse::Reveal,
        Some(InjectionView { to, header }) => {
            let injection = Injection::new(to, header);
            let injection =
                injection.map_err(|error| ApiError::invalid_field("inject.to", error.to_string()))?;
            SecretUse::Inject(injection)
        }
    };
    let secret = Secret { name, usage, value };
    Ok(Json(view(state.registry.secret_set(&slug, secret).await?)))
}

pub(crate) async fn remove(
    State(state): State<AdminState>,
    SecretPath(slug, name): SecretPath,
) -> Result<StatusCode, ApiError> {
    state.registry.secret_remove(&slug, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn view(kept: KeptSecret) -> SecretView {
    let KeptSecret {
        name,
        usage,
        asked,
        set_at,
    } = kept;
    let inject = match usage {
        SecretUse::Reveal => None,
        SecretUse::Inject(injection) => Some(InjectionView {
            to: injection.to().clone(),
            header: injection.header().clone(),
        }),
    };
    SecretView {
        name,
        inject,
        asked,
        set_at,
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SecretPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let names = Path::<(String, String)>::from_request_parts(parts, state).await;
        let (slug, name) = names.map(|Path(names)| names).unwrap_or_default();
        let slug = crate::slug::parse(&slug)?;
        let name = name.parse::<SecretName>();
        let name = name.map_err(|error| ApiError::invalid_field("name", error.to_string()))?;
        Ok(Self(slug, name))
    }
}
