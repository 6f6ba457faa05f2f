//! Who may hand in jobs over HTTP: a container's challenge by its own token.

use platform_domain::{Capability, Challenge, PlainToken, Runs, Slug, Status, UnixSeconds};
use platform_store::{
    Connection, StoreError, challenges,
    tokens::{self, PreviousToken},
};

use crate::{Jobs, jobs::now};

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
    /// Whether this token is that of a challenge which may hand in jobs over HTTP, or the one that it had before and that still
    /// counts. Compared in constant time with the stored hashes.
    pub async fn admit(&self, slug: &Slug, token: &PlainToken) -> Result<(), NotAdmitted> {
        let wanted = slug.clone();
        let read = move |connection: &Connection| {
            let record = challenges::get(connection, &wanted)?;
            let kept = tokens::get(connection, &wanted)?;
            Ok::<_, StoreError>((record, kept.and_then(|kept| kept.previous)))
        };
        let (record, previous) = self.0.store.read("job_admit", read).await?;
        judge(record.as_ref(), previous.as_ref(), token, now())
    }
}

/// What is wrong with a challenge is told only to whoever has its token.
fn judge(
    record: Option<&Challenge>,
    previous: Option<&PreviousToken>,
    token: &PlainToken,
    now: UnixSeconds,
) -> Result<(), NotAdmitted> {
    let challenge = record.ok_or(NotAdmitted::Unknown)?;
    // The last second in which it counts is one in which it does, as everywhere.
    let before = previous.filter(|previous| previous.until >= now);
    let before = before.and_then(|previous| previous.hash.as_ref());
    if !challenge.token_hash.verifies(token) && !before.is_some_and(|hash| hash.verifies(token)) {
        return Err(NotAdmitted::Token);
    }
    let container = matches!(challenge.runs(), Runs::Container(_));
    if !container || !challenge.capabilities.contains(&Capability::DockerExecutor) {
        return Err(NotAdmitted::Capability);
    }
    match challenge.status {
        Status::Active => Ok(()),
        Status::Draft | Status::Inactive | Status::Disabled => Err(NotAdmitted::NotActive),
    }
}
