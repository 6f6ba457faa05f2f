//! How wasmtime is set up, from fastest to plainest.

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::limits::{Limits, count, size};

/// What one slot of a pool can hold. A slot costs address space and bookkeeping whether it is used or not, so
/// there are classes of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    /// For logs.
    pub(crate) name: &'static str,
    /// Function table elements of one call, over all tables: an entry per function whose address is taken.
    pub(crate) table_elements: usize,
    /// Core instances of one call: the main module, adapters and shims.
    pub(crate) core_instances: u32,
    /// Memories of one call: usually one, two with an adapter.
    pub(crate) memories: u32,
    /// Tables of one call.
    pub(crate) tables: u32,
    /// Host memory for the bookkeeping of one component instance.
    pub(crate) instance_bytes: usize,
}

/// What a Rust challenge with SQLite inside needs, with room to spare.
const SMALL: Slot = Slot {
    name: "small",
    table_elements: 20_000,
    core_instances: 8,
    memories: 2,
    tables: 4,
    instance_bytes: 1 << 20,
};

/// The clock of the epoch interruption. A busy guest gives its thread back this often; shorter only costs.
pub(crate) const TICK: std::time::Duration = std::time::Duration::from_millis(10);

/// Wasm frames and the host functions below them share a fibre's stack; the host's part must never overflow.
const FIBRE_STACK: usize = 2 << 20;
/// Memory that a slot of the pool keeps between calls: what a small Rust guest touches.
const KEEP_RESIDENT: usize = 2 << 20;
/// Table memory that a slot keeps between calls.
const KEEP_TABLE_RESIDENT: usize = 64 << 10;
/// Memories given back to the kernel in one system call. More would be fewer calls for guests that need more than
/// stays resident, but what waits for its batch still fills memory, beyond what [`crate::memory`] counts; and a memory that
/// has nothing to give back, as most, would wait for its batch as well instead of being used again at once.
const DECOMMIT_BATCH: usize = 1;
/// Slots kept warm for their last program; bounds the resident memory of an idle host to 128 MiB.
const WARM_SLOTS: u32 = 64;

impl Slot {
    /// The slots there are, smallest first.
    pub(crate) fn classes(limits: &Limits) -> [Self; 2] {
        let number = |limit: u64| u32::try_from(limit).unwrap_or(u32::MAX);
        let large = Self {
            name: "large",
            table_elements: count(limits.table_elements),
            core_instances: number(limits.core_instances),
            memories: number(limits.memories),
            tables: number(limits.tables),
            instance_bytes: size(limits.instance),
        };
        let small = Self {
            name: SMALL.name,
            table_elements: SMALL.table_elements.min(large.table_elements),
            core_instances: SMALL.core_instances.min(large.core_instances),
            memories: SMALL.memories.min(large.memories),
            tables: SMALL.tables.min(large.tables),
            instance_bytes: SMALL.instance_bytes.min(large.instance_bytes),
        };
        [small, large]
    }
}

/// An engine with the best allocator this machine allows, for so many calls at a time.
///
/// The pool keeps memory of finished calls resident and resets only the pages that were written, which
/// `PAGEMAP_SCAN` (Linux 6.7) finds. Without it resetting resident memory is slower than giving it back. A
/// machine that limits address space has no room for a pool at all.
pub(crate) fn engine(limits: &Limits, slot: Slot, calls: u32) -> wasmtime::Result<Engine> {
    let mut scanning = pool(limits, slot, calls);
    scanning
        .pagemap_scan(Enabled::Yes)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(KEEP_TABLE_RESIDENT);
    let allocators = [
        ("pool with page scan", scanning.into()),
        ("pool", pool(limits, slot, calls).into()),
        ("on demand", InstanceAllocationStrategy::OnDemand),
    ];
    let mut refused = None;
    for (name, allocator) in allocators {
        match Engine::new(&config(limits, allocator)) {
            Ok(engine) => {
                tracing::info!(
                    wasm.allocator = name,
                    wasm.slots = slot.name,
                    wasm.calls = calls,
                    "WebAssembly engine ready"
                );
                return Ok(engine);
            }
            Err(error) => {
                tracing::warn!(wasm.allocator = name, error = %error, "allocator not available");
                refused = Some(error);
            }
        }
    }
    Err(refused.unwrap_or_else(|| wasmtime::Error::msg("no allocator")))
}

/// An engine that compiles for those and runs nothing: what it makes does not depend on the allocator.
pub(crate) fn compiler(limits: &Limits) -> wasmtime::Result<Engine> {
    Engine::new(&config(limits, InstanceAllocationStrategy::OnDemand))
}

fn pool(limits: &Limits, slot: Slot, calls: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(calls)
        .total_stacks(calls)
        .total_memories(calls.saturating_mul(slot.memories))
        .total_tables(calls.saturating_mul(slot.tables))
        .total_core_instances(calls.saturating_mul(slot.core_instances))
        .max_memory_size(size(limits.memory_max))
        .max_memories_per_component(slot.memories)
        .max_tables_per_component(slot.tables)
        .max_core_instances_per_component(slot.core_instances)
        .max_component_instance_size(slot.instance_bytes)
        .table_elements(slot.table_elements)
        .max_tables_per_module(2)
        .decommit_batch_size(DECOMMIT_BATCH)
        .max_unused_warm_slots(WARM_SLOTS);
    pool
}

fn config(limits: &Limits, allocator: InstanceAllocationStrategy) -> Config {
    let mut config = Config::new();
    config
        .allocation_strategy(allocator)
        .epoch_interruption(true)
        // Calls of this contract never overlap in one instance; without the bookkeeping they are four times faster.
        .concurrency_support(false)
        // For debuggers only; thousands of components would be registered and unregistered one by one.
        .native_unwind_info(false)
        .max_wasm_stack(size(limits.stack))
        .async_stack_size(FIBRE_STACK)
        // Off, because no component of this contract needs them: less to be attacked. Threads, garbage
        // collection, exceptions and component-model concurrency are not even compiled in.
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_relaxed_simd(false)
        .wasm_tail_call(false);
    config
}
