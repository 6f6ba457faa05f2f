//! The vocabulary every other crate speaks: identifiers, records and the values that cross the
//! border of a challenge. Everything is parsed once, at the edge, into a type whose existence proves
//! that it is valid. No I/O, no clock, no randomness: those are arguments.

mod artifact;
mod call;
mod capability;
mod challenge;
mod config;
mod destination;
mod digest;
mod emission;
mod engine_endpoint;
mod failure_rule;
mod gpu;
mod gpu_request;
mod gpu_server;
mod grant;
mod hotkey;
mod ids;
mod incident;
mod injection;
mod instances;
mod job;
mod key_name;
mod labels;
mod limits;
mod log;
mod loosened;
mod manifest;
mod metagraph;
mod outbound;
mod placement;
mod proxy_path;
mod resources;
mod secret;
mod serving;
mod slug;
mod ss58;
mod status;
mod text;
mod timestamp;
mod token;
mod trust;
mod upstream_address;
mod version;

pub use artifact::{Artifact, ArtifactError, ComponentRef, ImageRef, PinnedComponent};
pub use call::{Caller, EpochContext, GuestError, RawWeight, Request, Response};
pub use capability::{Capability, UnknownCapability};
pub use challenge::{Challenge, DataMode, Runs, UnknownDataMode};
pub use config::{ConfigError, ConfigType, ConfigVariable, configured};
pub use destination::{Destination, DestinationError, Host, HttpScheme};
pub use digest::{Digest, DigestError};
pub use emission::{EmissionError, EmissionPercent};
pub use engine_endpoint::{EngineEndpoint, EngineEndpointError, SocketPath, SshUser};
pub use failure_rule::{FailureRule, MAX_LAST_GOOD, UnknownFailureRule};
pub use gpu::{
    GpuCapability, GpuKind, GpuKindError, GpuList, GpuListError, Holders, LeaseMode, UnknownGpuCapability,
    UnknownLeaseMode,
};
pub use gpu_request::{GpuChoice, GpuRequest, GpuRequestError};
pub use gpu_server::{
    GpuLease, GpuLeaseId, GpuLeaseIdError, GpuServer, GpuServerId, GpuServerIdError, LeaseState,
    UnknownLeaseState,
};
pub use grant::{Grant, UnknownGrant};
pub use hotkey::{Hotkey, HotkeyError};
pub use ids::{BlockHash, BlockHashError, BlockNumber, EpochId, MechanismId, Netuid, Uid, UnixSeconds};
pub use incident::{CalledFunction, IncidentKind, UnknownIncident};
pub use injection::{HeaderTemplate, HeaderTemplateError, InClear, Injection};
pub use instances::{Instances, UnknownInstances, Warm};
pub use job::{JobId, JobIdError, JobName, JobNameError, JobState, TaskName, UnknownJobState};
pub use key_name::{KeyName, KeyNameError};
pub use labels::{Labels, LabelsError};
pub use limits::{MAX_GPU_HOLDERS, MAX_GPUS, MAX_PIDS};
pub use log::{LogLevel, LogSource, UnknownLevel, UnknownSource};
pub use loosened::{Loosened, LoosenedError};
pub use manifest::{MANIFEST_MAX_BYTES, Manifest, ManifestError, ManifestLimits, RouteMatch, RouteRule};
pub use metagraph::{Metagraph, Neuron};
pub use outbound::{OutboundRule, OutboundRuleError};
pub use placement::{Candidate, Misfit, NoPlace, Placement, place};
pub use proxy_path::{BlockedPath, ProxyPath};
pub use resources::{ByteSize, Resources, ResourcesError};
pub use secret::{MAX_SECRET_NAME, Secret, SecretName, SecretNameError, SecretUse, SecretValue};
pub use serving::{CorsOrigin, CorsOriginError, MAX_CORS_ORIGINS, Serving};
pub use slug::{Slug, SlugError};
pub use ss58::{Ss58Address, Ss58Error};
pub use status::{Status, TransitionRefused, UnknownStatus};
pub use text::with_causes;
pub use timestamp::{Timestamp, TimestampError};
pub use token::{PlainToken, TokenHash, TokenHint};
pub use trust::{TrustPolicy, UnknownTrust};
pub use upstream_address::{UpstreamAddress, UpstreamAddressError};
pub use version::{Change, UnknownChange, Version};
