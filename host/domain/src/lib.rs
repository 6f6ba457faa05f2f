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
mod grant;
mod hotkey;
mod ids;
mod incident;
mod injection;
mod instances;
mod log;
mod manifest;
mod metagraph;
mod outbound;
mod proxy_path;
mod resources;
mod secret;
mod slug;
mod ss58;
mod status;
mod text;
mod timestamp;
mod token;

pub use artifact::{Artifact, ArtifactError, ComponentRef, ImageRef, PinnedComponent};
pub use call::{Caller, EpochContext, GuestError, RawWeight, Request, Response};
pub use capability::{Capability, UnknownCapability};
pub use challenge::{Challenge, DataMode, UnknownDataMode};
pub use config::{ConfigError, ConfigType, ConfigVariable, configured};
pub use destination::{Destination, DestinationError, Host, HttpScheme};
pub use digest::{Digest, DigestError};
pub use emission::{EmissionError, EmissionPercent};
pub use grant::{Grant, UnknownGrant};
pub use hotkey::{Hotkey, HotkeyError};
pub use ids::{BlockHash, BlockHashError, BlockNumber, EpochId, MechanismId, Netuid, Uid, UnixSeconds};
pub use incident::{CalledFunction, IncidentKind, UnknownIncident};
pub use injection::{HeaderTemplate, HeaderTemplateError, InClear, Injection};
pub use instances::{Instances, UnknownInstances, Warm};
pub use log::{LogLevel, LogSource, UnknownLevel, UnknownSource};
pub use manifest::{MANIFEST_MAX_BYTES, Manifest, ManifestError, ManifestLimits, RouteMatch, RouteRule};
pub use metagraph::{Metagraph, Neuron};
pub use outbound::{OutboundRule, OutboundRuleError};
pub use proxy_path::{BlockedPath, ProxyPath};
pub use resources::{ByteSize, Resources, ResourcesError};
pub use secret::{MAX_SECRET_NAME, Secret, SecretName, SecretNameError, SecretUse, SecretValue};
pub use slug::{Slug, SlugError};
pub use ss58::{Ss58Address, Ss58Error};
pub use status::{Status, TransitionRefused, UnknownStatus};
pub use text::with_causes;
pub use timestamp::{Timestamp, TimestampError};
pub use token::{PlainToken, TokenHash, TokenHint};
