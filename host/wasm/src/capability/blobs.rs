//! `platform:challenge/blobs`: bytes under names, as files of the host.

use platform_state::{self as state, BlobError, SqlError};
use wasmtime::{
    StoreContextMut,
    component::{ComponentType, Linker, Lower, Resource, ResourceType},
};

use super::open::OpenState;
use crate::{limits::MAX_OPEN_BLOBS, state::CallState};

pub(super) const INTERFACE: &str = "platform:challenge/blobs@0.1.0";

/// `resource upload`
struct UploadHandle;
/// `resource download`
struct DownloadHandle;

/// `variant error`
#[derive(ComponentType, Lower)]
#[component(variant)]
enum Error {
    #[component(name = "not-found")]
    NotFound,
    #[component(name = "full")]
    Full,
    #[component(name = "misuse")]
    Misuse(String),
    #[component(name = "failed")]
    Failed(String),
}

/// `record info`
#[derive(ComponentType, Lower)]
#[component(record)]
struct Info {
    name: String,
    size: u64,
    sha256: Vec<u8>,
    #[component(name = "stored-at")]
    stored_at: u64,
}

type Store<'a> = StoreContextMut<'a, CallState>;
type UploadOf = Resource<UploadHandle>;
type DownloadOf = Resource<DownloadHandle>;

pub(super) fn link(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    let mut to = linker.instance(INTERFACE)?;
    to.resource(
        "upload",
        ResourceType::host::<UploadHandle>(),
        |mut store, number| {
            drop(store.data_mut().kept()?.take_upload(number));
            Ok(())
        },
    )?;
    to.resource(
        "download",
        ResourceType::host::<DownloadHandle>(),
        |mut store, number| {
            store.data_mut().kept()?.drop_download(number);
            Ok(())
        },
    )?;
    to.func_wrap("[static]upload.start", |mut store: Store<'_>, (): ()| {
        let number = start(store.data_mut().kept()?);
        Ok::<_, wasmtime::Error>((number.map(Resource::<UploadHandle>::new_own).map_err(Error::from),))
    })?;
    to.func_wrap(
        "[method]upload.write",
        |mut store: Store<'_>, (this, bytes): (UploadOf, Vec<u8>)| {
            let upload = store.data_mut().kept()?.upload(this.rep());
            let written = upload.ok_or_else(gone).and_then(|upload| upload.write(&bytes));
            Ok::<_, wasmtime::Error>((written.map_err(Error::from),))
        },
    )?;
    to.func_wrap_async(
        "[static]upload.finish",
        |mut store: Store<'_>, (this, name): (UploadOf, String)| {
            Box::new(async move {
                let open = store.data_mut().kept()?;
                Ok((finish(open, this.rep(), name).await.map_err(Error::from),))
            })
        },
    )?;
    to.func_wrap_async(
        "[static]download.open",
        |mut store: Store<'_>, (name,): (String,)| {
            Box::new(async move {
                let number = download(store.data_mut().kept()?, &name).await;
                Ok((number
                    .map(Resource::<DownloadHandle>::new_own)
                    .map_err(Error::from),))
            })
        },
    )?;
    to.func_wrap(
        "[method]download.info",
        |mut store: Store<'_>, (this,): (DownloadOf,)| {
            let download = store.data_mut().kept()?.download(this.rep());
            let info = download
                .ok_or_else(gone)
                .map(|download| download.info().clone().into());
            Ok::<(Result<Info, Error>,), wasmtime::Error>((info.map_err(Error::from),))
        },
    )?;
    to.func_wrap(
        "[method]download.read",
        |mut store: Store<'_>, (this, most): (DownloadOf, u32)| {
            let download = store.data_mut().kept()?.download(this.rep());
            let bytes = download.ok_or_else(gone).and_then(|download| download.read(most));
            Ok::<_, wasmtime::Error>((bytes.map_err(Error::from),))
        },
    )?;
    to.func_wrap(
        "[method]download.seek",
        |mut store: Store<'_>, (this, offset): (DownloadOf, u64)| {
            let download = store.data_mut().kept()?.download(this.rep());
            let moved = download
                .ok_or_else(gone)
                .and_then(|download| download.seek(offset));
            Ok::<_, wasmtime::Error>((moved.map_err(Error::from),))
        },
    )?;
    to.func_wrap_async("stat", |mut store: Store<'_>, (name,): (String,)| {
        Box::new(async move {
            let open = store.data_mut().kept()?;
            let found = open.blobs().stat(&name, open.bounds()).await;
            Ok((found.map(|info| info.map(Info::from)).map_err(Error::from),))
        })
    })?;
    to.func_wrap_async(
        "list",
        |mut store: Store<'_>, (prefix, after, most): (String, Option<String>, u32)| {
            Box::new(async move {
                let open = store.data_mut().kept()?;
                let found = open
                    .blobs()
                    .list(&prefix, after.as_deref(), most, open.bounds())
                    .await;
                let found = found.map(|all| all.into_iter().map(Info::from).collect::<Vec<_>>());
                Ok((found.map_err(Error::from),))
            })
        },
    )?;
    to.func_wrap_async("delete", |mut store: Store<'_>, (name,): (String,)| {
        Box::new(async move {
            let open = store.data_mut().kept()?;
            Ok((delete(open, &name).await.map_err(Error::from),))
        })
    })
}

fn start(open: &mut OpenState) -> Result<u32, BlobError> {
    check_files(open)?;
    let upload = open.blobs().upload()?;
    Ok(open.keep_upload(upload))
}

async fn finish(open: &mut OpenState, number: u32, name: String) -> Result<Info, BlobError> {
    // Whatever becomes of it, the guest has given it away.
    let upload = open.take_upload(number).ok_or_else(gone)?;
    open.check_writer()?;
    Ok(upload.finish(name, open.bounds()).await?.into())
}

async fn download(open: &mut OpenState, name: &str) -> Result<u32, BlobError> {
    check_files(open)?;
    let download = open.blobs().download(name, open.bounds()).await?;
    Ok(open.keep_download(download))
}

async fn delete(open: &mut OpenState, name: &str) -> Result<bool, BlobError> {
    open.check_writer()?;
    open.blobs().delete(name, open.bounds()).await
}

fn check_files(open: &OpenState) -> Result<(), BlobError> {
    if open.files() < MAX_OPEN_BLOBS {
        return Ok(());
    }
    Err(BlobError::Misuse(format!(
        "a call has at most {MAX_OPEN_BLOBS} blobs open"
    )))
}

fn gone() -> BlobError {
    BlobError::Misuse("it has ended, with its call or before".to_owned())
}

impl From<BlobError> for Error {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::NotFound => Self::NotFound,
            BlobError::Full(_) => Self::Full,
            BlobError::Misuse(message) => Self::Misuse(message),
            BlobError::Sql(SqlError { message, .. }) => Self::Failed(message),
            BlobError::Host(kind) => Self::Failed(kind.to_string()),
        }
    }
}

impl From<state::BlobInfo> for Info {
    fn from(info: state::BlobInfo) -> Self {
        let state::BlobInfo {
            name,
            size,
            sha256,
            stored_at,
        } = info;
        Self {
            name,
            size,
            sha256: sha256.to_vec(),
            stored_at,
        }
    }
}
