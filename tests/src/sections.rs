//! Other components of the ones that are built: with something more at their end, or another manifest.

/// Where a component says what it is.
const MANIFEST: &[u8] = b"platform:manifest";

/// A custom section, to be put at the end of a component.
pub fn custom_section(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut content = number(name.len());
    content.extend(name.as_bytes());
    content.extend(bytes);
    let mut section = vec![0];
    section.extend(number(content.len()));
    section.extend(content);
    section
}

/// The same component with this manifest, and without the one that it has.
pub fn with_manifest(mut component: Vec<u8>, manifest: &serde_json::Value) -> Vec<u8> {
    let name = component
        .windows(MANIFEST.len())
        .position(|found| found == MANIFEST);
    if let Some(at) = name {
        // Of another name, and of the same length.
        component[at] = b'P';
    }
    component.extend(custom_section(
        "platform:manifest",
        manifest.to_string().as_bytes(),
    ));
    component
}

/// As LEB128 writes it.
fn number(mut left: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while left >= 0x80 {
        bytes.push((left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    bytes.push(left as u8);
    bytes
}
