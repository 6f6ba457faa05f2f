//! `platform:challenge/kv`: keys and values in the challenge's database.

use platform_state::{self as state, Bucket, SqlError};
use wasmtime::{
    StoreContextMut,
    component::{ComponentType, Lift, Linker, Resource, ResourceType},
};

use super::{open::OpenState, values::Error};
use crate::state::CallState;

pub(super) const INTERFACE: &str = "platform:challenge/kv@0.1.0";

/// `resource bucket`
struct BucketHandle;

/// `variant change`
#[derive(ComponentType, Lift)]
#[component(variant)]
enum Change {
    #[component(name = "set")]
    Set((String, Vec<u8>)),
    #[component(name = "delete")]
    Delete(String),
    #[component(name = "check")]
    Check((String, Option<Vec<u8>>)),
}

type Store<'a> = StoreContextMut<'a, CallState>;
type Handle = Resource<BucketHandle>;

pub(super) fn link(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    let mut to = linker.instance(INTERFACE)?;
    to.resource(
        "bucket",
        ResourceType::host::<BucketHandle>(),
        |mut store, number| {
            store.data_mut().kept()?.drop_bucket(number);
            Ok(())
        },
    )?;
    to.func_wrap(
        "[static]bucket.open",
        |mut store: Store<'_>, (name,): (String,)| {
            let open = store.data_mut().kept()?;
            let bucket = Bucket::open(open.database(), &name).and_then(|bucket| open.keep_bucket(bucket));
            let bucket = bucket.map(Resource::<BucketHandle>::new_own);
            Ok::<_, wasmtime::Error>((bucket.map_err(Error::from),))
        },
    )?;
    to.func_wrap_async(
        "[method]bucket.get",
        |mut store: Store<'_>, (this, key): (Handle, String)| {
            Box::new(async move {
                let open = store.data_mut().kept()?;
                Ok((get(open, &this, &key).await.map_err(Error::from),))
            })
        },
    )?;
    to.func_wrap_async(
        "[method]bucket.set",
        |mut store: Store<'_>, (this, key, value): (Handle, String, Vec<u8>)| {
            Box::new(async move {
                let open = store.data_mut().kept()?;
                Ok((set(open, &this, &key, &value).await.map_err(Error::from),))
            })
        },
    )?;
    to.func_wrap_async(
        "[method]bucket.delete",
        |mut store: Store<'_>, (this, key): (Handle, String)| {
            Box::new(async move {
                let open = store.data_mut().kept()?;
                Ok((delete(open, &this, &key).await.map_err(Error::from),))
            })
        },
    )?;
    to.func_wrap_async(
        "[method]bucket.list",
        |mut store: Store<'_>, (this, prefix, after, most): (Handle, String, Option<String>, u32)| {
            Box::new(async move {
                let open = store.data_mut().kept()?;
                let keys = list(open, &this, &prefix, after.as_deref(), most).await;
                Ok((keys.map_err(Error::from),))
            })
        },
    )?;
    to.func_wrap_async(
        "[method]bucket.apply",
        |mut store: Store<'_>, (this, changes): (Handle, Vec<Change>)| {
            Box::new(async move {
                let open = store.data_mut().kept()?;
                Ok((apply(open, &this, changes).await.map_err(Error::from),))
            })
        },
    )
}

async fn get(open: &mut OpenState, this: &Handle, key: &str) -> Result<Option<Vec<u8>>, SqlError> {
    open.bucket(this.rep())?.get(key, open.bounds()).await
}

async fn set(open: &mut OpenState, this: &Handle, key: &str, value: &[u8]) -> Result<(), SqlError> {
    open.check_writer()?;
    open.bucket(this.rep())?.set(key, value, open.bounds()).await
}

async fn delete(open: &mut OpenState, this: &Handle, key: &str) -> Result<bool, SqlError> {
    open.check_writer()?;
    open.bucket(this.rep())?.delete(key, open.bounds()).await
}

async fn list(
    open: &mut OpenState,
    this: &Handle,
    prefix: &str,
    after: Option<&str>,
    most: u32,
) -> Result<Vec<String>, SqlError> {
    let bucket = open.bucket(this.rep())?;
    bucket.list(prefix, after, most, open.bounds()).await
}

async fn apply(open: &mut OpenState, this: &Handle, changes: Vec<Change>) -> Result<bool, SqlError> {
    open.check_writer()?;
    let changes: Vec<_> = changes.into_iter().map(state::Change::from).collect();
    open.bucket(this.rep())?.apply(&changes, open.bounds()).await
}

impl From<Change> for state::Change {
    fn from(change: Change) -> Self {
        match change {
            Change::Set((key, value)) => Self::Set(key, value),
            Change::Delete(key) => Self::Delete(key),
            Change::Check((key, expected)) => Self::Check(key, expected),
        }
    }
}
