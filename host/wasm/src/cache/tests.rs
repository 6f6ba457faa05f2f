//! What only this module can make: an entry that this host sealed, and that is still the wrong one.

use wasmtime::Config;

use super::*;
use crate::Needs;

fn facts() -> Facts {
    let found = Found {
        imports: Vec::new(),
        exports: Vec::new(),
        manifest: None,
        needs: Needs::default(),
    };
    Facts {
        found,
        size: 8,
        code_bytes: 0,
        compile_ms: 1,
    }
}

fn engine(epochs: bool) -> Engine {
    Engine::new(Config::new().epoch_interruption(epochs)).unwrap()
}

fn put(cache: &CodeCache, name: &EntryName, by: &Engine) {
    let code = by
        .precompile_component(&wat::parse_str("(component)").unwrap())
        .unwrap();
    let unsealed = cache.begin().unwrap();
    unsealed.file().unwrap().write_all(&code).unwrap();
    cache.seal(name, unsealed, &facts()).unwrap();
}

#[test]
fn code_of_another_engine_is_not_loaded_although_its_seal_is_right() {
    let dir = tempfile::tempdir().unwrap();
    let ours = engine(true);
    let cache = CodeCache::open(dir.path(), &ours).unwrap();
    let name = cache.name(&Digest::of(b"one"));
    put(&cache, &name, &ours);
    assert!(cache.find(&name).unwrap().load(&ours).is_ok());
    put(&cache, &name, &engine(false));
    let sealed = cache.find(&name).unwrap();
    assert!(
        sealed.load(&ours).is_err(),
        "wasmtime looks at the settings itself"
    );
}

#[test]
fn an_entry_is_ours_only_as_a_whole_and_under_its_own_name() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(true);
    let cache = CodeCache::open(dir.path(), &engine).unwrap();
    let (one, two) = (cache.name(&Digest::of(b"one")), cache.name(&Digest::of(b"two")));
    for name in [&one, &two] {
        put(&cache, name, &engine);
    }
    let good = fs::read(cache.path(&one, SEAL)).unwrap();
    for position in 0..good.len() {
        let mut bytes = good.clone();
        bytes[position] ^= 1;
        fs::write(cache.path(&one, SEAL), bytes).unwrap();
        assert!(cache.read_entry(&one).is_err(), "seal flipped at {position}");
    }
    fs::write(cache.path(&one, SEAL), &good).unwrap();
    assert!(cache.find(&one).is_some());
    // Sealed by this host, for this engine, of the same code: but of another component.
    for ending in [SEAL, CODE] {
        fs::copy(cache.path(&two, ending), cache.path(&one, ending)).unwrap();
    }
    assert!(cache.find(&one).is_none());
    assert!(!cache.path(&one, CODE).exists() && cache.find(&two).is_some());
}

#[test]
fn what_nobody_will_load_is_removed_when_the_cache_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (engine(false), engine(true));
    let before = CodeCache::open(dir.path(), &old).unwrap();
    let name = before.name(&Digest::of(b"one"));
    put(&before, &name, &old);
    // As a host leaves it that is killed while it compiles.
    let cut_off = before.begin().unwrap().0.into_temp_path().keep().unwrap();
    let (unsealed, codeless) = (
        before.path(&before.name(&Digest::of(b"two")), CODE),
        before.path(&before.name(&Digest::of(b"three")), SEAL),
    );
    for half in [&unsealed, &codeless] {
        fs::write(half, "").unwrap();
    }
    let stranger = dir.path().join("letter");
    fs::write(&stranger, "").unwrap();
    assert!(CodeCache::open(dir.path(), &old).unwrap().find(&name).is_some());
    assert!(!cut_off.exists() && !unsealed.exists() && !codeless.exists());
    CodeCache::open(dir.path(), &new).unwrap();
    assert!(!before.path(&name, SEAL).exists() && !before.path(&name, CODE).exists());
    assert!(stranger.exists(), "it is not the host's to remove");
}
