//! Many challenges without the minutes that registering each through the API takes: copies of one that was
//! registered, each of a component of its own.

use std::path::Path;

use platform_domain::{Artifact, Challenge, Slug};
use platform_oci::ContentStore;
use platform_store::{Store, StoreError, challenges};

/// Copies the challenge `of` in the state directory of a host that is stopped, until there are `many` copies. Their
/// slugs are `of-1` and so on. Each component differs from the others, so each is compiled for itself.
pub async fn multiply(state: &Path, of: &str, many: usize) -> Vec<Slug> {
    let (store, content) = (
        Store::open(&state.join("host.sqlite3")).unwrap(),
        ContentStore::open(&state.join("content")).unwrap(),
    );
    let key: Slug = of.parse().unwrap();
    let original = store.read("fleet", move |connection| challenges::get(connection, &key));
    let original: Challenge = original.await.unwrap().expect("a registered challenge");
    let Artifact::Component(pinned) = &original.artifact else {
        panic!("{original:?} is no component")
    };
    let component = content.read(&pinned.component).await.unwrap().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut copies = Vec::new();
    for number in 1..=many {
        std::fs::write(file.path(), variant(&component, number)).unwrap();
        let reference = format!("file:{}", file.path().display()).parse().unwrap();
        let fetched = content.fetch(&reference).await.unwrap();
        copies.push(Challenge {
            slug: format!("{of}-{number}").parse().unwrap(),
            artifact: Artifact::Component(fetched.pinned),
            ..original.clone()
        });
    }
    let slugs = copies.iter().map(|copy| copy.slug.clone()).collect();
    let insert = store.write("fleet", move |connection| {
        copies
            .iter()
            .try_for_each(|copy| challenges::insert(connection, copy))?;
        Ok::<_, StoreError>(())
    });
    insert.await.unwrap();
    slugs
}

/// The same component with another digest: it ends with a section that says nothing to anybody.
fn variant(component: &[u8], number: usize) -> Vec<u8> {
    let mut section = vec![6];
    section.extend(b"number");
    section.extend(number.to_le_bytes());
    let length = u8::try_from(section.len()).unwrap();
    // A custom section: its kind, its length, its name.
    [component, &[0, length], &section].concat()
}
