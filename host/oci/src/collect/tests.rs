//! A collection that is stopped after each of its steps.

use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::{Attached, PublishInfo, artifact::describe, files::Access, parcel::Parcel};

/// A layout with three artifacts, the manifest of the first, and what an interrupted write left.
fn filled(dir: &Path) -> (Layout, Digest) {
    let layout = Layout::create(dir, Access::Private).unwrap();
    let mut manifests = Vec::new();
    for bytes in [&b"one"[..], b"two", b"three"] {
        let documents = describe(Pointer::to(bytes), &PublishInfo::default()).unwrap();
        let manifest = Digest::of(&documents.manifest);
        let mut parcel = Parcel::default();
        let signature = Attached::payload(bytes.repeat(2), "who");
        parcel.sign(&manifest, None, &[signature]).unwrap();
        parcel.add(&manifest.hex(), &documents, bytes.into());
        parcel.put(&layout).unwrap();
        manifests.push(manifest);
    }
    fs::write(dir.join(".tmp-left"), "half").unwrap();
    (layout, manifests[0])
}

/// Whether all that the index lists is there as a whole.
fn check_whole(layout: &Layout) -> usize {
    let index = layout.index().unwrap();
    for manifest in index.manifests.iter().filter_map(digest_of) {
        let (config, layers) = image(layout, manifest).unwrap().unwrap();
        for part in [config].iter().chain(&layers) {
            let found = layout.find(digest_of(part).unwrap(), Part::Component, part.size);
            assert!(found.unwrap().is_some());
        }
    }
    index.manifests.len()
}

#[test]
fn a_collection_that_is_stopped_anywhere_leaves_a_valid_layout_and_is_ended_by_the_next() {
    for stop_after in 0.. {
        let dir = TempDir::new().unwrap();
        let (layout, root) = filled(dir.path());
        let roots = BTreeSet::from([root]);
        let plan_of = || plan(&layout, &roots, Duration::ZERO).unwrap();
        let steps = plan_of().steps;
        assert!(
            matches!(steps.first(), Some(Step::Index(_))),
            "the index is first"
        );
        for step in steps.iter().take(stop_after) {
            take(&layout, step).unwrap();
            assert!(check_whole(&layout) >= 1);
        }
        for step in &plan_of().steps {
            take(&layout, step).unwrap();
        }
        assert_eq!(check_whole(&layout), 2, "a component and its signatures");
        assert_eq!(contents(&layout).unwrap().len(), 6);
        assert!(!dir.path().join(".tmp-left").exists());
        assert!(plan_of().steps.is_empty(), "nothing is left to do");
        if stop_after > steps.len() {
            return;
        }
    }
}

#[test]
fn what_is_being_written_now_is_left_alone() {
    let dir = TempDir::new().unwrap();
    let (layout, _) = filled(dir.path());
    let plan = plan(&layout, &BTreeSet::new(), Duration::from_secs(60)).unwrap();
    assert!(plan.steps.is_empty() && plan.collected.removed.is_empty());
}
