//! Every parser against text that nobody means well: none panics, none is slow, and what one takes it writes
//! back as text that means the same.

use std::{
    fmt::{Debug, Display},
    str::FromStr,
    time::{Duration, Instant},
};

use platform_domain::{
    BlockHash, BlockNumber, ByteSize, Capability, ComponentRef, DataMode, Digest, EmissionPercent,
    EngineEndpoint, FailureRule, GpuCapability, GpuKind, GpuLeaseId, GpuList, GpuServerId, Host, Hotkey,
    ImageRef, Labels, LeaseMode, ProxyPath, Slug, Status, Uid,
};
use proptest::prelude::*;

/// Far above what a megabyte takes, far below what anything quadratic would.
const PATIENCE: Duration = Duration::from_secs(2);

fn means_the_same<T: FromStr<Err: Display> + Display + PartialEq + Debug>(text: &str) {
    match text.parse::<T>() {
        Ok(value) => {
            let again = value.to_string().parse::<T>();
            assert_eq!(again.map_err(|error| error.to_string()), Ok(value), "{text:?}");
        }
        Err(error) => assert!(error.to_string().len() < 400, "a refusal repeats what it refuses"),
    }
}

fn every_parser(text: &str) {
    means_the_same::<BlockHash>(text);
    means_the_same::<BlockNumber>(text);
    means_the_same::<ByteSize>(text);
    means_the_same::<Capability>(text);
    means_the_same::<ComponentRef>(text);
    means_the_same::<DataMode>(text);
    means_the_same::<Digest>(text);
    means_the_same::<EmissionPercent>(text);
    means_the_same::<EngineEndpoint>(text);
    means_the_same::<FailureRule>(text);
    means_the_same::<GpuCapability>(text);
    means_the_same::<GpuKind>(text);
    means_the_same::<GpuLeaseId>(text);
    means_the_same::<GpuList>(text);
    means_the_same::<GpuServerId>(text);
    means_the_same::<Host>(text);
    means_the_same::<Labels>(text);
    means_the_same::<LeaseMode>(text);
    means_the_same::<Hotkey>(text);
    means_the_same::<ImageRef>(text);
    means_the_same::<ProxyPath>(text);
    means_the_same::<Slug>(text);
    means_the_same::<Status>(text);
    means_the_same::<Uid>(text);
}

#[test]
fn hostile_text_is_refused_or_kept_by_every_parser() {
    let mut texts: Vec<String> = [
        "",
        " ",
        "\0",
        "\n",
        "+1",
        "-0",
        "1_0",
        "1e-28",
        "1e999999999",
        "0x",
        "ß",
        "İ",
        "K",
    ]
    .map(str::to_owned)
    .into();
    texts.extend(
        [
            "٣",
            "１",
            "\u{202e}tsp",
            "\u{feff}1",
            "a\0b",
            "oci:",
            "file:\0",
            "sha256:",
            "@",
            ":",
            "/",
            "%",
        ]
        .map(str::to_owned),
    );
    for unit in [
        "0", "9", "a", "A", "1e", ".", "@", ":", "/", "%", "%2", "é", "\0", "oci:", "sha256:", "../", "-",
    ] {
        texts.push(unit.repeat(1 << 20));
    }
    for text in &texts {
        let started = Instant::now();
        every_parser(text);
        let took = started.elapsed();
        let beginning: String = text.chars().take(9).collect();
        assert!(took < PATIENCE, "{beginning:?}, {} bytes: {took:?}", text.len());
    }
}

proptest! {
    #[test]
    fn any_text_is_refused_or_kept(text in "\\PC{0,80}", bytes: Vec<u8>) {
        every_parser(&text);
        every_parser(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn a_reference_means_the_same_after_a_round_trip(
        kind in prop::sample::select(vec!["oci:", "oci://", "file:", ""]),
        name in "[a-z0-9./:@_-]{0,30}",
        tag in prop::option::of("[A-Za-z0-9._-]{0,9}"),
        digest in prop::option::of(any::<[u8; 32]>()),
    ) {
        let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
        let digest = digest.map(|bytes| format!("@{}", Digest::from_bytes(bytes))).unwrap_or_default();
        let text = format!("{kind}{name}{tag}{digest}");
        means_the_same::<ComponentRef>(&text);
        means_the_same::<ImageRef>(&text);
    }

    #[test]
    fn a_size_round_trips(bytes in 1u64.., text in "[0-9]{1,20} ?[KkMmGg]?(i?[Bb])?") {
        prop_assert_eq!(ByteSize(bytes).to_string().parse::<ByteSize>().unwrap(), ByteSize(bytes));
        means_the_same::<ByteSize>(&text);
    }

    #[test]
    fn a_percent_is_kept_exactly(units in 0u64..=1_000_000, text in "[+-]?[0-9]{0,4}[.]?[0-9]{0,6}(e-?[0-9]{1,3})?") {
        let percent: EmissionPercent = format!("{}.{:04}", units / 10_000, units % 10_000).parse().unwrap();
        prop_assert_eq!(percent.ten_thousandths(), units);
        means_the_same::<EmissionPercent>(&text);
    }

    #[test]
    fn a_digest_and_a_slug_are_their_texts(bytes: [u8; 32], text in "[a-z0-9-]{0,70}") {
        let digest = Digest::from_bytes(bytes);
        prop_assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        if let Ok(slug) = text.parse::<Slug>() {
            prop_assert_eq!(slug.as_str(), text);
        }
    }
}
