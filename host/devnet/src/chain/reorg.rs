//! Another branch becomes the best one.

use serde_json::json;

use super::{Chain, Lookup};
use crate::{
    block::{Hash, to_hex},
    error::ReorgRefused,
    extrinsic::Signed,
    faults::Retracted,
    items::NOW,
};

impl Chain {
    /// Replaces the best `depth` blocks by as many without extrinsics.
    pub(crate) fn reorg(&mut self, depth: u32, fate: Retracted) -> Result<Hash, ReorgRefused> {
        let best = self.best_number();
        let base = best.checked_sub(depth).filter(|base| *base >= self.finalized);
        let first = base.ok_or(ReorgRefused::Final)?.saturating_add(1);
        let old = self.canonical.split_off(&first);
        let replaced = old.values().try_for_each(|hash| self.import_sibling(*hash));
        if let Err(error) = replaced {
            drop(self.canonical.split_off(&first));
            self.canonical.extend(old);
            return Err(error);
        }
        for hash in old.into_values() {
            for extrinsic in self.retract(hash) {
                match fate {
                    Retracted::Return => self.pool.put_back(extrinsic, best),
                    Retracted::Lose => {
                        self.tell(extrinsic.hash, &json!("dropped"));
                        self.watchers.remove(&extrinsic.hash);
                    }
                }
            }
        }
        Ok(self.best_hash())
    }

    /// Puts an empty block on the best one, later than `old`, so that their hashes differ even if both are empty.
    fn import_sibling(&mut self, old: Hash) -> Result<(), ReorgRefused> {
        let before = match self.lookup(Some(old)) {
            Lookup::State(state, _) => state.get(&NOW, ())?,
            Lookup::Discarded | Lookup::Unknown => 0,
        };
        let sibling = self.draft(before.saturating_add(1))?;
        let sibling = sibling.finish(self.drand.as_ref())?;
        self.import(sibling);
        Ok(())
    }

    /// Takes what a block included out of it, and tells whoever watches.
    fn retract(&mut self, hash: Hash) -> Vec<Signed> {
        self.retracted.push(hash);
        let block = self.blocks.get_mut(&hash);
        let signed = block
            .map(|block| std::mem::take(&mut block.signed))
            .unwrap_or_default();
        for extrinsic in &signed {
            self.tell(extrinsic.hash, &json!({ "retracted": to_hex(hash) }));
            let mut accepted = self.accepted.iter_mut();
            if let Some(accepted) = accepted.find(|accepted| accepted.hash == extrinsic.hash) {
                accepted.block = None;
            }
        }
        signed
    }
}
