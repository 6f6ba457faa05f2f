//! How wasmtime is set up, from fastest to plainest.

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::limits;

/// An engine with the best allocator this machine allows.
///
/// The pool keeps memory of finished calls resident and resets only the pages that were written, which
/// `PAGEMAP_SCAN` (Linux 6.7) finds. Without it resetting resident memory is slower than giving it back. A
/// machine that limits address space has no room for a pool at all.
pub(crate) fn engine(calls: u32, max_memory: usize) -> wasmtime::Result<Engine> {
    let mut scanning = pool(calls, max_memory);
    scanning
        .pagemap_scan(Enabled::Yes)
        .linear_memory_keep_resident(limits::KEEP_RESIDENT)
        .table_keep_resident(limits::KEEP_TABLE_RESIDENT);
    let allocators = [
        ("pool with page scan", scanning.into()),
        ("pool", pool(calls, max_memory).into()),
        ("on demand", InstanceAllocationStrategy::OnDemand),
    ];
    let mut refused = None;
    for (name, allocator) in allocators {
        match Engine::new(&config(allocator)) {
            Ok(engine) => {
                tracing::info!(
                    wasm.allocator = name,
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

fn pool(calls: u32, max_memory: usize) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(calls)
        .total_stacks(calls)
        .total_memories(calls.saturating_mul(2))
        .total_tables(calls.saturating_mul(4))
        .total_core_instances(calls.saturating_mul(8))
        .max_memory_size(max_memory)
        .max_memories_per_component(limits::MAX_MEMORIES)
        .max_tables_per_component(limits::MAX_TABLES)
        .max_core_instances_per_component(limits::MAX_CORE_INSTANCES)
        .max_component_instance_size(limits::MAX_INSTANCE_BYTES)
        .table_elements(limits::MAX_TABLE_ELEMENTS)
        .max_tables_per_module(2)
        .decommit_batch_size(limits::DECOMMIT_BATCH)
        .max_unused_warm_slots(limits::WARM_SLOTS);
    pool
}

fn config(allocator: InstanceAllocationStrategy) -> Config {
    let mut config = Config::new();
    config
        .allocation_strategy(allocator)
        .epoch_interruption(true)
        // Calls of this contract never overlap in one instance; without the bookkeeping they are four times faster.
        .concurrency_support(false)
        .max_wasm_stack(limits::MAX_WASM_STACK)
        .async_stack_size(limits::FIBRE_STACK)
        // Off, because no component of this contract needs them: less to be attacked. Threads, garbage
        // collection, exceptions and component-model concurrency are not even compiled in.
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_relaxed_simd(false)
        .wasm_tail_call(false);
    config
}
