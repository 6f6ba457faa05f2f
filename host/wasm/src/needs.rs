//! What an instance of a component occupies, as its binary shows it: enough to choose a slot before anything is
//! compiled. The allocator has the last word.

use serde::{Deserialize, Serialize};
use wasmparser::{
    BinaryReaderError, ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentTypeRef, Encoding, Instance, Payload,
};

use crate::{Limits, tuning::Slot};

/// Sums over all core modules of a component, each as often as it is instantiated. What cannot be told from the
/// binary alone counts as very much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

/// Adds up while a binary is read from its beginning to its end.
#[derive(Default)]
pub(crate) struct NeedsCounter {
    /// What is being read, outermost first.
    open: Vec<Part>,
    total: Needs,
    /// Components inside of it, and instances of such.
    components: u32,
    component_instances: u32,
}

enum Part {
    Module(Needs),
    /// With the modules that it can instantiate, by index; `None` comes from somewhere else.
    Component(Vec<Option<Needs>>),
}

impl NeedsCounter {
    /// Counts what one part of the binary adds.
    pub(crate) fn count(&mut self, payload: &Payload<'_>) -> Result<(), BinaryReaderError> {
        match payload {
            Payload::Version { encoding, .. } => self.open.push(match encoding {
                Encoding::Module => Part::Module(Needs::of_one_module()),
                Encoding::Component => Part::Component(Vec::new()),
            }),
            Payload::End(_) => self.close(),
            Payload::MemorySection(section) => {
                if let Some(Part::Module(module)) = self.open.last_mut() {
                    module.memories = module.memories.saturating_add(section.count());
                }
            }
            Payload::TableSection(section) => {
                if let Some(Part::Module(module)) = self.open.last_mut() {
                    module.tables = module.tables.saturating_add(section.count());
                    for table in section.clone() {
                        module.table_elements = module.table_elements.max(table?.ty.initial);
                    }
                }
            }
            Payload::InstanceSection(section) => {
                for instance in section.clone() {
                    if let Instance::Instantiate { module_index, .. } = instance? {
                        self.instantiate(module_index);
                    }
                }
            }
            Payload::ComponentSection { .. } => self.components = self.components.saturating_add(1),
            Payload::ComponentInstanceSection(section) => {
                for instance in section.clone() {
                    if matches!(instance?, ComponentInstance::Instantiate { .. }) {
                        self.component_instances = self.component_instances.saturating_add(1);
                    }
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section.clone() {
                    let is_module = match alias? {
                        ComponentAlias::Outer { kind, .. } => kind == ComponentOuterAliasKind::CoreModule,
                        ComponentAlias::InstanceExport { kind, .. } => kind == ComponentExternalKind::Module,
                        ComponentAlias::CoreInstanceExport { .. } => false,
                    };
                    self.add_unknown_if(is_module);
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section.clone() {
                    self.add_unknown_if(matches!(import?.ty, ComponentTypeRef::Module(_)));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The sum. A component that is instantiated more often than there are components has parts that count
    /// several times.
    pub(crate) fn total(self) -> Needs {
        if self.component_instances > self.components {
            return Needs::UNKNOWN;
        }
        self.total
    }

    fn close(&mut self) {
        if let (Some(Part::Module(module)), Some(Part::Component(modules))) =
            (self.open.pop(), self.open.last_mut())
        {
            modules.push(Some(module));
        }
    }

    fn add_unknown_if(&mut self, is_module: bool) {
        if let (true, Some(Part::Component(modules))) = (is_module, self.open.last_mut()) {
            modules.push(None);
        }
    }

    fn instantiate(&mut self, module: u32) {
        let known = match self.open.last() {
            Some(Part::Component(modules)) => modules.get(module as usize).copied().flatten(),
            _ => None,
        };
        self.total = self.total.and(known.unwrap_or(Needs::UNKNOWN));
    }
}

impl Needs {
    const UNKNOWN: Self = Self {
        core_instances: u32::MAX,
        memories: u32::MAX,
        tables: u32::MAX,
        table_elements: u64::MAX,
    };

    fn of_one_module() -> Self {
        Self {
            core_instances: 1,
            ..Self::default()
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            core_instances: self.core_instances.saturating_add(other.core_instances),
            memories: self.memories.saturating_add(other.memories),
            tables: self.tables.saturating_add(other.tables),
            table_elements: self.table_elements.max(other.table_elements),
        }
    }

    /// The slots that an instance takes under these limits, as the host's log names them: `small`, which hold what
    /// Rust makes, or `large`, of which there are fewer.
    pub fn slots(&self, limits: &Limits) -> &'static str {
        let [small, large] = Slot::classes(limits);
        if self.fit(&small) { small.name } else { large.name }
    }

    /// Whether an instance fits into a slot.
    pub(crate) fn fit(&self, slot: &Slot) -> bool {
        self.core_instances <= slot.core_instances
            && self.memories <= slot.memories
            && self.tables <= slot.tables
            && self.table_elements <= slot.table_elements as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(component: &str) -> (u32, u32, u32, u64) {
        let mut counter = NeedsCounter::default();
        for payload in wasmparser::Parser::new(0).parse_all(&wat::parse_str(component).unwrap()) {
            counter.count(&payload.unwrap()).unwrap();
        }
        let needs = counter.total();
        (
            needs.core_instances,
            needs.memories,
            needs.tables,
            needs.table_elements,
        )
    }

    #[test]
    fn a_module_counts_as_often_as_it_is_instantiated() {
        let module = "(core module $m (memory 1) (table 7 funcref) (table 9 funcref))";
        let other = "(core module $o)";
        let once = format!("(component {module} {other} (core instance (instantiate $m)))");
        assert_eq!(needs(&once), (1, 1, 2, 9));
        let thrice = format!(
            "(component {module} {other} (core instance (instantiate $m)) (core instance (instantiate $o))
             (core instance (instantiate $m)) (core instance (instantiate $m)))"
        );
        assert_eq!(needs(&thrice), (4, 3, 6, 9));
        let inner = format!("(component $c {module} (core instance (instantiate $m)))");
        assert_eq!(
            needs(&format!("(component {inner} (instance (instantiate $c)))")),
            (1, 1, 2, 9)
        );
    }

    #[test]
    fn what_cannot_be_told_counts_as_very_much() {
        const MUCH: (u32, u32, u32, u64) = (u32::MAX, u32::MAX, u32::MAX, u64::MAX);
        let module = "(core module $m (memory 1))";
        let twice = format!(
            "(component (component $c {module} (core instance (instantiate $m)))
             (instance (instantiate $c)) (instance (instantiate $c)))"
        );
        assert_eq!(needs(&twice), MUCH);
        let outer = format!(
            "(component $p {module} (component $c (alias outer $p $m (core module $a))
             (core instance (instantiate $a))) (instance (instantiate $c)))"
        );
        assert_eq!(needs(&outer), MUCH);
        let imported = "(component (import \"m\" (core module $m)) (core instance (instantiate $m)))";
        assert_eq!(needs(imported), MUCH);
    }
}
