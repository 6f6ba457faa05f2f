//! What one call may allocate. wasmtime's own limiter counts each memory by itself; this one counts the sum.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use wasmtime::ResourceLimiter;

use crate::limits::{Limits, count};

/// Memory shared by all calls of an engine: how many bytes are still free.
#[derive(Clone)]
pub(crate) struct HostMemory(Arc<AtomicU64>);

/// The allocations of one call.
pub(crate) struct CallMemory {
    limit: u64,
    used: u64,
    /// The growth that was allowed last, to be taken back if it fails after all.
    last: u64,
    table_elements: usize,
    refused: Option<Refusal>,
    host: HostMemory,
    limits: Arc<Limits>,
}

/// Why a guest did not get memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It asked for more than a call may have.
    Call,
    /// All calls together have what the host gives.
    Host,
}

impl HostMemory {
    pub(crate) fn new(bytes: u64) -> Self {
        Self(Arc::new(AtomicU64::new(bytes)))
    }

    fn take(&self, bytes: u64) -> bool {
        let free = |free: u64| free.checked_sub(bytes);
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, free)
            .is_ok()
    }

    fn give_back(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl CallMemory {
    pub(crate) fn new(limit: u64, host: HostMemory, limits: Arc<Limits>) -> Self {
        Self {
            limit,
            used: 0,
            last: 0,
            table_elements: 0,
            refused: None,
            host,
            limits,
        }
    }

    /// What the call may have, in bytes.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// Whether the guest ever asked for more than it could get: the last time.
    pub(crate) fn refused(&self) -> Option<Refusal> {
        self.refused
    }
}

impl ResourceLimiter for CallMemory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let growth = desired.saturating_sub(current) as u64;
        let declared = maximum.is_none_or(|maximum| desired <= maximum);
        let fits = self.used.saturating_add(growth) <= self.limit;
        let refusal = match declared && fits {
            false => Some(Refusal::Call),
            true if !self.host.take(growth) => Some(Refusal::Host),
            true => None,
        };
        if refusal.is_some() {
            self.refused = refusal;
            return Ok(false);
        }
        self.used += growth;
        self.last = growth;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.refused = Some(Refusal::Host);
        self.used -= self.last;
        self.host.give_back(std::mem::take(&mut self.last));
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let sum = self
            .table_elements
            .saturating_add(desired.saturating_sub(current));
        let fits = sum <= count(self.limits.table_elements);
        if fits {
            self.table_elements = sum;
        }
        Ok(fits)
    }

    fn instances(&self) -> usize {
        count(self.limits.core_instances)
    }

    fn tables(&self) -> usize {
        count(self.limits.tables)
    }

    fn memories(&self) -> usize {
        count(self.limits.memories)
    }
}

impl Drop for CallMemory {
    fn drop(&mut self) {
        self.host.give_back(self.used);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn free(host: &HostMemory) -> u64 {
        host.0.load(Ordering::Relaxed)
    }

    #[test]
    fn memories_of_one_call_count_together() {
        let host = HostMemory::new(100 << 20);
        let mut call = CallMemory::new(8 << 20, host.clone(), Arc::default());
        assert!(call.memory_growing(0, 5 * MIB, None).unwrap());
        assert_eq!(call.refused(), None);
        assert!(
            !call.memory_growing(0, 5 * MIB, None).unwrap(),
            "10 MiB in two memories"
        );
        assert_eq!(call.refused(), Some(Refusal::Call));
        assert!(call.memory_growing(5 * MIB, 8 * MIB, None).unwrap());
        assert_eq!(free(&host), 92 << 20);
        drop(call);
        assert_eq!(free(&host), 100 << 20);
    }

    #[test]
    fn calls_share_what_the_host_has() {
        let host = HostMemory::new(10 << 20);
        let mut first = CallMemory::new(8 << 20, host.clone(), Arc::default());
        let mut second = CallMemory::new(8 << 20, host.clone(), Arc::default());
        assert!(first.memory_growing(0, 8 * MIB, None).unwrap());
        assert!(!second.memory_growing(0, 8 * MIB, None).unwrap());
        assert_eq!(second.refused(), Some(Refusal::Host));
        drop(first);
        assert!(second.memory_growing(0, 8 * MIB, None).unwrap());
    }

    #[test]
    fn a_growth_that_fails_after_all_is_given_back_once() {
        let host = HostMemory::new(10 << 20);
        let mut call = CallMemory::new(8 << 20, host.clone(), Arc::default());
        assert!(call.memory_growing(0, 4 * MIB, None).unwrap());
        call.memory_grow_failed(wasmtime::Error::msg("no room")).unwrap();
        assert_eq!(free(&host), 10 << 20);
        drop(call);
        assert_eq!(free(&host), 10 << 20);
    }
}
