//! A record from what the operator says and what the program says of itself. Pure but for clock and token.

use std::collections::BTreeSet;

use platform_domain::{Artifact, Capability, Challenge, Grant, Instances, Manifest, PlainToken};
use platform_wasm::Limits;

use crate::{
    FieldError, NewChallenge, RegistryError, config,
    limits::{Granted, check_instances},
    reconciler::now,
};

/// What a program's source says of itself.
pub(crate) struct Facts {
    pub(crate) artifact: Artifact,
    /// What it can do; `None`: unknown before it runs.
    pub(crate) exports: Option<BTreeSet<Capability>>,
    pub(crate) manifest: Option<Manifest>,
}

/// The version of a challenge that states none.
const NO_VERSION: &str = "0.0.0";
/// Puts a record together from what the operator says and what the program says of itself.
pub(crate) fn record(
    new: NewChallenge,
    facts: Facts,
    limits: &Limits,
    token: &PlainToken,
) -> Result<Challenge, RegistryError> {
    let NewChallenge {
        slug,
        source: _,
        fallback,
        name,
        version,
        emission_percent,
        on_failure,
        serving,
        status,
        capabilities,
        data,
        instances,
        grants,
        outbound,
        trust,
        follow,
        loosened,
        resources,
        volumes,
        env,
        secrets,
        description,
        metadata,
    } = new;
    let Facts {
        artifact,
        exports,
        manifest,
    } = facts;
    if let (Some(required), Some(exports)) = (&capabilities, &exports) {
        exported(required, exports)?;
    }
    if matches!(artifact, Artifact::Component(_)) {
        Granted::new(limits, &resources, manifest.as_ref())?;
        config::environment(manifest.as_ref(), &env)?;
    }
    config::no_secrets(&artifact, Some(&secrets).filter(|secrets| !secrets.is_empty()))?;
    let manifest = manifest.as_ref();
    let secrets = match manifest {
        Some(manifest) => manifest.secrets.iter().map(ToString::to_string).collect(),
        None => secrets,
    };
    let data = data.or_else(|| Some(manifest?.data)).unwrap_or_default();
    let instances = match (instances, manifest.and_then(|manifest| manifest.instances)) {
        (Some(instances), _) => instances,
        (None, Some(asked)) => check_instances(limits, "manifest.instances", data, asked)?,
        (None, None) => Instances::default(),
    };
    let grants = grants.unwrap_or_else(|| match &artifact {
        Artifact::Component(_) => Grant::usual(),
        Artifact::Image(_) => BTreeSet::new(),
    });
    let created_at = now();
    Ok(Challenge {
        name: name
            .or_else(|| Some(manifest?.name.clone()))
            .unwrap_or_else(|| slug.to_string()),
        slug,
        artifact,
        fallback,
        version: version
            .or_else(|| Some(manifest?.version.clone()))
            .unwrap_or_else(|| NO_VERSION.to_owned()),
        emission_percent,
        on_failure,
        serving,
        status,
        capabilities: capabilities
            .or(exports)
            .unwrap_or_else(|| BTreeSet::from(Capability::USUAL)),
        data,
        instances,
        grants,
        outbound,
        trust,
        follow,
        loosened,
        resources,
        volumes,
        env,
        secrets,
        description: description.or_else(|| manifest?.description.clone()),
        metadata,
        token_hash: token.hash(),
        token_hint: token.hint(),
        created_at,
        updated_at: created_at,
    })
}

pub(crate) fn exported(
    required: &BTreeSet<Capability>,
    exports: &BTreeSet<Capability>,
) -> Result<(), FieldError> {
    match required.difference(exports).next() {
        None => Ok(()),
        Some(missing) => {
            let offered: Vec<_> = exports.iter().map(|capability| capability.as_str()).collect();
            let reason = format!(
                "the component does not export {missing}; it offers {}",
                offered.join(", ")
            );
            Err(FieldError::new("required_capabilities", reason))
        }
    }
}

pub(crate) fn new_token() -> Result<PlainToken, RegistryError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| RegistryError::Host("no randomness for a token"))?;
    Ok(PlainToken::from_random(bytes))
}
