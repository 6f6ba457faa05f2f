//! Every text that becomes a type: what people type and strangers send. What parses is shown as a text that parses to
//! the same, and a path that could be read as a private one does not parse.

use std::{
    fmt::{Debug, Display},
    str::FromStr,
};

use platform_domain::{
    ByteSize, ComponentRef, DataMode, Digest, EmissionPercent, HeaderTemplate, Hotkey, ImageRef, Instances,
    ProxyPath, SecretName, Slug,
};

use crate::private::could_be_private;

/// Reads it as each of them.
pub fn check(text: &str) {
    if let Ok(path) = text.parse::<ProxyPath>() {
        assert_eq!(
            path.as_str().strip_prefix('/'),
            Some(text.strip_prefix('/').unwrap_or(text))
        );
        assert!(!could_be_private(text), "{text}");
        assert!(text.len() <= ProxyPath::MAX_LEN);
    }
    shows_what_it_means::<ComponentRef>(text);
    shows_what_it_means::<ImageRef>(text);
    shows_what_it_means::<Instances>(text);
    shows_what_it_means::<EmissionPercent>(text);
    shows_what_it_means::<ByteSize>(text);
    shows_what_it_means::<DataMode>(text);
    shows_what_it_means::<Digest>(text);
    shows_what_it_means::<Hotkey>(text);
    shows_what_it_means::<Slug>(text);
    shows_what_it_means::<SecretName>(text);
    shows_what_it_means::<HeaderTemplate>(text);
}

fn shows_what_it_means<T: FromStr + Display + Debug + PartialEq>(text: &str) {
    let Ok(parsed) = text.parse::<T>() else { return };
    let shown = parsed.to_string();
    match shown.parse::<T>() {
        Ok(again) => assert_eq!(again, parsed, "{text:?} is shown as {shown:?}"),
        Err(_) => panic!("{text:?} is shown as {shown:?}, which does not parse"),
    }
}
