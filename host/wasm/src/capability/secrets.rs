//! `platform:challenge/secrets`: what the operator set for this challenge to read, if its manifest asks for it.

use wasmtime::{
    StoreContextMut,
    component::{Linker, WasmStr},
};

use crate::state::CallState;

pub(super) const INTERFACE: &str = "platform:challenge/secrets@0.1.0";

pub(super) fn link(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    linker.instance(INTERFACE)?.func_wrap(
        "get",
        |store: StoreContextMut<'_, CallState>, (name,): (WasmStr,)| {
            let name = name.to_str(&store)?.parse();
            let secrets = &store.data().setup().secrets;
            let value = name.ok().and_then(|name| secrets.get(&name));
            Ok((value.map(|value| value.reveal().to_vec()),))
        },
    )
}
