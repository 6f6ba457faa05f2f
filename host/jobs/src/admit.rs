//! Who may hand in jobs over HTTP: a container's challenge by its own token.

use platform_domain::{Artifact, Capability, Challenge, PlainToken, Slug, Status};
use platform_store::{StoreError, challenges};

use crate::Jobs;

/// Why somebody may not.
#[derive(Debug, thiserror::Error)]
pub enum NotAdmitted {
    /// No such challenge.
    #[error("unknown challenge")]
    Unknown,
    /// Not its token.
    #[error("invalid broker token")]
    Token,
    /// A component, which has an import for this, or a container whose operator did not let it.
    #[error("the challenge has not the capability docker_executor")]
    Capability,
    /// It does not run.
    #[error("the challenge is not active")]
    NotActive,
    /// The database failed. Not for whoever asked.
    #[error("the database failed")]
    Store(#[from] StoreError),
}

impl Jobs {
    /// Whether this token is that of a challenge which may hand in jobs over HTTP. Compared in constant time with the stored hash.
    pub async fn admit(&self, slug: &Slug, token: &PlainToken) -> Result<(), NotAdmitted> {
        let wanted = slug.clone();
        let read = move |connection: &platform_store::Connection| challenges::get(connection, &wanted);
        let record = self.0.store.read("job_admit", read).await?;
        judge(record.as_ref(), token)
    }
}

/// What is wrong with a challenge is told only to whoever has its token.
fn judge(record: Option<&Challenge>, token: &PlainToken) -> Result<(), NotAdmitted> {
    let challenge = record.ok_or(NotAdmitted::Unknown)?;
    if !challenge.token_hash.verifies(token) {
        return Err(NotAdmitted::Token);
    }
    let container = matches!(challenge.artifact, Artifact::Image(_));
    if !container || !challenge.capabilities.contains(&Capability::DockerExecutor) {
        return Err(NotAdmitted::Capability);
    }
    match challenge.status {
        Status::Active => Ok(()),
        Status::Draft | Status::Inactive | Status::Disabled => Err(NotAdmitted::NotActive),
    }
}
