//! A GPU server as operators see it: its record, what is free of it, and whether the host can show who it is.

use std::{collections::BTreeMap, path::Path};

use platform_domain::{GpuLease, UnixSeconds};
use platform_fleet::TlsFiles;
use platform_store::{
    Connection, gpu_leases,
    gpu_servers::{self, GpuServerRow},
};
use platform_vault::Key;

use crate::GpuServerError;

/// A server, and what is known of it without asking its engine.
#[derive(Clone, Debug)]
pub struct GpuServerSeen {
    /// As its operator describes it.
    pub server: platform_domain::GpuServer,
    /// Since when its engine is out of reach; `None` while it answers, and before it was asked for the first time.
    pub lost_at: Option<UnixSeconds>,
    /// How the host is known to its engine, if that is kept.
    pub certificates: Option<KeptCertificates>,
    /// For each GPU how many more may hold it.
    pub free: BTreeMap<u16, u16>,
    /// Who has GPUs of it, by the lease's id.
    pub leases: Vec<GpuLease>,
}

/// Whether certificates that are kept are of any use. They themselves are shown to nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptCertificates {
    /// They can be used.
    Readable {
        /// When the host's own certificate ends, where that can be read.
        ends_at: Option<UnixSeconds>,
    },
    /// The key file is missing or another one, or the row is damaged: they are to be set again.
    Unreadable,
}

/// The key to open certificates with, where there are any. One that cannot be read is not this reader's trouble.
pub(super) fn key_of_any(connection: &Connection, file: &Path) -> Result<Option<Key>, GpuServerError> {
    match gpu_servers::any_tls(connection)? {
        true => Ok(Key::read(file).ok()),
        false => Ok(None),
    }
}

pub(super) fn see(
    connection: &Connection,
    key: Option<&Key>,
    row: GpuServerRow,
) -> Result<GpuServerSeen, GpuServerError> {
    let GpuServerRow { server, lost_at } = row;
    let tls = gpu_servers::tls(connection, &server.id)?;
    let certificates = tls.map(|tls| {
        let opened = key.and_then(|key| TlsFiles::open(key, &server.id, &tls)?.read().ok());
        match opened {
            Some(opened) => KeptCertificates::Readable {
                ends_at: opened.ends_at(),
            },
            None => KeptCertificates::Unreadable,
        }
    });
    Ok(GpuServerSeen {
        certificates,
        free: gpu_leases::free_slots(connection, &server.id)?,
        leases: gpu_leases::of_server(connection, &server.id)?,
        lost_at,
        server,
    })
}
