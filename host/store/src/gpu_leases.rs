//! The tables of leases: who has which GPUs of which server. A lease belongs to one start of a container, so a container and the
//! one that takes its place may each have one. What is written here is who *may* use a GPU; that a container which has no lease
//! any more does not run is the affair of whoever releases it.

use std::collections::{BTreeMap, BTreeSet};

use platform_domain::{
    Candidate, GpuLease, GpuLeaseId, GpuServerId, JobId, LeaseState, Placement, Slug, UnixSeconds,
};
use rusqlite::{Connection, Row, ToSql, params};

use crate::{
    StoreError, challenges,
    columns::{Columns, seconds},
    gpu_servers,
};

/// Why a lease is not given. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeaseRefused {
    /// The server was deleted meanwhile.
    #[error("there is no GPU server {0}")]
    UnknownServer(GpuServerId),
    /// The operator wants nothing new on it.
    #[error("GPU server {0} is disabled")]
    Disabled(GpuServerId),
    /// It was lost meanwhile.
    #[error("GPU server {0} is out of reach")]
    Lost(GpuServerId),
    /// The challenge was deleted meanwhile.
    #[error("there is no challenge '{0}' to have GPUs")]
    UnknownChallenge(Slug),
    /// A lease of nothing.
    #[error("a lease has at least one GPU")]
    NoDevices,
    /// The server has fewer.
    #[error("GPU server {server} has no GPU {device}")]
    UnknownDevice {
        /// The server.
        server: GpuServerId,
        /// The number of the GPU.
        device: u16,
    },
    /// It has as many holders as it may have: somebody was faster, and another place may do.
    #[error("gpu_capacity_insufficient: GPU {device} of server {server} is taken")]
    Taken {
        /// The server.
        server: GpuServerId,
        /// The number of the GPU.
        device: u16,
    },
    /// The id was used for something else.
    #[error("lease {0} is there already, of another challenge or of other GPUs")]
    OtherLease(GpuLeaseId),
}

/// With the numbers of its GPUs: whoever reads a lease reads all of it.
macro_rules! leases {
    ($rest:literal) => {
        concat!(
            "SELECT id, holder, job, server, acquired_at, state, \
             (SELECT json_group_array(device) FROM gpu_leased WHERE lease = id) AS devices FROM gpu_leases ",
            $rest
        )
    };
}

/// Gives GPUs to one start of a container: all of them or, with [`StoreError::Lease`], none. Asked again for the same, it gives
/// the lease that is there; one that had expired is held again. `connection` is that of [`crate::Store::write`], and what
/// `placement` was chosen from was read in the same transaction, or it may be [`LeaseRefused::Taken`].
pub fn acquire(
    connection: &Connection,
    id: &GpuLeaseId,
    holder: &Slug,
    placement: &Placement,
    now: UnixSeconds,
) -> Result<GpuLease, StoreError> {
    let Placement { server, devices } = placement;
    let row = gpu_servers::get(connection, server)?;
    let row = row.ok_or_else(|| LeaseRefused::UnknownServer(server.clone()))?;
    let there = get(connection, id)?;
    if let Some(lease) = &there
        && (lease.holder != *holder || lease.server != *server || lease.devices != *devices)
    {
        return Err(LeaseRefused::OtherLease(id.clone()).into());
    }
    if row.lost_at.is_some() {
        return Err(LeaseRefused::Lost(server.clone()).into());
    }
    if let Some(lease) = there {
        let sql = "UPDATE gpu_leases SET state = 'held' WHERE id = ?1";
        connection.prepare_cached(sql)?.execute([id.as_str()])?;
        let state = LeaseState::Held;
        return Ok(GpuLease { state, ..lease });
    }
    if !row.server.enabled {
        return Err(LeaseRefused::Disabled(server.clone()).into());
    }
    if !challenges::exists(connection, holder)? {
        return Err(LeaseRefused::UnknownChallenge(holder.clone()).into());
    }
    if devices.is_empty() {
        return Err(LeaseRefused::NoDevices.into());
    }
    // All are looked at before anything is written, so that who goes on after a refusal has no half of a lease.
    let slots = devices
        .iter()
        .map(|device| free_slot(connection, server, *device));
    let slots: Vec<(u16, u16)> = slots.collect::<Result<_, _>>()?;
    let sql =
        "INSERT INTO gpu_leases (id, holder, server, acquired_at, state) VALUES (?1, ?2, ?3, ?4, 'held')";
    let acquired_at = seconds("acquired_at", now)?;
    let mut statement = connection.prepare_cached(sql)?;
    statement.execute(params![
        id.as_str(),
        holder.as_str(),
        server.as_str(),
        acquired_at
    ])?;
    let sql = "INSERT INTO gpu_leased (server, device, slot, lease) VALUES (?1, ?2, ?3, ?4)";
    let mut statement = connection.prepare_cached(sql)?;
    for (device, slot) in slots {
        statement.execute(params![server.as_str(), device, slot, id.as_str()])?;
    }
    Ok(GpuLease {
        id: id.clone(),
        holder: holder.clone(),
        job: None,
        server: server.clone(),
        devices: devices.clone(),
        acquired_at: now,
        state: LeaseState::Held,
    })
}

/// The same for one of a challenge's jobs. In one transaction, so no lease is ever without its job.
pub fn acquire_for_job(
    connection: &Connection,
    id: &GpuLeaseId,
    (holder, job): (&Slug, &JobId),
    placement: &Placement,
    now: UnixSeconds,
) -> Result<GpuLease, StoreError> {
    let lease = acquire(connection, id, holder, placement, now)?;
    let sql = "UPDATE gpu_leases SET job = ?2 WHERE id = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    statement.execute(params![id.as_str(), job.as_str()])?;
    let job = Some(job.clone());
    Ok(GpuLease { job, ..lease })
}

/// The container of an expired lease was seen to run; `false` when it had not expired, or its server is still said to be lost.
pub fn hold_again(connection: &Connection, id: &GpuLeaseId) -> Result<bool, StoreError> {
    let sql = "UPDATE gpu_leases SET state = 'held' WHERE id = ?1 AND state = 'expired' \
               AND server IN (SELECT id FROM gpu_servers WHERE lost_at IS NULL)";
    Ok(connection.prepare_cached(sql)?.execute([id.as_str()])? > 0)
}

/// The container of this start does not run any more, or never did; `false` when it has no lease, which is as well.
pub fn release(connection: &Connection, id: &GpuLeaseId) -> Result<bool, StoreError> {
    let sql = "DELETE FROM gpu_leases WHERE id = ?1";
    Ok(connection.prepare_cached(sql)?.execute([id.as_str()])? > 0)
}

/// No container of this challenge runs any more; how many leases that were. Expired ones are among them: whoever calls this
/// removes what may still run on a lost server before that is found again.
pub fn release_of_challenge(connection: &Connection, holder: &Slug) -> Result<usize, StoreError> {
    let sql = "DELETE FROM gpu_leases WHERE holder = ?1";
    Ok(connection.prepare_cached(sql)?.execute([holder.as_str()])?)
}

/// Says that the engine of a server is out of reach: nothing is given of it until [`gpu_servers::found`], and what is held there
/// has expired. Gives the leases that did so now, whose challenges want another place. Without such a server there are none.
pub fn expire_of_server(
    connection: &Connection,
    server: &GpuServerId,
    now: UnixSeconds,
) -> Result<Vec<GpuLease>, StoreError> {
    let sql = "UPDATE gpu_servers SET lost_at = ?2 WHERE id = ?1 AND lost_at IS NULL";
    let mut statement = connection.prepare_cached(sql)?;
    statement.execute(params![server.as_str(), seconds("lost_at", now)?])?;
    let mut held = of_server(connection, server)?;
    held.retain(|lease| lease.state == LeaseState::Held);
    let sql = "UPDATE gpu_leases SET state = 'expired' WHERE server = ?1";
    connection.prepare_cached(sql)?.execute([server.as_str()])?;
    for lease in &mut held {
        lease.state = LeaseState::Expired;
    }
    Ok(held)
}

/// Finds a lease.
pub fn get(connection: &Connection, id: &GpuLeaseId) -> Result<Option<GpuLease>, StoreError> {
    let found = query(connection, leases!("WHERE id = ?1"), params![id.as_str()])?;
    Ok(found.into_iter().next())
}

/// Every lease, by id.
pub fn list(connection: &Connection) -> Result<Vec<GpuLease>, StoreError> {
    query(connection, leases!("ORDER BY id"), &[])
}

/// The leases of a server, by id.
pub fn of_server(connection: &Connection, server: &GpuServerId) -> Result<Vec<GpuLease>, StoreError> {
    query(
        connection,
        leases!("WHERE server = ?1 ORDER BY id"),
        params![server.as_str()],
    )
}

/// The leases of jobs, by id.
pub fn of_jobs(connection: &Connection) -> Result<Vec<GpuLease>, StoreError> {
    query(connection, leases!("WHERE job IS NOT NULL ORDER BY id"), &[])
}

/// The leases of a challenge and of its jobs, by id.
pub fn of_challenge(connection: &Connection, holder: &Slug) -> Result<Vec<GpuLease>, StoreError> {
    query(
        connection,
        leases!("WHERE holder = ?1 ORDER BY id"),
        params![holder.as_str()],
    )
}

/// For each GPU of a server how many more may hold it. Without such a server there are none.
pub fn free_slots(connection: &Connection, server: &GpuServerId) -> Result<BTreeMap<u16, u16>, StoreError> {
    let sql = "SELECT device, count(*) - count(lease) FROM gpu_slots LEFT JOIN gpu_leased USING (server, device, slot) \
               WHERE server = ?1 GROUP BY device";
    let mut statement = connection.prepare_cached(sql)?;
    let free = statement.query_map([server.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(free.collect::<Result<_, _>>()?)
}

/// What [`platform_domain::place`] chooses from.
pub fn candidates(connection: &Connection) -> Result<Vec<Candidate>, StoreError> {
    let servers = gpu_servers::list(connection)?.into_iter();
    let candidate = |row: gpu_servers::GpuServerRow| {
        Ok(Candidate {
            free: free_slots(connection, &row.server.id)?,
            server: row.server,
            lost: row.lost_at.is_some(),
        })
    };
    servers.map(candidate).collect()
}

/// A GPU with the first of its places that is free.
fn free_slot(connection: &Connection, server: &GpuServerId, device: u16) -> Result<(u16, u16), StoreError> {
    let sql = "SELECT count(*), min(slot) FILTER (WHERE lease IS NULL) FROM gpu_slots \
               LEFT JOIN gpu_leased USING (server, device, slot) WHERE server = ?1 AND device = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_row(params![server.as_str(), device], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    let server = server.clone();
    match found {
        (0u32, _) => Err(LeaseRefused::UnknownDevice { server, device }.into()),
        (_, None) => Err(LeaseRefused::Taken { server, device }.into()),
        (_, Some(slot)) => Ok((device, slot)),
    }
}

fn query(connection: &Connection, sql: &str, values: &[&dyn ToSql]) -> Result<Vec<GpuLease>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(values)?;
    let mut leases = Vec::new();
    while let Some(row) = rows.next()? {
        leases.push(read(row)?);
    }
    Ok(leases)
}

fn read(row: &Row<'_>) -> Result<GpuLease, StoreError> {
    let key: String = row.get("id")?;
    let columns = Columns {
        table: "gpu lease",
        key: &key,
        row,
    };
    let devices: BTreeSet<u16> = columns.json("devices")?;
    if devices.is_empty() {
        return Err(columns.error("devices", "it has none"));
    }
    Ok(GpuLease {
        id: columns.text("id")?,
        holder: columns.text("holder")?,
        job: columns.optional_text("job")?,
        server: columns.text("server")?,
        devices,
        acquired_at: columns.seconds("acquired_at")?,
        state: columns.text("state")?,
    })
}

#[cfg(test)]
mod tests;
