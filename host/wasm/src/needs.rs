//! What an instance of a component occupies, as its binary shows it: enough to choose a slot before anything is
//! compiled. The allocator has the last word.

use wasmparser::{BinaryReaderError, Instance, Payload};

use crate::tuning::Slot;

/// Sums over all core modules of a component.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Core modules that are instantiated.
    pub core_instances: u32,
    /// Linear memories.
    pub memories: u32,
    /// Tables.
    pub tables: u32,
    /// Elements of the largest table at the start.
    pub table_elements: u64,
}

impl Needs {
    /// Counts what one part of the binary adds.
    pub(crate) fn count(&mut self, payload: &Payload<'_>) -> Result<(), BinaryReaderError> {
        match payload {
            Payload::InstanceSection(section) => {
                for instance in section.clone() {
                    if matches!(instance?, Instance::Instantiate { .. }) {
                        self.core_instances = self.core_instances.saturating_add(1);
                    }
                }
            }
            Payload::MemorySection(section) => {
                self.memories = self.memories.saturating_add(section.count());
            }
            Payload::TableSection(section) => {
                self.tables = self.tables.saturating_add(section.count());
                for table in section.clone() {
                    self.table_elements = self.table_elements.max(table?.ty.initial);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether an instance fits into a slot.
    pub(crate) fn fit(&self, slot: &Slot) -> bool {
        self.core_instances <= slot.core_instances
            && self.memories <= slot.memories
            && self.tables <= slot.tables
            && self.table_elements <= slot.table_elements as u64
    }
}
