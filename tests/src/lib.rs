//! What the integration tests start: a host in this process, on ports of its own and in a directory of its own,
//! with the same code as the program; a test node; guests.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a fixture that cannot do its work fails the test by panicking"
)]

pub mod attacks;
mod beside;
mod fleet;
mod footprint;
mod guests;
mod host;
mod http;
mod program;
mod sections;
mod served;
pub mod soak;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

pub use fleet::multiply;
pub use footprint::Footprint;
pub use host::{HostBuilder, TestHost, new_challenge, until_running};
pub use http::{RawAnswer, client, raw};
use platform_wasm::CompilerProgram;
pub use program::{Program, Said};
pub use sections::{custom_section, with_manifest};
pub use served::Served;

/// The program.
pub fn platform() -> PathBuf {
    beside::platform()
}

/// What compiles for a host in this process: the program, which would do so for itself.
pub fn compiler() -> CompilerProgram {
    CompilerProgram {
        program: platform(),
        arguments: vec![platform_host::COMPILE_WORKER.to_owned()],
    }
}

/// The component of an example or of a test guest. One that is written in the text format is translated here.
pub fn guest(name: &str) -> PathBuf {
    let dir = std::env::var_os("PLATFORM_GUESTS").map_or_else(|| target_dir().join("guests"), PathBuf::from);
    let path = dir.join(format!("{name}.wasm"));
    let text = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("components/{name}.wat"));
    if text.exists() {
        translate(&text, &path);
    }
    assert!(
        path.exists(),
        "{} is missing; run: cargo xtask guests",
        path.display()
    );
    path
}

/// Written beside and renamed: other tests may read it at this moment.
fn translate(text: &Path, component: &Path) {
    let bytes = wat::parse_file(text).unwrap();
    if std::fs::read(component).is_ok_and(|found| found == bytes) {
        return;
    }
    let mut beside = tempfile::NamedTempFile::new_in(component.parent().unwrap()).unwrap();
    beside.write_all(&bytes).unwrap();
    beside.persist(component).unwrap();
}

/// Where cargo put this very test.
pub fn target_dir() -> PathBuf {
    let test = std::env::current_exe().unwrap_or_default();
    test.ancestors()
        .find(|dir| dir.join("debug").is_dir() || dir.join("release").is_dir())
        .map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"),
            Path::to_owned,
        )
}
