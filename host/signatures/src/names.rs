//! What signatures are called in a registry, by cosign and by whoever reads what it writes.
//!
//! **By tag**, since cosign 1 and by default until 2: next to `NAME@sha256:HEX` is an image `NAME:sha256-HEX.sig`
//! ([`signature_tag`]) with a layer per signature. The layer is the [`crate::Payload`] ([`PAYLOAD_MEDIA_TYPE`]), its annotation
//! [`SIGNATURE_ANNOTATION`] the signature. The config is an ordinary one of an image, and nobody reads it.
//!
//! **By referrer with a payload**, cosign 2 with `--registry-referrers-mode oci-1-1`: the same manifest with the signed one as
//! its `subject` and [`SIGNATURE_ARTIFACT_TYPE`] as `artifactType` and as the media type of its config.
//!
//! **By referrer with a bundle**, by default since cosign 3: a manifest with `subject`, `artifactType`
//! [`BUNDLE_MEDIA_TYPE`] and one layer of that type, the bundle. Its annotation [`BUNDLE_PREDICATE_ANNOTATION`] tells a
//! signature from other statements about the same manifest. It is a hint; what counts is what is signed.
//!
//! From `pkg/types`, `pkg/oci/static` and `pkg/oci/remote` of sigstore/cosign, and the OCI distribution specification 1.1.

use platform_domain::Digest;

/// Of a layer with a payload.
pub const PAYLOAD_MEDIA_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// At the layer with a payload: its signature in base64. The spelling differs from the others, and is right.
pub const SIGNATURE_ANNOTATION: &str = "dev.cosignproject.cosign/signature";
/// Of a referrer whose layers are payloads.
pub const SIGNATURE_ARTIFACT_TYPE: &str = "application/vnd.dev.cosign.artifact.sig.v1+json";
/// Of a bundle: as layer, as `artifactType` of the referrer, and in the bundle itself.
pub const BUNDLE_MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// At a referrer with a bundle: what is stated. Of a signature it is [`SIGN_PREDICATE`].
pub const BUNDLE_PREDICATE_ANNOTATION: &str = "dev.sigstore.bundle.predicateType";
/// What a bundle states that is a signature: "this I sign", and nothing else.
pub const SIGN_PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";

/// The tag with the signatures of a manifest: `sha256-` and 64 digits and `.sig`.
pub fn signature_tag(manifest: &Digest) -> String {
    format!("{}.sig", referrers_tag(manifest))
}

/// Whether a tag is one with signatures.
pub fn is_signature_tag(tag: &str) -> bool {
    let digits = tag
        .strip_prefix("sha256-")
        .and_then(|rest| rest.strip_suffix(".sig"));
    digits.is_some_and(|digits| digits.len() == 64 && digits.bytes().all(|c| c.is_ascii_hexdigit()))
}

/// The tag with the index of referrers, where a registry does not list them itself: `sha256-` and 64 digits.
pub fn referrers_tag(manifest: &Digest) -> String {
    format!("sha256-{}", manifest.hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_the_digest_as_a_tag_can_have_it() {
        let digest = Digest::of(b"");
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(signature_tag(&digest), format!("sha256-{hex}.sig"));
        assert_eq!(referrers_tag(&digest), format!("sha256-{hex}"));
        assert!(is_signature_tag(&signature_tag(&digest)));
        assert!(!is_signature_tag(&referrers_tag(&digest)) && !is_signature_tag("sha256-.sig"));
    }
}
