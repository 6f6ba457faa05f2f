//! The guest `ledger`, over a database of its own.

use std::time::Duration;

use bytes::Bytes;
use platform_domain::{ByteSize, Grant};
use platform_wasm::{Program, ProgramSpec, StateSpec};

use crate::host::{Host, built, get, spec};

/// Long enough for a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn ledger(host: &Host) -> (Bytes, ProgramSpec) {
    let component = built("ledger");
    let spec = ProgramSpec {
        grants: Grant::usual(),
        state: Some(StateSpec {
            dir: host.dir.path().join("ledger"),
            database: ByteSize(64 << 20),
            blobs: ByteSize(1 << 20),
        }),
        route_deadline: PATIENCE,
        ..spec(&component)
    };
    (component, spec)
}

pub(crate) async fn load(host: &Host) -> Program {
    let (component, spec) = ledger(host);
    host.engine.load(component, spec).await.unwrap()
}

/// The answer's text, or what the guest said or the host says of it.
pub(crate) async fn ask(program: &Program, path: &str, body: &str) -> Result<String, String> {
    let mut request = get(path);
    request.body = body.to_owned().into();
    match program.handle_route(request).await {
        Ok(answer) => Ok(String::from_utf8(answer.body.to_vec()).unwrap()),
        Err(error) => Err(error.explanation()),
    }
}
