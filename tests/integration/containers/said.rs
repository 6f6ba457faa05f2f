//! What the host and the program say to an operator.

use platform_admin_types::ClientError;
use platform_tests::{Program, TestHost};

/// The program against a host: whether it is content, and what it prints.
pub(crate) async fn platform(host: &TestHost, args: &[&str]) -> (bool, String, String) {
    let token = host.state().join("admin.token").display().to_string();
    let to = ["--admin-url", &host.admin_url, "--admin-token-file", &token];
    let output = Program::run(&[&to[..], args].concat(), "").await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.success(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// Status, code and hint of a refusal.
pub(crate) fn refused<T: std::fmt::Debug>(answer: Result<T, ClientError>) -> (u16, String, String) {
    match answer.unwrap_err() {
        ClientError::Refused {
            status, code, hint, ..
        } => (status.as_u16(), code, hint.unwrap_or_default()),
        other => panic!("{other:?}"),
    }
}
