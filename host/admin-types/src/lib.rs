//! The admin API on the wire: what a request may say, what an answer shows, and a client for both.
//!
//! These types know the vocabulary only. Deserialising checks form (names, numbers, references); what is
//! allowed in which state is decided by the host. Unknown fields are refused, so that a misspelt one is
//! not silently without effect.

mod chain;
mod challenge;
mod client;
mod container;
mod content;
mod error;
mod gpu_server;
mod health;
mod image;
mod job;
mod logs;
mod optional;
mod records;
mod secret;
mod state;
mod stats;
mod status;
mod version;
mod weights;

pub use chain::{
    CallView, ChainStatusView, CheckView, MetagraphView, NeuronView, NodeView, PreflightView, RehearsalView,
    SubnetView, TimingView,
};
pub use challenge::{
    BlobUsageView, ChallengeCreated, ChallengeList, ChallengeView, ComponentView, CreateChallenge,
    DataUsageView, DatabaseUsageView, DriftView, OutboundUsageView, PatchChallenge, RotateToken, TrustView,
};
pub use client::{Client, ClientError};
pub use container::ContainerView;
pub use content::{
    CollectRequest, CollectView, ContentKind, ContentList, ContentView, FetchedImageView, UnwantedImageView,
};
pub use error::{ErrorBody, ErrorDetail};
pub use gpu_server::{
    CertificatesView, ClientCertificates, CreateGpuServer, EngineFacts, EngineGpus, EngineView, GpuLeaseView,
    GpuServerHealthView, GpuServerList, GpuServerView, PatchGpuServer, PlacesView,
};
pub use health::{BreakerState, BreakerView, IncidentList, IncidentView};
pub use image::{PullImage, PullProgressView, PullRecord};
pub use job::{JobDetail, JobExitView, JobList, JobView};
pub use logs::{LOG_HEARTBEAT, LogLineView, LogList, LogQuery, LogRecord, LogStream};
pub use records::RecordStream;
pub use secret::{InjectionView, SecretList, SecretView, SetSecret};
pub use state::{
    ArchiveRequest, ArchivedView, BackupView, KeptStateView, PurgeView, RestoreView, StateList,
    UnreachedView, VolumeView,
};
pub use stats::{ContainerStatsView, StatsView};
pub use status::{
    ChallengeStatus, CodeView, CompilerView, CompilingView, HostStatus, Observed, ReconcilerStatus, StartStep,
};
pub use version::{RollBackChallenge, UpdateChallenge, VersionList, VersionView};
pub use weights::{
    AnswerView, EpochList, EpochView, PreviewView, RawAnswer, RawAnswers, SealedView, StepView, VectorView,
    WeightsStatus,
};
