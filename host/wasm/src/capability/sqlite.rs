//! `platform:challenge/sqlite`: the challenge's database in the host.
//!
//! What a statement does blocks its thread, so calls that can run one have a thread of their own
//! ([`crate::stage`]). Only waiting for a connection gives it back.

use std::time::Instant;

use platform_state::{SqlError, Transaction};
use wasmtime::{
    StoreContextMut,
    component::{Linker, Resource, ResourceType},
};

use super::{
    open::OpenState,
    values::{Access, Changes, Error, Parameters, Rows, Value, all},
};
use crate::state::CallState;

pub(super) const INTERFACE: &str = "platform:challenge/sqlite@0.1.0";

/// `resource connection`: there is one database, so it has no number.
struct ConnectionHandle;
/// `resource transaction`
struct TransactionHandle;
/// `resource cursor`
struct CursorHandle;

type Store<'a> = StoreContextMut<'a, CallState>;
/// What a function of the interface returns, behind wasmtime's own result.
type Answer<T> = (Result<T, Error>,);

pub(super) fn link(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    let mut to = linker.instance(INTERFACE)?;
    to.resource("connection", ResourceType::host::<ConnectionHandle>(), |_, _| {
        Ok(())
    })?;
    to.resource(
        "transaction",
        ResourceType::host::<TransactionHandle>(),
        |mut store, number| {
            // Dropped here, which rolls it back.
            drop(store.data_mut().kept()?.take_transaction(number));
            Ok(())
        },
    )?;
    to.resource(
        "cursor",
        ResourceType::host::<CursorHandle>(),
        |mut store, number| {
            store.data_mut().kept()?.drop_cursor(number);
            Ok(())
        },
    )?;

    to.func_wrap("[static]connection.open", |_: Store<'_>, (): ()| {
        let connection: Resource<ConnectionHandle> = Resource::new_own(0);
        Ok::<Answer<_>, wasmtime::Error>((Ok(connection),))
    })?;
    to.func_wrap_async(
        "[method]connection.execute",
        |mut store: Store<'_>, (_, sql, parameters): (Resource<ConnectionHandle>, String, Parameters)| {
            Box::new(async move {
                let open = store.data_mut().kept()?;
                Ok((execute(open, &sql, parameters).await.map_err(Error::from),))
            })
        },
    )?;
    to.func_wrap_async(
        "[method]connection.query",
        |mut store: Store<'_>, (_, sql, parameters): (Resource<ConnectionHandle>, String, Parameters)| {
            Box::new(async move {
                let open = store.data_mut().kept()?;
                Ok((query(open, &sql, parameters).await.map_err(Error::from),))
            })
        },
    )?;
    to.func_wrap_async(
        "[method]connection.execute-batch",
        |mut store: Store<'_>, (_, sql): (Resource<ConnectionHandle>, String)| {
            Box::new(async move {
                let open = store.data_mut().kept()?;
                Ok((script(open, &sql).await.map_err(Error::from),))
            })
        },
    )?;
    to.func_wrap_async(
        "[method]connection.open-cursor",
        |mut store: Store<'_>, (_, sql, parameters): (Resource<ConnectionHandle>, String, Parameters)| {
            Box::new(async move {
                let open = store.data_mut().kept()?;
                let number = open_cursor(open, sql, parameters).await;
                Ok((number.map(Resource::<CursorHandle>::new_own).map_err(Error::from),))
            })
        },
    )?;
    to.func_wrap_async(
        "[method]connection.begin",
        |mut store: Store<'_>, (_, access): (Resource<ConnectionHandle>, Access)| {
            Box::new(async move {
                let open = store.data_mut().kept()?;
                let number = begin(open, access).await;
                Ok((number
                    .map(Resource::<TransactionHandle>::new_own)
                    .map_err(Error::from),))
            })
        },
    )?;

    type Handle = Resource<TransactionHandle>;
    to.func_wrap(
        "[method]transaction.execute",
        |mut store: Store<'_>, (this, sql, parameters): (Handle, String, Parameters)| {
            in_transaction(&mut store, &this, |transaction, open| {
                let changes = transaction.execute(&sql, &parameters.into(), open.bounds());
                changes.map(Changes::from)
            })
        },
    )?;
    to.func_wrap(
        "[method]transaction.query",
        |mut store: Store<'_>, (this, sql, parameters): (Handle, String, Parameters)| {
            in_transaction(&mut store, &this, |transaction, open| {
                let rows = transaction.query(&sql, &parameters.into(), open.bounds());
                rows.map(Rows::from)
            })
        },
    )?;
    to.func_wrap(
        "[method]transaction.execute-batch",
        |mut store: Store<'_>, (this, sql): (Handle, String)| {
            in_transaction(&mut store, &this, |transaction, open| {
                transaction.script(&sql, open.bounds())
            })
        },
    )?;
    to.func_wrap(
        "[static]transaction.commit",
        |mut store: Store<'_>, (this,): (Handle,)| {
            let open = store.data_mut().kept()?;
            let taken = open.take_transaction(this.rep());
            let ended = taken.and_then(|transaction| transaction.commit(open.bounds()));
            Ok::<Answer<_>, wasmtime::Error>((ended.map_err(Error::from),))
        },
    )?;
    to.func_wrap(
        "[static]transaction.rollback",
        |mut store: Store<'_>, (this,): (Handle,)| {
            let taken = store.data_mut().kept()?.take_transaction(this.rep());
            let ended = taken.and_then(Transaction::roll_back);
            Ok::<Answer<_>, wasmtime::Error>((ended.map_err(Error::from),))
        },
    )?;

    to.func_wrap(
        "[method]cursor.columns",
        |mut store: Store<'_>, (this,): (Resource<CursorHandle>,)| {
            let cursor = store.data_mut().kept()?.cursor(this.rep());
            let columns = cursor.map(|cursor| cursor.columns().to_vec());
            Ok::<_, wasmtime::Error>((columns.unwrap_or_default(),))
        },
    )?;
    to.func_wrap_async(
        "[method]cursor.next",
        |mut store: Store<'_>, (this, most): (Resource<CursorHandle>, u32)| {
            Box::new(async move {
                let open = store.data_mut().kept()?;
                Ok((next(open, this.rep(), most).await.map_err(Error::from),))
            })
        },
    )
}

fn in_transaction<T>(
    store: &mut Store<'_>,
    this: &Resource<TransactionHandle>,
    work: impl FnOnce(&Transaction, &OpenState) -> Result<T, SqlError>,
) -> wasmtime::Result<Answer<T>> {
    let open = store.data_mut().kept()?;
    let done = open
        .transaction(this.rep())
        .and_then(|transaction| work(transaction, open));
    Ok((done.map_err(Error::from),))
}

async fn execute(open: &mut OpenState, sql: &str, parameters: Parameters) -> Result<Changes, SqlError> {
    open.check_writer()?;
    let changes = open
        .database()
        .execute(sql, &parameters.into(), open.bounds())
        .await?;
    Ok(changes.into())
}

async fn query(open: &mut OpenState, sql: &str, parameters: Parameters) -> Result<Rows, SqlError> {
    let parameters = parameters.into();
    let (bounds, may_write) = (open.bounds(), open.check_writer());
    let read = open.database().query(sql, &parameters, bounds).await?;
    let rows = match read {
        Some(rows) => rows,
        None => {
            may_write?;
            open.database().query_and_write(sql, &parameters, bounds).await?
        }
    };
    Ok(rows.into())
}

async fn script(open: &mut OpenState, sql: &str) -> Result<(), SqlError> {
    open.check_writer()?;
    open.database().script(sql, open.bounds()).await
}

async fn open_cursor(open: &mut OpenState, sql: String, parameters: Parameters) -> Result<u32, SqlError> {
    let patience = open.patience()?;
    let bounds = open.bounds_elsewhere();
    let cursor = open
        .database()
        .cursor(sql, parameters.into(), bounds, patience)
        .await?;
    Ok(open.keep_cursor(cursor))
}

async fn begin(open: &mut OpenState, access: Access) -> Result<u32, SqlError> {
    let patience = match access {
        Access::Read => open.patience()?,
        Access::Write => {
            open.check_writer()?;
            platform_state::Patience::Wait
        }
    };
    let transaction = open
        .database()
        .begin(access.into(), open.bounds(), patience)
        .await?;
    Ok(open.keep_transaction(transaction))
}

async fn next(open: &mut OpenState, number: u32, most: u32) -> Result<Vec<Value>, SqlError> {
    let began = Instant::now();
    let values = open
        .cursor(number)?
        .next(most.into(), open.bounds_elsewhere())
        .await;
    crate::cpu::charge(began.elapsed());
    values.map(all)
}
