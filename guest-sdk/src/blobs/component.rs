//! The border to the host, where the blobs are. Only in Wasm.

use super::{BlobError, BlobInfo};
use crate::{Environment, database::component::wit::platform::challenge::blobs};

#[derive(Debug)]
pub(crate) struct Blobs;

#[derive(Debug)]
pub(crate) struct Upload(blobs::Upload);

#[derive(Debug)]
pub(crate) struct Download(blobs::Download);

impl Blobs {
    pub(crate) fn open(_: &Environment) -> Result<Self, BlobError> {
        Ok(Self)
    }

    pub(crate) fn upload(&self) -> Result<Upload, BlobError> {
        Ok(Upload(blobs::Upload::start()?))
    }

    pub(crate) fn download(&self, name: &str) -> Result<(Download, BlobInfo), BlobError> {
        let download = blobs::Download::open(name)?;
        let info = download.info()?.try_into()?;
        Ok((Download(download), info))
    }

    pub(crate) fn stat(&self, name: &str) -> Result<Option<BlobInfo>, BlobError> {
        blobs::stat(name)?.map(BlobInfo::try_from).transpose()
    }

    pub(crate) fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        most: u32,
    ) -> Result<Vec<BlobInfo>, BlobError> {
        let found = blobs::list(prefix, after, most)?.into_iter();
        found.map(BlobInfo::try_from).collect()
    }

    pub(crate) fn delete(&self, name: &str) -> Result<bool, BlobError> {
        Ok(blobs::delete(name)?)
    }
}

impl Upload {
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        Ok(self.0.write(bytes)?)
    }

    pub(crate) fn finish(self, name: &str) -> Result<BlobInfo, BlobError> {
        blobs::Upload::finish(self.0, name)?.try_into()
    }
}

impl Download {
    pub(crate) fn read(&mut self, most: u32) -> Result<Vec<u8>, BlobError> {
        Ok(self.0.read(most)?)
    }

    pub(crate) fn seek(&mut self, offset: u64) -> Result<(), BlobError> {
        Ok(self.0.seek(offset)?)
    }
}

impl From<blobs::Error> for BlobError {
    fn from(error: blobs::Error) -> Self {
        match error {
            blobs::Error::NotFound => Self::NotFound,
            blobs::Error::Full => Self::Full,
            blobs::Error::Misuse(message) => Self::Misuse(message),
            blobs::Error::Failed(message) => Self::Failed(message),
        }
    }
}

impl TryFrom<blobs::Info> for BlobInfo {
    type Error = BlobError;

    fn try_from(info: blobs::Info) -> Result<Self, BlobError> {
        let blobs::Info {
            name,
            size,
            sha256,
            stored_at,
        } = info;
        let Ok(sha256) = sha256.try_into() else {
            return Err(BlobError::Failed(
                "the host's SHA-256 has not 32 bytes".to_owned(),
            ));
        };
        Ok(Self {
            name,
            size,
            sha256,
            stored_at,
        })
    }
}
