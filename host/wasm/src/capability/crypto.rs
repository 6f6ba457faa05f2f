//! `platform:challenge/crypto`: signatures, addresses and hashes.
//!
//! All of it counts as the call's computing, and runs on its thread unless that would keep others from it for long.
//! What it works on is read where the guest has it, and bounded as every transfer is.

use std::time::Instant;

use blake2::{
    Blake2b, Blake2b512, Digest,
    digest::consts::{U16, U32},
};
use platform_domain::Ss58Address;
use platform_keys::{verify_ed25519, verify_sr25519};
use sha2::Sha256;
use tokio::task::{spawn_blocking, yield_now};
use wasmtime::{
    AsContext as _, StoreContextMut,
    component::{ComponentType, Linker, LinkerInstance, Lower, WasmList, WasmStr},
};

use crate::{cpu, state::CallState};

pub(super) const INTERFACE: &str = "platform:challenge/crypto@0.1.0";

/// What is worked on at once, some milliseconds at most: before more of it others have their turn, as at a tick.
const PIECE: usize = 1 << 20;

/// `record account`
#[derive(ComponentType, Lower)]
#[component(record)]
struct Account {
    #[component(name = "public-key")]
    public_key: Vec<u8>,
    prefix: u16,
}

type Store<'a> = StoreContextMut<'a, CallState>;
type Bytes = WasmList<u8>;
/// Whether a key signed a message with a signature.
type Verify = fn(&[u8], &[u8], &[u8]) -> bool;

pub(super) fn link(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    let mut to = linker.instance(INTERFACE)?;
    verifier(&mut to, "sr25519-verify", verify_sr25519)?;
    verifier(&mut to, "ed25519-verify", verify_ed25519)?;
    to.func_wrap("ss58-encode", |store: Store<'_>, (key, prefix): (Bytes, u16)| {
        let key = key.as_le_slice(&store).try_into().ok();
        let address = key.and_then(|key| Ss58Address::new(prefix, key));
        Ok((address.map(|address| address.to_string()),))
    })?;
    to.func_wrap("ss58-decode", |store: Store<'_>, (address,): (WasmStr,)| {
        let address = address.to_str(&store)?.parse::<Ss58Address>();
        let account = address.map(|address| Account {
            public_key: address.key().to_vec(),
            prefix: address.prefix(),
        });
        Ok((account.ok(),))
    })?;
    hasher::<Blake2b<U16>>(&mut to, "blake2b128")?;
    hasher::<Blake2b<U32>>(&mut to, "blake2b256")?;
    hasher::<Blake2b512>(&mut to, "blake2b512")?;
    hasher::<Sha256>(&mut to, "sha256")
}

fn verifier(to: &mut LinkerInstance<'_, CallState>, name: &str, verify: Verify) -> wasmtime::Result<()> {
    to.func_wrap_async(
        name,
        move |store: Store<'_>, (key, message, signature): (Bytes, Bytes, Bytes)| {
            Box::new(async move {
                let parts = [&key, &message, &signature].map(|part| part.as_le_slice(store.as_context()));
                let [key, message, signature] = parts;
                if message.len() <= PIECE {
                    return Ok((verify(key, message, signature),));
                }
                Ok((verify_apart(verify, parts.map(<[u8]>::to_vec)).await?,))
            })
        },
    )
}

/// A long message takes a tenth of a second and cannot be looked at in pieces. Another thread does it, so that others
/// have theirs, and the call is charged.
async fn verify_apart(verify: Verify, [key, message, signature]: [Vec<u8>; 3]) -> wasmtime::Result<bool> {
    let began = Instant::now();
    let holds = spawn_blocking(move || verify(&key, &message, &signature)).await;
    cpu::charge(began.elapsed());
    Ok(holds?)
}

fn hasher<D: Digest + Send>(to: &mut LinkerInstance<'_, CallState>, name: &str) -> wasmtime::Result<()> {
    to.func_wrap_async(name, |store: Store<'_>, (data,): (Bytes,)| {
        Box::new(async move {
            let mut hash = D::new();
            let mut pieces = data.as_le_slice(store.as_context()).chunks(PIECE);
            if let Some(first) = pieces.next() {
                hash.update(first);
            }
            for piece in pieces {
                yield_now().await;
                hash.update(piece);
            }
            Ok((hash.finalize().to_vec(),))
        })
    })
}
