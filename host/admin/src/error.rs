//! Every refusal of the private side, and the one place where it becomes HTTP. What the host knows of its
//! own failures is logged here, once, and never sent.

mod gpu_servers;

use std::io;

use axum::{
    http::{HeaderValue, StatusCode, header::WWW_AUTHENTICATE},
    response::{IntoResponse, Response},
};
use platform_admin_types::{ErrorBody, ErrorDetail};
use platform_domain::{Grant, with_causes};
use platform_registry::{
    ArchiveError, ComponentError, FleetError, KeyError, LoadError, OciError, RegistryError, SecretError,
    StateError, StoreError, Untrusted,
};

pub(crate) use gpu_servers::absent;
use gpu_servers::engine_failed;

/// An answer that is not a success.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    detail: ErrorDetail,
}

impl ApiError {
    /// A refusal: a stable word for programs and a sentence for people, both of which are sent.
    pub(crate) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        let detail = ErrorDetail {
            code: code.to_owned(),
            message: message.into(),
            field: None,
            hint: None,
        };
        Self { status, detail }
    }

    /// A failure of the host. The story is logged; what is sent says only that there is one.
    pub(crate) fn internal(story: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = %with_causes(story), "An admin request failed");
        let message = "the host failed; its log says why";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }

    /// A value that is not acceptable; an empty field stands for the body as a whole.
    pub(crate) fn invalid_field(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_field", reason).at(field)
    }

    /// The same refusal, about a field.
    #[must_use]
    pub(crate) fn at(mut self, field: impl Into<String>) -> Self {
        self.detail.field = Some(field.into()).filter(|field| !field.is_empty());
        self
    }

    /// The same refusal, with something the person could do.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.detail.hint = Some(hint.into());
        self
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Unauthorized")
    }

    pub(crate) fn no_such_path() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "there is nothing at this path",
        )
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "this path has other methods",
        )
    }

    pub(crate) fn no_such_challenge(slug: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            format!("Challenge '{slug}' not found"),
        )
        .hint("list the challenges to see which there are")
    }

    /// What it is made of, for an answer that has begun already.
    pub(crate) fn into_parts(self) -> (StatusCode, ErrorDetail) {
        (self.status, self.detail)
    }

    #[cfg(test)]
    pub(crate) fn parts(&self) -> (StatusCode, &ErrorDetail) {
        (self.status, &self.detail)
    }
}

impl From<RegistryError> for ApiError {
    fn from(error: RegistryError) -> Self {
        let conflict = |code| Self::new(StatusCode::CONFLICT, code, error.to_string());
        match &error {
            RegistryError::NotFound(slug) => Self::no_such_challenge(slug.as_str()),
            RegistryError::Exists(_) => {
                conflict("already_exists").hint("patch it, or delete it first: its files stay")
            }
            RegistryError::Field(field) => Self::invalid_field(&field.field, &field.reason),
            RegistryError::Transition(_) => conflict("transition_refused")
                .hint("a disabled challenge becomes inactive before it becomes active"),
            RegistryError::Active(_) => conflict("still_active").hint("deactivate it first"),
            RegistryError::InUse(_) => {
                conflict("in_use").hint("its last calls have not ended; try again in a moment")
            }
            RegistryError::HasGpus { .. } => conflict("in_use")
                .hint("its container has not ended yet: try again in a moment. If a server is lost for good: `platform gpu-server remove`"),
            RegistryError::StillRegistered(_) => {
                conflict("still_registered").hint("delete the challenge first; then it can be purged")
            }
            RegistryError::NoState(_) => Self::new(StatusCode::NOT_FOUND, "not_found", error.to_string())
                .hint("`platform state list` shows what is kept"),
            RegistryError::Archive(ArchiveError::Io(source)) => archive_io(source),
            RegistryError::Archive(source) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "archive_refused",
                source.to_string(),
            )
            .hint("nothing was changed; take another archive"),
            RegistryError::Disk(source) => archive_io(source),
            RegistryError::Image(_) => {
                conflict("components_only").hint("a container has its own way to this; see docs/operators/public.md")
            }
            RegistryError::NoAddress(_) => {
                conflict("no_address").hint("name an engine in [docker] endpoint, or run the container and say where it listens: `platform challenge patch SLUG --address http://HOST:PORT`")
            }
            RegistryError::NotRunning(_) => {
                conflict("not_running").hint("`platform challenge show SLUG` says where it stands, and why")
            }
            RegistryError::Elsewhere(_) => {
                conflict("runs_elsewhere").hint("ask the engine that runs it, `docker stats`; this host has only its address")
            }
            RegistryError::Engine(source) => engine_failed(source),
            RegistryError::Untrusted(untrusted) | RegistryError::Load(LoadError::Untrusted(untrusted)) => {
                not_trusted(untrusted)
            }
            RegistryError::NoVersion(_) => Self::new(StatusCode::NOT_FOUND, "not_found", error.to_string())
                .hint("`platform challenge history SLUG` shows what there was"),
            RegistryError::NoSecret(..) => Self::new(StatusCode::NOT_FOUND, "not_found", error.to_string())
                .hint("`platform secret list SLUG` shows what is set"),
            RegistryError::Secret(source) | RegistryError::Load(LoadError::Secrets(source)) => {
                not_opened(source)
            }
            RegistryError::Contended(_) => conflict("contended").hint("try again"),
            RegistryError::Fetch(source) => not_fetched(source),
            RegistryError::Component(source) => refused("component_refused", source).at("component"),
            RegistryError::Load(LoadError::Component(source)) => refused("cannot_start", source),
            RegistryError::Load(LoadError::Container(source)) => no_container(source),
            RegistryError::Load(source @ LoadError::SecretMissing(_)) => conflict_of("secret_missing", source),
            RegistryError::Load(source @ LoadError::Missing(_)) => {
                Self::new(StatusCode::CONFLICT, "component_missing", source.to_string())
            }
            RegistryError::Load(source @ LoadError::Content(OciError::Mismatch { .. })) => {
                Self::new(StatusCode::CONFLICT, "component_damaged", with_causes(source))
                    .hint("delete the challenge and register it again")
            }
            RegistryError::Content(_)
            | RegistryError::Load(_)
            | RegistryError::Store(_)
            | RegistryError::Host(_) => Self::internal(&error),
        }
    }
}

/// A container that cannot run: what an engine or an image is like is the operator's to know.
fn no_container(error: &FleetError) -> ApiError {
    let (status, code) = match error {
        FleetError::NoEngine | FleetError::NoServer(_) | FleetError::NoPlace(_) => {
            (StatusCode::CONFLICT, "no_place")
        }
        error if error.is_absence() => (StatusCode::SERVICE_UNAVAILABLE, "engine_absent"),
        FleetError::Store(_) | FleetError::Random(_) => return ApiError::internal(error),
        _ => (StatusCode::UNPROCESSABLE_ENTITY, "cannot_start"),
    };
    ApiError::new(status, code, with_causes(error))
}

fn conflict_of(code: &'static str, error: &LoadError) -> ApiError {
    ApiError::new(StatusCode::CONFLICT, code, error.to_string())
}

/// What the operator can do something about is said; the rest is the host's.
fn archive_io(error: &io::Error) -> ApiError {
    let (status, hint) = match error.kind() {
        io::ErrorKind::NotFound => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "there is no such file on the host",
        ),
        io::ErrorKind::AlreadyExists => (
            StatusCode::CONFLICT,
            "the file is there already; take another name",
        ),
        io::ErrorKind::PermissionDenied => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "the host's user may not read or write there",
        ),
        io::ErrorKind::StorageFull => (StatusCode::INSUFFICIENT_STORAGE, "the disk is full"),
        _ => return ApiError::internal(error),
    };
    let message = "the archive cannot be read or written";
    ApiError::new(status, "archive_file", message)
        .at("file")
        .hint(hint)
}

/// Secrets that cannot be sealed or opened: with the key the operator can help, and with a damaged row.
fn not_opened(error: &SecretError) -> ApiError {
    let (code, hint) = match error {
        SecretError::NoToken => (
            "no_token",
            "delete the challenge and register it again; what it keeps stays",
        ),
        SecretError::Key(KeyError::Missing(_)) => (
            "secrets_key",
            "put the file back; if it is lost, remove what is sealed with it (secrets, containers, GPU servers with certificates) and set it anew",
        ),
        SecretError::Key(KeyError::Open(_)) => (
            "secrets_key",
            "close it with chmod 600; if others may have read it, change the secrets where they come from",
        ),
        SecretError::Key(KeyError::Length(_)) => (
            "secrets_key",
            "name another file with secrets.key_file, or put the right one there",
        ),
        SecretError::Key(KeyError::Read { .. } | KeyError::Make { .. }) => (
            "secrets_key",
            "let the host's user read and write there, or name another file with secrets.key_file",
        ),
        SecretError::OtherKey { .. } => (
            "secret_sealed_otherwise",
            "put the right key file back, or set this secret anew",
        ),
        SecretError::Damaged(_) => ("secret_damaged", "set this secret anew"),
        SecretError::Store(StoreError::Row { .. }) => (
            "secret_damaged",
            "remove the secret that is named, and set it anew",
        ),
        SecretError::Key(KeyError::Random) | SecretError::Store(_) => return ApiError::internal(error),
    };
    ApiError::new(StatusCode::CONFLICT, code, with_causes(error)).hint(hint)
}

/// A registry that fails is a bad gateway; a reference that leads to nothing usable is the operator's.
fn not_fetched(error: &OciError) -> ApiError {
    let (status, code) = match error {
        OciError::Unreachable { .. }
        | OciError::TimedOut { .. }
        | OciError::Redirects { .. }
        | OciError::Denied { .. }
        | OciError::Unavailable { .. }
        | OciError::Certificates { .. }
        | OciError::Refused { .. } => (StatusCode::BAD_GATEWAY, "registry_unreachable"),
        OciError::NotFound { .. }
        | OciError::Ambiguous { .. }
        | OciError::Missing { .. }
        | OciError::TooLarge { .. }
        | OciError::Size { .. }
        | OciError::Mismatch { .. }
        | OciError::Json { .. }
        | OciError::Invalid { .. }
        | OciError::ConfigType { .. }
        | OciError::Layers { .. }
        | OciError::LayerType { .. }
        | OciError::Os { .. }
        | OciError::NoWasmEntry
        | OciError::NotALayout { .. }
        | OciError::Archive { .. }
        | OciError::Unfit(_)
        | OciError::NoArtifact
        | OciError::Unreadable { .. }
        | OciError::Unsafe { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "component_not_fetched"),
        OciError::StoreFull { .. } => (StatusCode::INSUFFICIENT_STORAGE, "store_full"),
        OciError::Io { .. } | OciError::Exists { .. } | OciError::NotPublishable | OciError::NotSignable => {
            return ApiError::internal(error);
        }
    };
    // Where there is something to do, the message itself says so.
    let text = error.to_string();
    let (message, hint) = text.split_once("; ").unwrap_or((&text, "check the reference"));
    ApiError::new(status, code, message).at("component").hint(hint)
}

/// The message itself says what there is to do.
fn not_trusted(untrusted: &Untrusted) -> ApiError {
    let text = untrusted.to_string();
    let (reason, hint) = text
        .split_once("; ")
        .unwrap_or((&text, "ask its author to sign it"));
    let message = format!("the component is not trusted: {reason}");
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "not_trusted", message)
        .at("component")
        .hint(hint)
}

/// What a component did wrong is for its author to read; what the host did wrong is not.
fn refused(code: &str, error: &ComponentError) -> ApiError {
    let hint = match error {
        ComponentError::UnknownImport { hint, .. } | ComponentError::NotAComponent { hint, .. } => hint,
        ComponentError::TooLarge { .. } => "build it with --release and strip its debug information",
        ComponentError::Malformed(_) => "check it with `wasm-tools validate`",
        ComponentError::OtherVersion { .. } => {
            "build it with the guest SDK of the version that this host speaks"
        }
        ComponentError::NoExports => {
            "export the interfaces of the world platform:challenge/challenge, or wasi:http/incoming-handler"
        }
        ComponentError::TwoRouteExports => {
            "export one of them: the SDK's routes, or wasi:http/incoming-handler"
        }
        ComponentError::Manifest(_) => "`platform inspect FILE` shows the manifest and what is wrong with it",
        ComponentError::TwoManifests => "link the guest SDK once",
        ComponentError::Mismatch(_) => "build it against the WIT package that this host publishes",
        ComponentError::Compile(_) => "build it for wasm32-wasip2 without unusual features",
        ComponentError::TooManyNames => "a challenge exports the interfaces of the contract and imports WASI",
        ComponentError::CompilerMemory(_)
        | ComponentError::CompilerCpu(_)
        | ComponentError::TooMuchCode { .. } => {
            "look for a very large function or much generated code, or raise the limit"
        }
        // It has not used up its processor time.
        ComponentError::CompilerTime(_) => {
            "serving goes before compiling: try again when the machine is less busy, or raise the limit"
        }
        ComponentError::CompilerCrashed(_) => "try again; if it happens again, the component is the cause",
        ComponentError::NotGranted(Grant::OutgoingHttp) => {
            "register or patch it with the hosts that it may speak to (--allow, or outbound)"
        }
        ComponentError::NotGranted(_) => "register or patch it with this name among its grants",
        ComponentError::State(StateError::Migration { .. }) => {
            "the database is as it was; migrations run on the schema that all of them before have made"
        }
        ComponentError::State(StateError::MigrationChanged { .. }) => {
            "leave migrations that were applied as they are, and add what changes to the end of the list"
        }
        ComponentError::State(_)
        | ComponentError::Digest { .. }
        | ComponentError::DataInUse(_)
        | ComponentError::Data { .. }
        | ComponentError::Host(_) => return ApiError::internal(error),
    };
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, code, with_causes(error)).hint(hint)
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self { status, detail } = self;
        let mut response = (status, axum::Json(ErrorBody { error: detail })).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
