//! `wasi:config/store`: what the operator set for the challenge, with the defaults of its manifest. The same as the
//! environment variables.

use std::sync::Arc;

use wasmtime::{
    StoreContextMut,
    component::{ComponentType, Linker, Lower},
};

use crate::state::CallState;

pub(super) const INTERFACE: &str = "wasi:config/store@0.2.0-rc.1";

/// `variant error`. There is none: what there is was read before the program was started.
#[derive(ComponentType, Lower)]
#[component(variant)]
#[expect(dead_code, reason = "the cases are the interface's")]
enum Error {
    #[component(name = "upstream")]
    Upstream(String),
    #[component(name = "io")]
    Io(String),
}

type Store<'a> = StoreContextMut<'a, CallState>;
type Answer<T> = wasmtime::Result<(Result<T, Error>,)>;

pub(super) fn link(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    let mut to = linker.instance(INTERFACE)?;
    to.func_wrap("get", |store: Store<'_>, (key,): (String,)| {
        Answer::Ok((Ok(get(&store.data().setup().env, &key)),))
    })?;
    to.func_wrap("get-all", |store: Store<'_>, (): ()| {
        let all: Arc<[(String, String)]> = store.data().setup().env.clone();
        Answer::Ok((Ok(all),))
    })
}

/// They are in the order of their names.
fn get(env: &[(String, String)], key: &str) -> Option<String> {
    let at = env.binary_search_by(|(name, _)| name.as_str().cmp(key)).ok()?;
    env.get(at).map(|(_, value)| value.clone())
}
