//! From the wire to the registry and back. Everything is taken apart without `..`: a new field is a compile
//! error here until someone decides what it means on the wire.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use platform_admin_types::{
    self as wire, BlobUsageView, ChallengeView, ComponentView, CreateChallenge, DataUsageView,
    DatabaseUsageView, DriftView, OutboundUsageView, PatchChallenge, TrustView,
};
use platform_domain::{Artifact, Challenge, PinnedComponent, SecretName, Status};
use platform_registry::{
    BlobUsage, ChallengePatch, Code, CompilerStatus, DataUsage, DatabaseUsage, Drift, Health, NewChallenge,
    Observed, OutboundUsage, Running, Shown, Source, StartStep, Usage,
};

use crate::{ApiError, health::breaker_view};

pub(crate) fn new_challenge(create: CreateChallenge) -> Result<NewChallenge, ApiError> {
    let CreateChallenge {
        slug,
        component,
        image,
        fallback_image,
        name,
        version,
        emission_percent,
        on_failure,
        serving,
        status,
        required_capabilities,
        data,
        instances,
        grants,
        outbound,
        trust,
        follow,
        loosened,
        resources,
        volumes,
        env,
        secrets,
        description,
        metadata,
    } = create;
    let source = match (component, image) {
        (Some(component), None) => Source::Component(component),
        (None, Some(image)) => Source::Image(image),
        _ => {
            return Err(ApiError::invalid_field(
                "component",
                "name either a component or an image",
            ));
        }
    };
    Ok(NewChallenge {
        slug,
        source,
        fallback: fallback_image,
        name,
        version,
        emission_percent,
        on_failure,
        serving,
        status: status.unwrap_or(Status::Draft),
        capabilities: required_capabilities,
        data,
        instances,
        grants,
        outbound,
        trust,
        follow,
        loosened,
        resources,
        volumes,
        env,
        secrets,
        description,
        metadata,
    })
}

pub(crate) fn challenge_patch(patch: PatchChallenge) -> ChallengePatch {
    let PatchChallenge {
        fallback_image,
        name,
        version,
        emission_percent,
        on_failure,
        serving,
        status,
        required_capabilities,
        data,
        instances,
        grants,
        outbound,
        trust,
        follow,
        loosened,
        resources,
        volumes,
        env,
        secrets,
        description,
        metadata,
    } = patch;
    ChallengePatch {
        fallback: fallback_image,
        name,
        version,
        emission_percent,
        on_failure,
        serving,
        status,
        capabilities: required_capabilities,
        data,
        instances,
        grants,
        outbound,
        trust,
        follow,
        loosened,
        resources,
        volumes,
        env,
        secrets,
        description,
        metadata,
    }
}

/// What the host knows of a challenge beside its record.
pub(crate) struct Seen {
    pub(crate) secrets_missing: BTreeSet<SecretName>,
    pub(crate) trust: Option<Shown>,
    pub(crate) drift: Option<Drift>,
    pub(crate) observed: Observed,
    pub(crate) health: Arc<Health>,
    pub(crate) usage: Usage,
}

pub(crate) fn challenge_view(challenge: Challenge, seen: Seen) -> ChallengeView {
    let Seen {
        secrets_missing,
        trust,
        drift,
        observed: seen,
        health,
        usage,
    } = seen;
    let public_proxy_base_path = challenge.public_path();
    let grants = challenge.granted();
    let Challenge {
        slug,
        name,
        artifact,
        fallback,
        version,
        emission_percent,
        on_failure,
        serving,
        status,
        capabilities,
        data,
        instances,
        grants: _,
        outbound,
        trust: _,
        follow,
        loosened,
        resources,
        volumes,
        env,
        secrets,
        description,
        metadata,
        token_hash: _,
        token_hint,
        created_at,
        updated_at,
    } = challenge;
    let (component, image) = match artifact {
        Artifact::Component(PinnedComponent {
            reference,
            manifest,
            component,
        }) => (
            Some(ComponentView {
                reference,
                manifest_digest: manifest,
                digest: component,
            }),
            None,
        ),
        Artifact::Image(image) => (None, Some(image)),
    };
    ChallengeView {
        slug,
        name,
        component,
        image,
        fallback_image: fallback,
        version,
        emission_percent,
        on_failure,
        serving,
        status,
        observed: observed(seen),
        breaker: breaker_view(&health),
        public_proxy_base_path,
        required_capabilities: capabilities,
        data,
        data_usage: usage.files.map(data_usage),
        instances,
        grants,
        outbound,
        outbound_usage: usage.outbound.map(outbound_usage),
        trust: trust.map(trust_view),
        follow,
        drift: drift.map(drift_view),
        database_usage: usage.state.map(|state| database_usage(state.database)),
        blob_usage: usage.state.map(|state| blob_usage(state.blobs)),
        loosened,
        resources,
        volumes,
        env,
        secrets,
        secrets_missing,
        description,
        metadata,
        token_hint: token_hint.as_str().to_owned(),
        created_at,
        updated_at,
    }
}

fn trust_view(shown: Shown) -> TrustView {
    let Shown {
        policy,
        is_default,
        signed_by,
        unread,
    } = shown;
    TrustView {
        policy,
        is_default,
        signed_by,
        unread,
    }
}

fn drift_view(drift: Drift) -> DriftView {
    let Drift {
        checked_at,
        manifest,
        reason,
        ..
    } = drift;
    DriftView {
        checked_at,
        manifest_digest: manifest,
        reason,
    }
}

pub(crate) fn outbound_usage(usage: OutboundUsage) -> OutboundUsageView {
    let OutboundUsage {
        asked,
        answered,
        refused,
        failed,
    } = usage;
    OutboundUsageView {
        asked,
        answered,
        refused,
        failed,
    }
}

pub(crate) fn database_usage(usage: DatabaseUsage) -> DatabaseUsageView {
    let DatabaseUsage { bytes, limit } = usage;
    DatabaseUsageView {
        bytes,
        max_bytes: limit,
    }
}

pub(crate) fn blob_usage(usage: BlobUsage) -> BlobUsageView {
    let BlobUsage { bytes, limit } = usage;
    BlobUsageView {
        bytes,
        max_bytes: limit,
    }
}

pub(crate) fn data_usage(usage: DataUsage) -> DataUsageView {
    let DataUsage {
        bytes,
        files,
        max_bytes,
        max_files,
    } = usage;
    DataUsageView {
        bytes,
        max_bytes,
        files,
        max_files,
    }
}

pub(crate) fn observed(seen: Observed) -> wire::Observed {
    match seen {
        Observed::Running {
            since,
            code,
            container,
        } => wire::Observed::Running {
            since,
            code: code_view(code),
            container: container.map(|running| container_view(&running)),
        },
        Observed::Stopped => wire::Observed::Stopped,
        Observed::Starting { step, since } => wire::Observed::Starting {
            step: match step {
                StartStep::Loading => wire::StartStep::Loading,
                StartStep::WaitingForCompiler => wire::StartStep::WaitingForCompiler,
                StartStep::Compiling => wire::StartStep::Compiling,
            },
            since,
        },
        Observed::Failed { reason, at } => wire::Observed::Failed {
            reason: reason.to_string(),
            at,
        },
    }
}

fn container_view(running: &Running) -> wire::ContainerView {
    let Running {
        server,
        container,
        service,
        address,
        // How the host gets there is its own affair.
        relay: _,
        lease,
        shown,
    } = running;
    wire::ContainerView {
        server: server.clone(),
        id: container.clone(),
        service: service.clone(),
        address: address.clone(),
        gpu_lease: lease.clone(),
        allowed: shown.clone(),
    }
}

pub(crate) fn code_view(code: Code) -> wire::CodeView {
    let Code {
        bytes,
        compiling,
        cached,
        loading,
    } = code;
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    wire::CodeView {
        bytes,
        cached,
        compile_ms: millis(compiling),
        load_ms: millis(loading),
    }
}

pub(crate) fn compiler_view(status: CompilerStatus) -> wire::CompilerView {
    let CompilerStatus { compiling, waiting } = status;
    wire::CompilerView {
        compiling: compiling.map(|(component, since)| wire::CompilingView { component, since }),
        waiting,
    }
}
