//! Secrets of challenges: values go in, and never come out.

use std::collections::BTreeSet;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use platform_domain::{HeaderTemplate, OutboundRule, SecretName, SecretValue, UnixSeconds};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use zeroize::Zeroizing;

use crate::optional::present;

/// `PUT /v1/admin/challenges/{slug}/secrets/{name}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetSecret {
    /// The value in base64, with padding.
    #[serde(
        rename = "value_base64",
        serialize_with = "reveal",
        deserialize_with = "conceal"
    )]
    pub value: SecretValue,
    /// The requests into which the host puts it; absent: the challenge may read it.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub inject: Option<InjectionView>,
}

/// Into which requests a secret is put, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InjectionView {
    /// Requests to there.
    pub to: OutboundRule,
    /// The header, `{}` for the secret: `authorization: Bearer {}`.
    pub header: HeaderTemplate,
}

/// A secret without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretView {
    /// What it is called.
    pub name: SecretName,
    /// The requests into which the host puts it; absent: the challenge may read it, if its manifest asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inject: Option<InjectionView>,
    /// Whether the manifest asks for it.
    pub asked: bool,
    /// When it was set.
    pub set_at: UnixSeconds,
}

/// `GET /v1/admin/challenges/{slug}/secrets`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretList {
    /// What was set, by name.
    pub secrets: Vec<SecretView>,
    /// What the manifest asks for and was not set.
    pub missing: BTreeSet<SecretName>,
}

fn reveal<S: Serializer>(value: &SecretValue, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&Zeroizing::new(BASE64_STANDARD.encode(value.reveal())))
}

/// The usual errors show what was there instead, which may be the secret.
fn conceal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretValue, D::Error> {
    let wrong = || D::Error::custom("expected a text in base64 with padding");
    let text = String::deserialize(deserializer).map(Zeroizing::new);
    let text = text.map_err(|_| wrong())?;
    let bytes = BASE64_STANDARD.decode(text.as_bytes()).map_err(|_| wrong())?;
    Ok(SecretValue::new(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_goes_over_the_wire_and_into_no_message() {
        let set = SetSecret {
            value: SecretValue::new(b"hunter2\xff".to_vec()),
            inject: Some(InjectionView {
                to: "https://api.example.com".parse().unwrap(),
                header: "authorization: Bearer {}".parse().unwrap(),
            }),
        };
        assert!(!format!("{set:?}").contains("hunter2"));
        let json = serde_json::to_string(&set).unwrap();
        let read: SetSecret = serde_json::from_str(&json).unwrap();
        assert_eq!(read.value.reveal(), b"hunter2\xff");
        assert_eq!(read.inject, set.inject);
        for wrong in [
            r#"{"value_base64":"hunter2"}"#,
            r#"{"value_base64":4815162342}"#,
            r#"{"value_base64":["4815162342"]}"#,
            r#"{"value_base64":{"4815162342":1}}"#,
            r#"{"value_base64":null}"#,
        ] {
            let error = serde_json::from_str::<SetSecret>(wrong).unwrap_err().to_string();
            assert!(error.contains("base64"), "{wrong}: {error}");
            assert!(
                !error.contains("hunter2") && !error.contains("4815162342"),
                "{error}"
            );
        }
        for refused in [
            r#"{}"#,
            r#"{"value_base64":"YQ==","inject":null}"#,
            r#"{"value_base64":"YQ==","to":"x"}"#,
            r#"{"value_base64":"YQ==","inject":{"to":"https://a.example"}}"#,
            r#"{"value_base64":"YQ==","inject":{"to":"https://a.example","header":"x"}}"#,
        ] {
            assert!(serde_json::from_str::<SetSecret>(refused).is_err(), "{refused}");
        }
    }
}
