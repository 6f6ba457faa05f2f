//! Images that the host has an engine fetch, while somebody looks on.

use http::{Method, StatusCode};
use platform_domain::{ImageRef, Resources, Slug};
use serde::{Deserialize, Serialize};

use crate::{Client, ClientError, ErrorDetail, optional::present, records::RecordStream};

/// `POST /v1/admin/images/pull`. The answer goes on for as long as the engine fetches: a [`PullRecord`] on each line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PullImage {
    /// What is to be fetched.
    pub image: ImageRef,
    /// The resources of the challenge that it is for, which say to which engine.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub resources: Option<Resources>,
    /// A challenge whose resources count where none are named.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub challenge: Option<Slug>,
}

/// A line of the answer. The last one is either of the first two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PullRecord {
    /// The engine has it.
    Done {
        /// By its digest, as far as a registry gave it one: what to register or update to.
        image: ImageRef,
    },
    /// It cannot be had.
    Failed {
        /// The status that the answer would have had if this had been known at once.
        status: u16,
        /// Why.
        error: ErrorDetail,
    },
    /// So far it has come. Also said when nothing has changed, so that nobody thinks that the host is gone.
    Progress(PullProgressView),
}

/// How far an image has come. Layers become known one after the other, so the totals grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullProgressView {
    /// Layers that are known of.
    pub layers: u64,
    /// Layers that the engine has.
    pub layers_done: u64,
    /// Bytes that came.
    pub bytes: u64,
    /// Bytes of all layers whose size is known.
    pub total_bytes: u64,
}

impl Client {
    /// Has an image fetched, however long that takes, tells how far it is, and gives it by its digest. Dropping it ends the
    /// fetching.
    pub async fn image_pull(
        &self,
        pull: &PullImage,
        mut tell: impl FnMut(PullProgressView),
    ) -> Result<ImageRef, ClientError> {
        let body = serde_json::to_vec(pull).map_err(ClientError::Request)?;
        let opened = self.open(Method::POST, "/v1/admin/images/pull", Some(body));
        let mut records = RecordStream::<PullRecord>::new(opened.await?);
        while let Some(record) = records.next().await? {
            match record {
                PullRecord::Progress(progress) => tell(progress),
                PullRecord::Done { image } => return Ok(image),
                PullRecord::Failed { status, error } => {
                    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                    return Err(ClientError::of(status, error));
                }
            }
        }
        Err(records.lost("it ended the answer before the image was there; does it stop?"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_what_it_has() {
        for (json, expected) in [
            (r#"{"image":"r.example/x:1"}"#, "Done"),
            (r#"{"status":422,"error":{"code":"c","message":"m"}}"#, "Failed"),
            (
                r#"{"layers":3,"layers_done":1,"bytes":5,"total_bytes":9}"#,
                "Progress",
            ),
        ] {
            let record: PullRecord = serde_json::from_str(json).unwrap();
            assert!(format!("{record:?}").starts_with(expected), "{record:?}");
            assert_eq!(serde_json::to_string(&record).unwrap(), json);
        }
        assert!(serde_json::from_str::<PullRecord>("{}").is_err());
    }
}
