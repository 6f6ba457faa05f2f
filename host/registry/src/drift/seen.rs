//! What was seen last of tags.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use platform_domain::{Digest, Slug, UnixSeconds};

use crate::reconciler::now;

/// A tag that does not lead to what runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// When it was looked at.
    pub checked_at: UnixSeconds,
    /// The manifest that it leads to; `None` when that could not be told.
    pub manifest: Option<Digest>,
    /// Why it could not be told, or why it was not followed.
    pub reason: Option<String>,
    /// Whether it would be refused again.
    pub(super) refused: bool,
}

/// What was seen last of each challenge whose tag does not lead to what it has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drifts(Arc<Mutex<BTreeMap<Slug, Drift>>>);

impl Drifts {
    pub(crate) fn of(&self, slug: &Slug) -> Option<Drift> {
        self.book().get(slug).cloned()
    }

    pub(crate) fn forget(&self, slug: &Slug) {
        self.book().remove(slug);
    }

    pub(super) fn note(&self, slug: &Slug, drift: Drift) {
        self.book().insert(slug.clone(), drift);
    }

    fn book(&self) -> MutexGuard<'_, BTreeMap<Slug, Drift>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drift {
    pub(super) fn untold(reason: String) -> Self {
        Self {
            checked_at: now(),
            manifest: None,
            reason: Some(reason),
            refused: false,
        }
    }
}
