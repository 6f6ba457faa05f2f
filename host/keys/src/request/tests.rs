use super::*;

const SLUG: &str = "tsp";
const TARGET: &str = "/challenges/tsp/submissions?round=7";

type Bend = fn(&mut SignedRequest<'_>);

fn alice() -> Keypair {
    Keypair::from_phrase("bottom drive obey lake curtain smoke basket hold race lonely fit walk").unwrap()
}

fn with<T>(scheme: Scheme<'_>, run: impl FnOnce(SignedRequest<'_>) -> T) -> T {
    let (slug, nonce) = (SLUG.parse().unwrap(), "8f14e45fceea167a".parse().unwrap());
    run(SignedRequest {
        scheme,
        netuid: Netuid(2),
        slug: &slug,
        method: "POST",
        target: TARGET,
        hotkey: alice().hotkey(),
        nonce: &nonce,
        timestamp: UnixSeconds(1_760_000_000),
        body: Digest::of(br#"{"tour":[0,2,1]}"#),
    })
}

/// The vectors of `docs/miners.md`.
#[test]
fn the_signed_texts_are_the_documented_ones() {
    let guide = include_str!("../../../../docs/miners.md");
    // Made by the Bittensor wallet 4.1.1.
    let first = "0x7ad58a802c83583ff1639ac44668a4afe739b37db1b1b623be55fc7c4d914d0a\
                 2b8e1c6b30efaeb099c6f004366d22f5da0e7893bc7472e95e44e8f358fd5d8a";
    let second = "0xfa5df516bafa7341facd907a336d7aab502c09dc21e1926f5e8c491cc6cf2224\
                  fc3a8e7b7c31ac31639ec30f7db1d296e8a718f4f1f61a5ba175f0669d03088c";
    for (scheme, signature) in [(Scheme::FIRST, first), (Scheme::Second, second)] {
        with(scheme, |request| {
            let text = String::from_utf8(request.canonical()).unwrap();
            assert!(guide.contains(&format!("\n{text}\n")), "{text}");
            assert!(guide.contains(signature));
            assert!(request.verify(&crate::parse_signature(signature).unwrap()));
        });
    }
}

#[test]
fn each_field_is_part_of_what_is_signed() {
    let key = alice();
    let (other_slug, other_nonce) = ("tsq".parse().unwrap(), "nonce-02".parse().unwrap());
    for scheme in [Scheme::FIRST, Scheme::Second] {
        with(scheme, |request| {
            let headers = request.headers(&key);
            assert_eq!(
                headers.each_ref().map(|(name, _)| *name),
                [
                    "x-hotkey",
                    "x-signature",
                    "x-nonce",
                    "x-timestamp",
                    "x-signature-version"
                ]
            );
            let signature = crate::parse_signature(&headers[1].1).unwrap();
            assert!(request.verify(&signature));
            let changes: [(&str, Bend); 6] = [
                ("netuid", |it| it.netuid = Netuid(3)),
                ("method", |it| it.method = "PUT"),
                ("path", |it| it.target = "/challenges/tsp/submission?round=7"),
                ("hotkey", |it| it.hotkey = Keypair::from_seed([1; 32]).hotkey()),
                ("timestamp", |it| it.timestamp = UnixSeconds(1_760_000_001)),
                ("body", |it| it.body = Digest::of(b"bodY")),
            ];
            for (what, change) in changes {
                let mut changed = request;
                change(&mut changed);
                assert!(!changed.verify(&signature), "{what}");
            }
            for changed in [
                SignedRequest {
                    slug: &other_slug,
                    ..request
                },
                SignedRequest {
                    nonce: &other_nonce,
                    ..request
                },
                SignedRequest {
                    scheme: Scheme::First {
                        prefix: "base-upload-v1",
                    },
                    ..request
                },
            ] {
                assert!(!changed.verify(&signature));
            }
        });
    }
}

#[test]
fn the_second_scheme_covers_the_query_and_the_first_does_not() {
    for (scheme, covered) in [(Scheme::FIRST, false), (Scheme::Second, true)] {
        with(scheme, |request| {
            let signature = crate::parse_signature(&request.headers(&alice())[1].1).unwrap();
            for target in [
                "/challenges/tsp/submissions?round=8",
                "/challenges/tsp/submissions?",
                "/challenges/tsp/submissions",
            ] {
                let other = SignedRequest { target, ..request };
                assert_eq!(other.verify(&signature), !covered, "{target}");
            }
        });
    }
}

#[test]
fn a_signature_of_one_scheme_is_none_of_the_other() {
    for (one, other) in [(Scheme::FIRST, Scheme::Second), (Scheme::Second, Scheme::FIRST)] {
        with(one, |request| {
            let signature = crate::parse_signature(&request.headers(&alice())[1].1).unwrap();
            assert!(
                !SignedRequest {
                    scheme: other,
                    ..request
                }
                .verify(&signature)
            );
        });
    }
}

#[test]
fn a_nonce_has_no_delimiter_and_a_bounded_length() {
    for good in [
        "12345678",
        "a.b_c-D9",
        &"x".repeat(128),
        Nonce::generate().unwrap().as_str(),
    ] {
        assert_eq!(
            good.parse::<Nonce>().map(|nonce| nonce.to_string()),
            Ok(good.to_owned())
        );
    }
    for bad in [
        "",
        "1234567",
        "1234:5678",
        "1234 5678",
        "12345678\n",
        "nonce-é-1",
        &"x".repeat(129),
    ] {
        assert_eq!(bad.parse::<Nonce>(), Err(NonceError), "{bad:?}");
    }
}

proptest::proptest! {
    /// Splitting from both ends finds every field again, whatever colons the path has.
    #[test]
    fn no_two_requests_have_the_same_text(target in "/[ -~]{0,30}", nonce in "[A-Za-z0-9._-]{8,20}", timestamp: u64) {
        let (slug, nonce): (Slug, Nonce) = (SLUG.parse().unwrap(), nonce.parse().unwrap());
        let hotkey = Hotkey::from_bytes([3; 32]);
        let of = |scheme| {
            let request = SignedRequest {
                scheme, netuid: Netuid(2), slug: &slug, method: "GET", target: &target, hotkey, nonce: &nonce,
                timestamp: UnixSeconds(timestamp), body: Digest::of(b""),
            };
            String::from_utf8(request.canonical()).unwrap()
        };
        let text = of(Scheme::FIRST);
        let front: Vec<&str> = text.splitn(5, ':').collect();
        let back: Vec<&str> = front[4].rsplitn(5, ':').collect();
        proptest::prop_assert_eq!(&front[..4], &[SIGNED_REQUEST_PREFIX, "2", SLUG, "GET"]);
        proptest::prop_assert_eq!(back[4], target.split('?').next().unwrap());
        proptest::prop_assert_eq!(back[3], hotkey.to_string());
        proptest::prop_assert_eq!(back[2], nonce.as_str());
        proptest::prop_assert_eq!(back[1], timestamp.to_string());

        let text = of(Scheme::Second);
        let (hotkey, timestamp, body) = (hotkey.to_string(), timestamp.to_string(), Digest::of(b"").hex());
        let fields = [SECOND_REQUEST_PREFIX, "2", SLUG, "GET", &target, &hotkey, nonce.as_str(), &timestamp, &body];
        proptest::prop_assert_eq!(text.split('\n').collect::<Vec<_>>(), fields);
    }
}
