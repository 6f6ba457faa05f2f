//! What a component may import: one table, used both to link and to explain a refusal.

use wasmtime::{
    StoreContextMut,
    component::{HasData, Linker, Resource, ResourceTable},
};
use wasmtime_wasi::{
    cli::{WasiCli, WasiCliView},
    clocks::{WasiClocks, WasiClocksView},
    filesystem::{Descriptor, WasiFilesystem, WasiFilesystemView},
    p2::bindings::{
        cli, clocks,
        filesystem::{
            preopens,
            types::{self, ErrorCode, PathFlags},
        },
        random, sockets,
    },
    random::{WasiRandom, WasiRandomView},
    sockets::{WasiSockets, WasiSocketsView},
};
use wasmtime_wasi_io::bindings::wasi::io;

use crate::state::CallState;

type Link = fn(&mut Linker<CallState>) -> wasmtime::Result<()>;

/// The interfaces the host offers, without their version, which is any 0.2.
///
/// Sockets are here because the standard library of some toolchains imports them; every use is denied when it
/// is tried, see [`crate::state`].
const INTERFACES: &[(&str, Link)] = &[
    ("wasi:cli/environment", |l| {
        cli::environment::add_to_linker::<_, WasiCli>(l, CallState::cli)
    }),
    ("wasi:cli/exit", |l| {
        cli::exit::add_to_linker::<_, WasiCli>(l, CallState::cli)
    }),
    ("wasi:cli/stdin", |l| {
        cli::stdin::add_to_linker::<_, WasiCli>(l, CallState::cli)
    }),
    ("wasi:cli/stdout", |l| {
        cli::stdout::add_to_linker::<_, WasiCli>(l, CallState::cli)
    }),
    ("wasi:cli/stderr", |l| {
        cli::stderr::add_to_linker::<_, WasiCli>(l, CallState::cli)
    }),
    ("wasi:cli/terminal-input", |l| {
        cli::terminal_input::add_to_linker::<_, WasiCli>(l, CallState::cli)
    }),
    ("wasi:cli/terminal-output", |l| {
        cli::terminal_output::add_to_linker::<_, WasiCli>(l, CallState::cli)
    }),
    ("wasi:cli/terminal-stdin", |l| {
        cli::terminal_stdin::add_to_linker::<_, WasiCli>(l, CallState::cli)
    }),
    ("wasi:cli/terminal-stdout", |l| {
        cli::terminal_stdout::add_to_linker::<_, WasiCli>(l, CallState::cli)
    }),
    ("wasi:cli/terminal-stderr", |l| {
        cli::terminal_stderr::add_to_linker::<_, WasiCli>(l, CallState::cli)
    }),
    ("wasi:clocks/wall-clock", |l| {
        clocks::wall_clock::add_to_linker::<_, WasiClocks>(l, CallState::clocks)
    }),
    ("wasi:clocks/monotonic-clock", |l| {
        clocks::monotonic_clock::add_to_linker::<_, WasiClocks>(l, CallState::clocks)
    }),
    ("wasi:random/random", |l| {
        random::random::add_to_linker::<_, WasiRandom>(l, CallState::random)
    }),
    ("wasi:random/insecure", |l| {
        random::insecure::add_to_linker::<_, WasiRandom>(l, CallState::random)
    }),
    ("wasi:random/insecure-seed", |l| {
        random::insecure_seed::add_to_linker::<_, WasiRandom>(l, CallState::random)
    }),
    ("wasi:filesystem/preopens", |l| {
        preopens::add_to_linker::<_, WasiFilesystem>(l, CallState::filesystem)
    }),
    ("wasi:filesystem/types", |l| {
        types::add_to_linker::<_, WasiFilesystem>(l, CallState::filesystem)?;
        deny_links(l)
    }),
    ("wasi:io/error", |l| {
        io::error::add_to_linker::<_, Io>(l, CallState::resources)
    }),
    ("wasi:io/poll", |l| {
        io::poll::add_to_linker::<_, Io>(l, CallState::resources)
    }),
    ("wasi:io/streams", |l| {
        io::streams::add_to_linker::<_, Io>(l, CallState::resources)
    }),
    ("wasi:sockets/instance-network", |l| {
        sockets::instance_network::add_to_linker::<_, WasiSockets>(l, CallState::sockets)
    }),
    ("wasi:sockets/network", |l| {
        let options = sockets::network::LinkOptions::default();
        sockets::network::add_to_linker::<_, WasiSockets>(l, &options, CallState::sockets)
    }),
    ("wasi:sockets/ip-name-lookup", |l| {
        sockets::ip_name_lookup::add_to_linker::<_, WasiSockets>(l, CallState::sockets)
    }),
    ("wasi:sockets/tcp", |l| {
        sockets::tcp::add_to_linker::<_, WasiSockets>(l, CallState::sockets)
    }),
    ("wasi:sockets/tcp-create-socket", |l| {
        sockets::tcp_create_socket::add_to_linker::<_, WasiSockets>(l, CallState::sockets)
    }),
    ("wasi:sockets/udp", |l| {
        sockets::udp::add_to_linker::<_, WasiSockets>(l, CallState::sockets)
    }),
    ("wasi:sockets/udp-create-socket", |l| {
        sockets::udp_create_socket::add_to_linker::<_, WasiSockets>(l, CallState::sockets)
    }),
];

/// Where the linked `wasi:filesystem/types` lives; the linker finds it for any compatible version.
const FILESYSTEM_TYPES: &str = "wasi:filesystem/types@0.2.12";

struct Io;

impl HasData for Io {
    type Data<'a> = &'a mut ResourceTable;
}

/// A linker with everything in the table.
pub(crate) fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<CallState>> {
    let mut linker = Linker::new(engine);
    for (_, link) in INTERFACES {
        link(&mut linker)?;
    }
    Ok(linker)
}

/// Whether the host offers the WASI interface of this name, given without its version.
pub(crate) fn is_offered(interface: &str) -> bool {
    INTERFACES.iter().any(|(name, _)| *name == interface)
}

/// Puts "not permitted" in place of making links: what goes wrong in sandboxes of paths mostly goes wrong with
/// links, and no database needs them.
fn deny_links(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    type Denied = Result<(), ErrorCode>;
    type Symlink = (Resource<Descriptor>, String, String);
    type Hardlink = (
        Resource<Descriptor>,
        PathFlags,
        String,
        Resource<Descriptor>,
        String,
    );
    linker.allow_shadowing(true);
    let mut types = linker.instance(FILESYSTEM_TYPES)?;
    types.func_wrap(
        "[method]descriptor.symlink-at",
        |_: StoreContextMut<'_, CallState>, _: Symlink| {
            Ok::<(Denied,), wasmtime::Error>((Err(ErrorCode::NotPermitted),))
        },
    )?;
    types.func_wrap(
        "[method]descriptor.link-at",
        |_: StoreContextMut<'_, CallState>, _: Hardlink| {
            Ok::<(Denied,), wasmtime::Error>((Err(ErrorCode::NotPermitted),))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_denied_links_replace_functions_of_the_linked_interface() {
        let mut linker = linker(&wasmtime::Engine::default()).unwrap();
        let mut types = linker.instance(FILESYSTEM_TYPES).unwrap();
        for name in ["symlink-at", "link-at", "open-at"] {
            let name = format!("[method]descriptor.{name}");
            let again = types.func_wrap(&name, |_, (): ()| Ok(()));
            assert!(
                again.is_err(),
                "{name} is not there: the interface has another version now"
            );
        }
    }
}
