//! A component as an artifact: the two documents around the bytes, made and checked.

use std::collections::BTreeMap;

use platform_domain::{Digest, Manifest, UnixSeconds};

use crate::{
    OciError, Part,
    document::{
        Descriptor, ImageManifest, Interfaces, ManifestLike, Pointer, WasmConfig, check_annotations, parse,
        write,
    },
    error::shown,
    limits::{MAX_COMPONENT, MAX_CONFIG},
};

/// The media type of an image manifest.
pub const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of an image index.
pub const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
/// The media type of a component's config (CNCF "Wasm OCI Artifact layout").
pub const CONFIG_TYPE: &str = "application/vnd.wasm.config.v0+json";
/// The media type of the component.
pub const LAYER_TYPE: &str = "application/wasm";
/// Types of the component's layer in artifacts of other and older tools: oci-client and Spin, wasm-to-oci, the
/// shims of containerd.
pub(crate) const LEGACY_LAYERS: [&str; 3] = [
    "application/vnd.wasm.content.layer.v1+wasm",
    "application/vnd.module.wasm.content.layer.v1+wasm",
    "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm",
];
/// Types of the config beside such a layer. None says anything of a component that could be checked.
const LEGACY_CONFIGS: [&str; 4] = [
    "application/vnd.wasm.config.v1+json",
    "application/vnd.oci.empty.v1+json",
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.unknown.config.v1+json",
];
/// The annotation of the image manifest that holds the challenge's manifest, the same JSON as in the
/// component's custom section `platform:manifest`.
pub const MANIFEST_ANNOTATION: &str = "platform.challenge.manifest";

const TITLE: &str = "org.opencontainers.image.title";
const VERSION: &str = "org.opencontainers.image.version";
const DESCRIPTION: &str = "org.opencontainers.image.description";
const CREATED: &str = "org.opencontainers.image.created";
const ARCHITECTURE: &str = "wasm";
const OS: &str = "wasip2";

/// What an artifact says of its component. The caller has read it from the bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublishInfo {
    /// Names of imported interfaces.
    pub imports: Vec<String>,
    /// Names of exported interfaces.
    pub exports: Vec<String>,
    /// The challenge's manifest, if the component has one.
    pub manifest: Option<Manifest>,
    /// The date in the artifact; part of its digest. Zero, the default, or `SOURCE_DATE_EPOCH` make the same
    /// component the same artifact whenever it is published; a clock does not.
    pub created: UnixSeconds,
}

/// Both documents, ready to be stored.
#[derive(Clone, Debug)]
pub(crate) struct Documents {
    pub(crate) manifest: Vec<u8>,
    pub(crate) config: Vec<u8>,
}

/// Where an artifact's pieces are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pieces {
    pub(crate) config: Pointer,
    pub(crate) component: Pointer,
    /// Whether the config is one that describes the component.
    pub(crate) described: bool,
}

/// Writes the documents of a component. The same inputs give the same bytes.
pub(crate) fn describe(component: Pointer, about: &PublishInfo) -> Result<Documents, OciError> {
    check_size(Part::Component, component.size, MAX_COMPONENT)?;
    let created = rfc3339(about.created);
    let config = write(
        Part::Config,
        &WasmConfig {
            created: created.clone(),
            architecture: ARCHITECTURE.to_owned(),
            os: OS.to_owned(),
            layer_digests: vec![component.digest.to_string()],
            component: Some(Interfaces {
                imports: about.imports.clone(),
                exports: about.exports.clone(),
            }),
        },
    )?;
    check_size(Part::Config, config.len() as u64, MAX_CONFIG)?;
    let mut annotations = BTreeMap::from([(CREATED.to_owned(), created)]);
    if let Some(manifest) = &about.manifest {
        let json = write(Part::Manifest, manifest)?;
        annotations.insert(TITLE.to_owned(), manifest.name.clone());
        annotations.insert(VERSION.to_owned(), manifest.version.clone());
        annotations.extend(
            manifest
                .description
                .clone()
                .map(|text| (DESCRIPTION.to_owned(), text)),
        );
        annotations.insert(
            MANIFEST_ANNOTATION.to_owned(),
            String::from_utf8_lossy(&json).into_owned(),
        );
    }
    let manifest = ImageManifest {
        schema_version: 2,
        media_type: MANIFEST_TYPE.to_owned(),
        config: Descriptor::new(CONFIG_TYPE, Pointer::to(&config)),
        layers: vec![Descriptor::new(LAYER_TYPE, component)],
        annotations,
    };
    check_annotations([&manifest.annotations])?;
    let manifest = write(Part::Manifest, &manifest)?;
    check_size(Part::Manifest, manifest.len() as u64, crate::limits::MAX_MANIFEST)?;
    Ok(Documents { manifest, config })
}

fn check_size(part: Part, size: u64, limit: u64) -> Result<(), OciError> {
    if size > limit {
        return Err(OciError::TooLarge { part, size, limit });
    }
    Ok(())
}

/// Whether a manifest is that of a component, and where its pieces are. Decides before anything is downloaded.
pub(crate) fn pieces(manifest: &ManifestLike) -> Result<Pieces, OciError> {
    let (config, layers) = (manifest.config.media_type.as_str(), manifest.layers.as_slice());
    let known = |layer: &Descriptor| LEGACY_LAYERS.contains(&layer.media_type.as_str());
    let legacy = LEGACY_CONFIGS.contains(&config) && layers.first().is_some_and(known);
    if config != CONFIG_TYPE && !legacy {
        let found = shown(config);
        return Err(OciError::ConfigType { found });
    }
    let [layer] = layers else {
        let found = manifest.layers.len();
        return Err(OciError::Layers { found });
    };
    if layer.media_type != LAYER_TYPE && !known(layer) {
        let found = shown(&layer.media_type);
        return Err(OciError::LayerType { found });
    }
    Ok(Pieces {
        config: manifest.config.pointer(Part::Config, MAX_CONFIG)?,
        component: layer.pointer(Part::Component, MAX_COMPONENT)?,
        described: config == CONFIG_TYPE,
    })
}

/// Whether a config is that of this component, and what it says of its interfaces.
pub(crate) fn check_config(bytes: &[u8], component: Digest) -> Result<Option<Interfaces>, OciError> {
    let config: WasmConfig = parse(Part::Config, bytes)?;
    if config.architecture != ARCHITECTURE || config.os != OS {
        let found = shown(&config.os);
        return Err(OciError::Os { found });
    }
    if config.layer_digests != [component.to_string()] {
        return Err(OciError::Invalid {
            part: Part::Config,
            reason: "layerDigests does not name the component alone; push it again".to_owned(),
        });
    }
    Ok(config.component)
}

/// The date and time as RFC 3339 writes them, in UTC. Howard Hinnant's days-to-civil algorithm; what lies
/// beyond the year 9999 becomes its last second.
fn rfc3339(at: UnixSeconds) -> String {
    const LAST: u64 = 253_402_300_799;
    let seconds = at.0.min(LAST);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_written_as_rfc3339() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_735_689_600, "2025-01-01T00:00:00Z"),
            (u64::MAX, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(UnixSeconds(seconds)), expected);
        }
    }

    #[test]
    fn the_same_component_gives_the_same_documents() {
        let about = PublishInfo {
            imports: vec!["wasi:cli/environment@0.2.6".into()],
            ..PublishInfo::default()
        };
        let describe = || describe(Pointer::to(b"component"), &about).unwrap();
        assert_eq!(describe().manifest, describe().manifest);
        let config: serde_json::Value = serde_json::from_slice(&describe().config).unwrap();
        let expected = serde_json::json!({
            "created": "1970-01-01T00:00:00Z", "architecture": "wasm", "os": "wasip2",
            "layerDigests": [Digest::of(b"component").to_string()],
            "component": {"imports": ["wasi:cli/environment@0.2.6"], "exports": []},
        });
        assert_eq!(config, expected);
    }
}
