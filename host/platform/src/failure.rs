//! What a person reads when a command did not do its work: what, why, and what could be done.

use std::process::ExitCode;

use platform_admin_types::ClientError;

use crate::commands::serve::WrongConfiguration;

/// The configuration was refused before anything was done.
const EXIT_CONFIGURATION: u8 = 64;

/// The exit code of a failed command.
pub(crate) fn exit_code(error: &anyhow::Error) -> ExitCode {
    if error.is::<WrongConfiguration>() {
        ExitCode::from(EXIT_CONFIGURATION)
    } else {
        ExitCode::FAILURE
    }
}

/// Everything there is to say, a line each.
pub(crate) fn text(error: &anyhow::Error) -> String {
    let mut lines = vec![format!("error: {error}")];
    let causes = error.chain().skip(1);
    lines.extend(causes.map(|cause| format!("  because: {cause}")));
    if let Some(error) = error.downcast_ref() {
        let (field, hint) = field_and_hint(error);
        lines.extend(field.map(|field| format!("  field: {field}")));
        lines.extend(hint.map(|hint| format!("  hint: {hint}")));
    }
    lines.join("\n")
}

/// What the host said, and what only this side knows: which of its own arguments to look at.
fn field_and_hint(error: &ClientError) -> (Option<&str>, Option<&str>) {
    match error {
        ClientError::Refused {
            status, field, hint, ..
        } => {
            let ours = (status.as_u16() == 401).then_some(
                "name this host's token file with --admin-token-file or PLATFORM_ADMIN_TOKEN_FILE",
            );
            (field.as_deref(), hint.as_deref().or(ours))
        }
        ClientError::Unreachable { .. } | ClientError::Foreign { .. } => (
            None,
            Some("is the host running? Name its admin address with --admin-url or PLATFORM_ADMIN_URL"),
        ),
        ClientError::Timeout(_) => (
            None,
            Some("the host may still be at it: look with `platform status`"),
        ),
        ClientError::Address | ClientError::Token | ClientError::Request(_) => (None, None),
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn a_refusal_is_told_with_its_causes_its_field_and_its_hint() {
        let refused = ClientError::Refused {
            status: "422".parse().unwrap(),
            code: "invalid_field".into(),
            message: "no control characters".into(),
            field: Some("name".into()),
            hint: Some("write it plainly".into()),
        };
        let error = Err::<(), _>(refused).context("not created").unwrap_err();
        assert_eq!(
            text(&error),
            "error: not created\n  because: no control characters\n  field: name\n  hint: write it plainly"
        );
    }
}
