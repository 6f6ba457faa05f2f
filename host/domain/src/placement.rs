//! Which server a request for GPUs goes to, and which of its GPUs. Pure: what is free is an argument, and whoever takes it
//! reads it in the transaction in which the lease is written.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::{GpuChoice, GpuKind, GpuRequest, GpuServer, GpuServerId};

/// A server, and what is free of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The server.
    pub server: GpuServer,
    /// Whether its engine is out of reach.
    pub lost: bool,
    /// For each GPU how many more may hold it. One that is not here has no room.
    pub free: BTreeMap<u16, u16>,
}

/// Where a container goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The server.
    pub server: GpuServerId,
    /// The numbers of its GPUs.
    pub devices: BTreeSet<u16>,
}

/// Why a server does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// It is asked for by name, and there is none of it.
    #[error("gpu_server_unknown: there is no such server")]
    Unknown,
    /// Its operator wants nothing new on it.
    #[error("gpu_server_disabled: it is disabled")]
    Disabled,
    /// Its engine is out of reach.
    #[error("gpu_server_lost: it is out of reach")]
    Lost,
    /// A label is not there or has another value.
    #[error("gpu_labels_mismatch: its label {0} is another or missing")]
    Label(String),
    /// It has none of the kind.
    #[error("gpu_kind_missing: it has no {0}")]
    Kind(GpuKind),
    /// It has fewer GPUs than that.
    #[error("gpu_device_unknown: it has no GPU {device}, its {count} count from 0")]
    NoDevice {
        /// The number that was asked for.
        device: u16,
        /// How many it has.
        count: u16,
    },
    /// A GPU that was asked for by number is of another kind.
    #[error("gpu_kind_mismatch: its GPU {device} is {kind}")]
    OtherKind {
        /// Its number.
        device: u16,
        /// What it is.
        kind: GpuKind,
    },
    /// A GPU that was asked for by number has as many holders as it may have.
    #[error("gpu_device_taken: its GPU {0} is taken")]
    Taken(u16),
    /// Fewer are free.
    #[error("gpu_capacity_insufficient: wants {wanted}, has {free} free of {of}")]
    Capacity {
        /// How many are wanted.
        wanted: u16,
        /// How many of those that would do have room.
        free: usize,
        /// How many would do.
        of: usize,
    },
}

/// No server fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoPlace {
    /// Why not, of each server that was asked for, by id. Empty when there are no servers.
    pub misfits: BTreeMap<GpuServerId, Misfit>,
}

/// Reasons that one line tells.
const TOLD: usize = 8;

/// Chooses a server and its GPUs: the same for the same arguments, in whatever order the candidates are.
pub fn place(request: &GpuRequest, candidates: &[Candidate]) -> Result<Placement, NoPlace> {
    let mut misfits = BTreeMap::new();
    let mut best = None;
    for candidate in candidates {
        let id = &candidate.server.id;
        if request.server().is_some_and(|wanted| wanted != id) {
            continue;
        }
        match fit(request, candidate) {
            // The best fit is the fullest server: a large request later finds an empty one. Which of equals does not matter,
            // as long as it is always the same.
            Ok(devices) => {
                let key = (candidate.room(), id);
                if best.as_ref().is_none_or(|(least, _)| key < *least) {
                    best = Some((key, devices));
                }
            }
            Err(misfit) => drop(misfits.insert(id.clone(), misfit)),
        }
    }
    if let Some(((_, server), devices)) = best {
        let server = server.clone();
        return Ok(Placement { server, devices });
    }
    if let (Some(id), true) = (request.server(), misfits.is_empty()) {
        misfits.insert(id.clone(), Misfit::Unknown);
    }
    Err(NoPlace { misfits })
}

/// The GPUs of this server that the request gets.
fn fit(request: &GpuRequest, candidate: &Candidate) -> Result<BTreeSet<u16>, Misfit> {
    let server = &candidate.server;
    if !server.enabled {
        return Err(Misfit::Disabled);
    }
    if candidate.lost {
        return Err(Misfit::Lost);
    }
    if let Some(key) = server.labels.missing(request.labels()) {
        return Err(Misfit::Label(key.to_owned()));
    }
    let would_do = |kind: &GpuKind| request.kind().is_none_or(|wanted| wanted == kind);
    match request.choice() {
        GpuChoice::Devices(devices) => {
            for device in devices.iter().copied() {
                let count = server.gpus.count();
                let kind = server
                    .gpus
                    .kind(device)
                    .ok_or(Misfit::NoDevice { device, count })?;
                if !would_do(kind) {
                    let kind = kind.clone();
                    return Err(Misfit::OtherKind { device, kind });
                }
                if candidate.room_of(device) == 0 {
                    return Err(Misfit::Taken(device));
                }
            }
            Ok(devices.clone())
        }
        GpuChoice::Count(wanted) => {
            let all = server.gpus.iter().filter(|(_, kind)| would_do(kind));
            let all: Vec<_> = all
                .map(|(device, _)| (Reverse(candidate.room_of(device)), device))
                .collect();
            if let (Some(kind), true) = (request.kind(), all.is_empty()) {
                return Err(Misfit::Kind(kind.clone()));
            }
            let of = all.len();
            let mut free: Vec<_> = all.into_iter().filter(|(Reverse(room), _)| *room > 0).collect();
            if free.len() < usize::from(*wanted) {
                let (wanted, free) = (*wanted, free.len());
                return Err(Misfit::Capacity { wanted, free, of });
            }
            // Of shared GPUs those with the fewest holders: each holder has more of its GPU, and as many GPUs as possible
            // keep room for a request that wants several at once.
            free.sort_unstable();
            Ok(free
                .into_iter()
                .take((*wanted).into())
                .map(|(_, device)| device)
                .collect())
        }
    }
}

impl Candidate {
    /// The same when its engine answers and nobody holds anything of it: what could be, if one waits.
    #[must_use]
    pub fn emptied(self) -> Self {
        let devices = self.server.gpus.iter().map(|(device, _)| device);
        let holders = self.server.lease.holders();
        Self {
            lost: false,
            free: devices.map(|device| (device, holders)).collect(),
            server: self.server,
        }
    }

    fn room_of(&self, device: u16) -> u16 {
        self.free.get(&device).copied().unwrap_or_default()
    }

    fn room(&self) -> u32 {
        let devices = self.server.gpus.iter();
        devices.map(|(device, _)| u32::from(self.room_of(device))).sum()
    }
}

impl fmt::Display for NoPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.misfits.is_empty() {
            return f.write_str("there is no GPU server");
        }
        f.write_str("no GPU server fits")?;
        for (at, (id, misfit)) in self.misfits.iter().take(TOLD).enumerate() {
            let before = if at == 0 { ":" } else { ";" };
            write!(f, "{before} {id}: {misfit}")?;
        }
        match self.misfits.len().checked_sub(TOLD) {
            None | Some(0) => Ok(()),
            Some(more) => write!(f, "; and {more} more"),
        }
    }
}

impl std::error::Error for NoPlace {}

#[cfg(test)]
mod tests;
