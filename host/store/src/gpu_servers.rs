//! The table of servers with GPUs: records, the places that leases are for, and how the host is known to engines, sealed. Which
//! changes are allowed is decided above, but for one: a place that is leased does not go.

use std::collections::BTreeSet;

use platform_domain::{GpuServer, GpuServerId, Slug, UnixSeconds};
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, named_params, params};

use crate::{
    StoreError,
    columns::{Columns, json, seconds},
};

/// A server, and what was found out about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GpuServerRow {
    /// As its operator describes it.
    pub server: GpuServer,
    /// Since when its engine is out of reach; `None` while it answers.
    pub lost_at: Option<UnixSeconds>,
}

/// How the host is known to the engine of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GpuServerTls {
    /// Certificates and key, sealed.
    pub sealed: Vec<u8>,
    /// Which key sealed them.
    pub key_id: String,
}

const INSERT: &str = "INSERT INTO gpu_servers (id, endpoint, labels, gpus, lease, enabled, description, \
    created_at, updated_at) VALUES (:id, :endpoint, :labels, :gpus, :lease, :enabled, :description, \
    :created_at, :updated_at)";

const UPDATE: &str = "UPDATE gpu_servers SET endpoint = :endpoint, labels = :labels, gpus = :gpus, \
    lease = :lease, enabled = :enabled, description = :description, created_at = :created_at, updated_at = :updated_at \
    WHERE id = :id";

/// Adds a server, in reach until somebody says otherwise. An id that is taken is [`StoreError::GpuServerExists`].
pub fn insert(connection: &Connection, server: &GpuServer) -> Result<(), StoreError> {
    if get(connection, &server.id)?.is_some() {
        return Err(StoreError::GpuServerExists(server.id.clone()));
    }
    write(connection, INSERT, server)?;
    make_slots(connection, server)
}

/// Finds a server.
pub fn get(connection: &Connection, id: &GpuServerId) -> Result<Option<GpuServerRow>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT * FROM gpu_servers WHERE id = ?1")?;
    let mut rows = statement.query([id.as_str()])?;
    rows.next()?.map(read).transpose()
}

/// Every server, by id.
pub fn list(connection: &Connection) -> Result<Vec<GpuServerRow>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT * FROM gpu_servers ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut servers = Vec::new();
    while let Some(row) = rows.next()? {
        servers.push(read(row)?);
    }
    Ok(servers)
}

/// Replaces the record of the same id; `false` when there is none. When it has fewer GPUs, or fewer may hold each, and a place
/// that would go is leased, it is [`StoreError::GpuServerInUse`] and nothing is changed.
pub fn update(connection: &Connection, server: &GpuServer) -> Result<bool, StoreError> {
    let (gpus, holders) = (server.gpus.count(), server.lease.holders());
    let of_places = "SELECT DISTINCT holder FROM gpu_leases JOIN gpu_leased ON lease = id \
                     WHERE gpu_leased.server = ?1 AND (device >= ?2 OR slot >= ?3) ORDER BY holder";
    refuse_if_used(
        connection,
        &server.id,
        of_places,
        params![server.id.as_str(), gpus, holders],
    )?;
    if write(connection, UPDATE, server)? == 0 {
        return Ok(false);
    }
    let sql = "DELETE FROM gpu_slots WHERE server = ?1 AND (device >= ?2 OR slot >= ?3)";
    connection
        .prepare_cached(sql)?
        .execute(params![server.id.as_str(), gpus, holders])?;
    make_slots(connection, server)?;
    Ok(true)
}

/// Lets containers be started there; `false` when there is no such server.
pub fn enable(connection: &Connection, id: &GpuServerId, now: UnixSeconds) -> Result<bool, StoreError> {
    let sql = "UPDATE gpu_servers SET enabled = 1, updated_at = ?2 WHERE id = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.execute(params![id.as_str(), seconds("updated_at", now)?])? > 0)
}

/// Lets no container be started there, and those that run go on; `false` when there is no such server.
pub fn disable(connection: &Connection, id: &GpuServerId, now: UnixSeconds) -> Result<bool, StoreError> {
    let sql = "UPDATE gpu_servers SET enabled = 0, updated_at = ?2 WHERE id = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.execute(params![id.as_str(), seconds("updated_at", now)?])? > 0)
}

/// Says that its engine answers again; `false` when it was not lost, or there is no such server. Its expired leases stay what
/// they are: whoever looked at what runs there acquires them again or releases them.
pub fn found(connection: &Connection, id: &GpuServerId) -> Result<bool, StoreError> {
    let sql = "UPDATE gpu_servers SET lost_at = NULL WHERE id = ?1 AND lost_at IS NOT NULL";
    Ok(connection.prepare_cached(sql)?.execute([id.as_str()])? > 0)
}

/// Removes a server, and what lets the host speak to it; `false` when there is none. While leases are held there it is
/// [`StoreError::GpuServerInUse`]. Expired ones go with it: it may be that it never comes back.
pub fn delete(connection: &Connection, id: &GpuServerId) -> Result<bool, StoreError> {
    let held = "SELECT DISTINCT holder FROM gpu_leases WHERE server = ?1 AND state = 'held' ORDER BY holder";
    refuse_if_used(connection, id, held, params![id.as_str()])?;
    for sql in [
        "DELETE FROM gpu_leases WHERE server = ?1",
        "DELETE FROM gpu_slots WHERE server = ?1",
    ] {
        connection.prepare_cached(sql)?.execute([id.as_str()])?;
    }
    let sql = "DELETE FROM gpu_servers WHERE id = ?1";
    Ok(connection.prepare_cached(sql)?.execute([id.as_str()])? > 0)
}

/// Writes how the host is known to an engine, in place of what was there. There is such a server.
pub fn put_tls(connection: &Connection, id: &GpuServerId, tls: &GpuServerTls) -> Result<(), StoreError> {
    let GpuServerTls { sealed, key_id } = tls;
    let sql = "INSERT OR REPLACE INTO gpu_server_tls (server, sealed, key_id) VALUES (?1, ?2, ?3)";
    connection
        .prepare_cached(sql)?
        .execute(params![id.as_str(), sealed, key_id])?;
    Ok(())
}

/// How the host is known to an engine, if that is kept.
pub fn tls(connection: &Connection, id: &GpuServerId) -> Result<Option<GpuServerTls>, StoreError> {
    let sql = "SELECT sealed, key_id FROM gpu_server_tls WHERE server = ?1";
    let row = connection.prepare_cached(sql)?.query_row([id.as_str()], |row| {
        Ok(GpuServerTls {
            sealed: row.get("sealed")?,
            key_id: row.get("key_id")?,
        })
    });
    Ok(row.optional()?)
}

/// Forgets how the host is known to an engine; `false` when it was not kept.
pub fn delete_tls(connection: &Connection, id: &GpuServerId) -> Result<bool, StoreError> {
    let sql = "DELETE FROM gpu_server_tls WHERE server = ?1";
    Ok(connection.prepare_cached(sql)?.execute([id.as_str()])? > 0)
}

/// Whether anything sealed is kept for any server.
pub fn any_tls(connection: &Connection) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM gpu_server_tls)";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

/// The holders that this finds are named in the error.
fn refuse_if_used(
    connection: &Connection,
    id: &GpuServerId,
    sql: &str,
    values: &[&dyn ToSql],
) -> Result<(), StoreError> {
    let mut holders = BTreeSet::new();
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(values)?;
    while let Some(row) = rows.next()? {
        let columns = Columns {
            table: "gpu lease",
            key: id.as_str(),
            row,
        };
        holders.insert(columns.text::<Slug>("holder")?);
    }
    match holders.is_empty() {
        true => Ok(()),
        false => Err(StoreError::GpuServerInUse {
            server: id.clone(),
            holders,
        }),
    }
}

fn make_slots(connection: &Connection, server: &GpuServer) -> Result<(), StoreError> {
    let sql = "INSERT OR IGNORE INTO gpu_slots (server, device, slot) VALUES (?1, ?2, ?3)";
    let mut statement = connection.prepare_cached(sql)?;
    for (device, _) in server.gpus.iter() {
        for slot in 0..server.lease.holders() {
            statement.execute(params![server.id.as_str(), device, slot])?;
        }
    }
    Ok(())
}

fn write(connection: &Connection, sql: &str, server: &GpuServer) -> Result<usize, StoreError> {
    let GpuServer {
        id,
        endpoint,
        labels,
        gpus,
        lease,
        enabled,
        description,
        created_at,
        updated_at,
    } = server;
    Ok(connection.prepare_cached(sql)?.execute(named_params! {
        ":id": id.as_str(),
        ":endpoint": endpoint.to_string(),
        ":labels": json("labels", labels)?,
        ":gpus": gpus.to_string(),
        ":lease": lease.to_string(),
        ":enabled": enabled,
        ":description": description,
        ":created_at": seconds("created_at", *created_at)?,
        ":updated_at": seconds("updated_at", *updated_at)?,
    })?)
}

fn read(row: &Row<'_>) -> Result<GpuServerRow, StoreError> {
    let key: String = row.get("id")?;
    let columns = Columns {
        table: "gpu server",
        key: &key,
        row,
    };
    let lost = columns.get::<Option<i64>>("lost_at")?;
    Ok(GpuServerRow {
        server: GpuServer {
            id: columns.text("id")?,
            endpoint: columns.text("endpoint")?,
            labels: columns.json("labels")?,
            gpus: columns.text("gpus")?,
            lease: columns.text("lease")?,
            enabled: columns.get("enabled")?,
            description: columns.get("description")?,
            created_at: columns.seconds("created_at")?,
            updated_at: columns.seconds("updated_at")?,
        },
        lost_at: lost.map(|_| columns.seconds("lost_at")).transpose()?,
    })
}

#[cfg(test)]
pub(crate) mod tests;
