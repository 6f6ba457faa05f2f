//! A typed client of the admin API, for the command line and for tests. Plain HTTP: the admin listener is
//! private; whoever crosses a network brings a tunnel.

mod gpu_servers;

use std::{error::Error, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Uri, header, uri::Scheme};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client as Http, connect::HttpConnector},
    rt::TokioExecutor,
};
use platform_domain::{JobId, PlainToken, SecretName, Slug};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    ArchiveRequest, BackupView, ChallengeCreated, ChallengeList, ChallengeView, CollectRequest, CollectView,
    ContentList, CreateChallenge, ErrorBody, ErrorDetail, HostStatus, IncidentList, JobDetail, JobList,
    JobView, PatchChallenge, PurgeView, RestoreView, RollBackChallenge, RotateToken, SecretList, SecretView,
    SetSecret, StateList, UpdateChallenge, VersionList,
};

/// Speaks to one host as its operator.
#[derive(Clone, Debug)]
pub struct Client {
    /// Scheme and authority, without a path.
    base: Uri,
    token: PlainToken,
    http: Http<HttpConnector, Full<Bytes>>,
}

/// Why a call did not give what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is not `http://HOST[:PORT]`.
    #[error("the address of the admin API is written http://HOST:PORT, without a path")]
    Address,
    /// The token has bytes that no header can carry.
    #[error("the admin token contains characters that cannot be sent")]
    Token,
    /// No connection, or it broke.
    #[error("the admin API at {address} cannot be reached")]
    Unreachable {
        /// Whom it tried.
        address: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// No answer within this time.
    #[error("the admin API did not answer within {} seconds", .0.as_secs())]
    Timeout(Duration),
    /// The host understood and refused.
    #[error("{message}")]
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// For programs.
        code: String,
        /// For people.
        message: String,
        /// The field that is wrong.
        field: Option<String>,
        /// What the person could do about it.
        hint: Option<String>,
    },
    /// Something answered that is not this API.
    #[error("the answer (status {status}) is not one of the admin API")]
    Foreign {
        /// The HTTP status.
        status: StatusCode,
    },
    /// The request has no JSON form.
    #[error("the request cannot be written as JSON")]
    Request(#[source] serde_json::Error),
}

impl Client {
    /// A create or an update may fetch a component, for ten minutes at most, and compile it before it is answered.
    pub const TIMEOUT: Duration = Duration::from_secs(900);
    /// An archive of everything.
    const LONG: Duration = Duration::from_secs(6 * 60 * 60);
    /// Far above the largest list of challenges; keeps a wrong address from filling the memory.
    const MAX_ANSWER: usize = 64 << 20;

    /// Takes the address of the admin listener, `http://HOST[:PORT]`, and the admin token. Connects to
    /// nothing yet.
    pub fn new(address: &str, token: PlainToken) -> Result<Self, ClientError> {
        let base: Uri = address.parse().map_err(|_| ClientError::Address)?;
        let bare = matches!(base.path(), "" | "/") && base.query().is_none();
        if base.scheme() != Some(&Scheme::HTTP) || base.host().is_none_or(str::is_empty) || !bare {
            return Err(ClientError::Address);
        }
        let http = Http::builder(TokioExecutor::new()).build_http();
        Ok(Self { base, token, http })
    }

    /// Registers a challenge.
    pub async fn challenge_create(&self, new: &CreateChallenge) -> Result<ChallengeCreated, ClientError> {
        self.post("/v1/admin/challenges", new).await
    }

    /// Gives a challenge another token.
    pub async fn challenge_rotate_token(
        &self,
        slug: &Slug,
        rotate: RotateToken,
    ) -> Result<ChallengeCreated, ClientError> {
        self.post(&format!("/v1/admin/challenges/{slug}/token/rotate"), &rotate)
            .await
    }

    /// Every challenge.
    pub async fn challenge_list(&self) -> Result<ChallengeList, ClientError> {
        self.get("/v1/admin/challenges").await
    }

    /// One challenge.
    pub async fn challenge_get(&self, slug: &Slug) -> Result<ChallengeView, ClientError> {
        self.get(&challenge(slug)).await
    }

    /// Changes fields of a challenge.
    pub async fn challenge_patch(
        &self,
        slug: &Slug,
        patch: &PatchChallenge,
    ) -> Result<ChallengeView, ClientError> {
        let body = serde_json::to_vec(patch).map_err(ClientError::Request)?;
        self.call(Method::PATCH, &challenge(slug), Some(body)).await
    }

    /// Gives a challenge another component.
    pub async fn challenge_update(
        &self,
        slug: &Slug,
        update: &UpdateChallenge,
    ) -> Result<ChallengeView, ClientError> {
        self.post(&format!("{}/update", challenge(slug)), update).await
    }

    /// Gives a challenge a component again that it had.
    pub async fn challenge_roll_back(
        &self,
        slug: &Slug,
        back: &RollBackChallenge,
    ) -> Result<ChallengeView, ClientError> {
        self.post(&format!("{}/rollback", challenge(slug)), back).await
    }

    /// Looks where the tag of a challenge leads now.
    pub async fn challenge_look(&self, slug: &Slug) -> Result<ChallengeView, ClientError> {
        self.call(Method::POST, &format!("{}/look", challenge(slug)), None)
            .await
    }

    /// What a challenge has run, the newest first.
    pub async fn challenge_versions(&self, slug: &Slug) -> Result<VersionList, ClientError> {
        self.get(&format!("{}/versions", challenge(slug))).await
    }

    /// Makes a challenge active.
    pub async fn challenge_activate(&self, slug: &Slug) -> Result<ChallengeView, ClientError> {
        self.call(Method::POST, &format!("{}/activate", challenge(slug)), None)
            .await
    }

    /// Makes a challenge inactive.
    pub async fn challenge_deactivate(&self, slug: &Slug) -> Result<ChallengeView, ClientError> {
        self.call(Method::POST, &format!("{}/deactivate", challenge(slug)), None)
            .await
    }

    /// Disables a challenge.
    pub async fn challenge_disable(&self, slug: &Slug) -> Result<ChallengeView, ClientError> {
        self.call(Method::POST, &format!("{}/disable", challenge(slug)), None)
            .await
    }

    /// What a challenge did wrong since the host started.
    pub async fn challenge_incidents(&self, slug: &Slug) -> Result<IncidentList, ClientError> {
        self.get(&format!("{}/incidents", challenge(slug))).await
    }

    /// Lets miners reach a challenge again whose breaker is open.
    pub async fn challenge_resume(&self, slug: &Slug) -> Result<ChallengeView, ClientError> {
        self.call(Method::POST, &format!("{}/breaker/close", challenge(slug)), None)
            .await
    }

    /// Removes a challenge that is not active; its files stay.
    pub async fn challenge_delete(&self, slug: &Slug) -> Result<(), ClientError> {
        self.send(Method::DELETE, &challenge(slug), None)
            .await
            .map(|_| ())
    }

    /// Sets a secret of a challenge.
    pub async fn secret_set(
        &self,
        slug: &Slug,
        name: &SecretName,
        set: &SetSecret,
    ) -> Result<SecretView, ClientError> {
        let body = serde_json::to_vec(set).map_err(ClientError::Request)?;
        self.call(Method::PUT, &secret(slug, name), Some(body)).await
    }

    /// What was set for a challenge, without the values.
    pub async fn secret_list(&self, slug: &Slug) -> Result<SecretList, ClientError> {
        self.get(&format!("{}/secrets", challenge(slug))).await
    }

    /// Removes a secret of a challenge.
    pub async fn secret_remove(&self, slug: &Slug, name: &SecretName) -> Result<(), ClientError> {
        self.send(Method::DELETE, &secret(slug, name), None)
            .await
            .map(|_| ())
    }

    /// What challenges keep on the disk.
    pub async fn state_list(&self) -> Result<StateList, ClientError> {
        self.get("/v1/admin/state").await
    }

    /// Writes an archive of what challenges keep.
    pub async fn state_backup(&self, archive: &ArchiveRequest) -> Result<BackupView, ClientError> {
        self.long("/v1/admin/state/backup", archive).await
    }

    /// Puts what an archive holds in the place of what challenges keep.
    pub async fn state_restore(&self, archive: &ArchiveRequest) -> Result<RestoreView, ClientError> {
        self.long("/v1/admin/state/restore", archive).await
    }

    /// Removes what a challenge kept that is not registered any more.
    pub async fn state_purge(&self, slug: &Slug) -> Result<PurgeView, ClientError> {
        self.call(Method::DELETE, &format!("/v1/admin/state/{slug}"), None)
            .await
    }

    /// What the content store holds.
    pub async fn store_list(&self) -> Result<ContentList, ClientError> {
        self.get("/v1/admin/store").await
    }

    /// Removes from it what no challenge is pinned to.
    pub async fn store_collect(&self, collect: &CollectRequest) -> Result<CollectView, ClientError> {
        self.post("/v1/admin/store/gc", collect).await
    }

    /// Jobs of one challenge or of all.
    pub async fn job_list(&self, slug: Option<&Slug>) -> Result<JobList, ClientError> {
        let query = slug.map(|slug| format!("?challenge={slug}"));
        self.get(&format!("/v1/admin/jobs{}", query.unwrap_or_default()))
            .await
    }

    /// One job.
    pub async fn job_get(&self, id: &JobId) -> Result<JobDetail, ClientError> {
        self.get(&format!("/v1/admin/jobs/{id}")).await
    }

    /// Ends a job.
    pub async fn job_cancel(&self, id: &JobId) -> Result<JobView, ClientError> {
        self.call(Method::POST, &format!("/v1/admin/jobs/{id}/cancel"), None)
            .await
    }

    /// How the host is.
    pub async fn status(&self) -> Result<HostStatus, ClientError> {
        self.get("/v1/admin/status").await
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body).map_err(ClientError::Request)?;
        self.call(Method::POST, path, Some(body)).await
    }

    /// The same for what may take as long as there is data.
    async fn long<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body).map_err(ClientError::Request)?;
        let sending = self.send_within(Self::LONG, Method::POST, path, Some(body));
        let (status, answer) = sending.await?;
        serde_json::from_slice(&answer).map_err(|_| ClientError::Foreign { status })
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<T, ClientError> {
        let (status, answer) = self.send(method, path, body).await?;
        serde_json::from_slice(&answer).map_err(|_| ClientError::Foreign { status })
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<(StatusCode, Bytes), ClientError> {
        self.send_within(Self::TIMEOUT, method, path, body).await
    }

    async fn send_within(
        &self,
        time: Duration,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<(StatusCode, Bytes), ClientError> {
        let request = self.request(method, path, body)?;
        let exchange = async {
            let (head, body) = self.exchange(request).await?.into_parts();
            Ok((head.status, self.collect(body).await?))
        };
        let (status, body) = within(time, exchange).await?;
        if status.is_success() {
            return Ok((status, body));
        }
        Err(refused(status, &body))
    }

    /// The body of an answer that goes on, and who sends it.
    pub(crate) async fn open(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<(Incoming, String), ClientError> {
        let request = self.request(method, path, body)?;
        let (head, body) = within(Self::TIMEOUT, self.exchange(request)).await?.into_parts();
        if head.status.is_success() {
            return Ok((body, self.base.to_string()));
        }
        let body = within(Self::TIMEOUT, self.collect(body)).await?;
        Err(refused(head.status, &body))
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<Request<Full<Bytes>>, ClientError> {
        let mut uri = self.base.clone().into_parts();
        uri.path_and_query = Some(path.parse().map_err(|_| ClientError::Address)?);
        let uri = Uri::from_parts(uri).map_err(|_| ClientError::Address)?;
        let mut authorization = header::HeaderValue::try_from(format!("Bearer {}", self.token.reveal()))
            .map_err(|_| ClientError::Token)?;
        authorization.set_sensitive(true);
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .header(header::AUTHORIZATION, authorization);
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = Full::new(Bytes::from(body.unwrap_or_default()));
        request.body(body).map_err(|_| ClientError::Address)
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, ClientError> {
        let response = self.http.request(request).await;
        response.map_err(|error| self.unreachable(error.into()))
    }

    async fn collect(&self, body: Incoming) -> Result<Bytes, ClientError> {
        let body = Limited::new(body, Self::MAX_ANSWER).collect().await;
        Ok(body.map_err(|error| self.unreachable(error))?.to_bytes())
    }

    fn unreachable(&self, source: Box<dyn Error + Send + Sync>) -> ClientError {
        ClientError::Unreachable {
            address: self.base.to_string(),
            source,
        }
    }
}

async fn within<T>(
    time: Duration,
    work: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, ClientError> {
    let done = tokio::time::timeout(time, work).await;
    done.unwrap_or(Err(ClientError::Timeout(time)))
}

/// What an answer that is no success says.
fn refused(status: StatusCode, body: &[u8]) -> ClientError {
    match serde_json::from_slice(body) {
        Ok(ErrorBody { error }) => ClientError::of(status, error),
        Err(_) => ClientError::Foreign { status },
    }
}

impl ClientError {
    /// What the host refused.
    pub(crate) fn of(status: StatusCode, error: ErrorDetail) -> Self {
        let ErrorDetail {
            code,
            message,
            field,
            hint,
        } = error;
        Self::Refused {
            status,
            code,
            message,
            field,
            hint,
        }
    }
}

fn secret(slug: &Slug, name: &SecretName) -> String {
    format!("{}/secrets/{name}", challenge(slug))
}

/// Where a challenge is.
pub(crate) fn challenge(slug: &Slug) -> String {
    format!("/v1/admin/challenges/{slug}")
}

#[cfg(test)]
mod tests;
