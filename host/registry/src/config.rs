//! What is set for a challenge against what its component declares.

use std::collections::{BTreeMap, BTreeSet};

use platform_domain::{Artifact, ConfigError, Manifest, configured};

use crate::FieldError;

/// A name is shown up to here; what is declared is not longer.
const SHOWN: usize = 64;

/// What the guest gets: what the operator set, and the manifest's defaults. Whatever is not what the manifest declares is
/// refused by the name of the variable, and never with its value.
pub(crate) fn environment(
    manifest: Option<&Manifest>,
    set: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, FieldError> {
    let declared = manifest.map_or(&[][..], |manifest| &manifest.config);
    configured(declared, set).map_err(|error| {
        let ConfigError { name, reason } = error;
        let name: String = name.escape_debug().take(SHOWN).collect();
        FieldError::new(format!("env.{name}"), reason)
    })
}

/// Which secrets a component asks for is its author's to say, and what they are is never in a record.
pub(crate) fn no_secrets(artifact: &Artifact, named: Option<&BTreeSet<String>>) -> Result<(), FieldError> {
    match (artifact, named) {
        (Artifact::Component(_), Some(_)) => {
            let reason =
                "a component's manifest names its secrets; set one with `platform secret set SLUG NAME`";
            Err(FieldError::new("secrets", reason))
        }
        (Artifact::Component(_), None) | (Artifact::Image(_), _) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_named_as_the_field_it_is_and_without_its_value() {
        let manifest = r#"{"name":"a","version":"1","config":[{"name":"SEED","type":"integer"}]}"#;
        let manifest = Manifest::parse(manifest.as_bytes()).unwrap();
        let refused = |name: &str, value: &str| {
            let set = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            environment(Some(&manifest), &set).unwrap_err()
        };
        let error = refused("SEED", "hunter2");
        assert_eq!(error.field, "env.SEED");
        assert!(!error.reason.contains("hunter2"), "{error:?}");
        assert_eq!(refused("A\n", "").field, "env.A\\n");
        assert_eq!(refused(&"A".repeat(100), "").field.len(), 4 + SHOWN);
        let anything = BTreeMap::from([("A".to_owned(), "b".to_owned())]);
        assert_eq!(environment(None, &anything), Ok(anything));
    }
}
