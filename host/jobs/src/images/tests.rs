//! The list, and those who try to get around it.

use proptest::prelude::*;

use super::*;

const D: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000001";
const E: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000002";

fn rules(rules: &[&str]) -> ImageRules {
    ImageRules::new(rules.iter().map(|rule| rule.parse().unwrap()).collect())
}

#[test]
fn an_image_is_allowed_by_whole_parts_of_its_name() {
    for (rule, image, allowed) in [
        ("ghcr.io/team", "ghcr.io/team/job:1", true),
        ("ghcr.io/team/", "ghcr.io/team/deep/er/job", true),
        ("ghcr.io/team", &format!("ghcr.io/team/job@{D}"), true),
        ("ghcr.io/team/job", "ghcr.io/team/job:2", true),
        ("ghcr.io/team", "ghcr.io/team", true),
        ("ghcr.io/team", "ghcr.io/team-evil/job", false),
        ("ghcr.io/team", "ghcr.io/teamevil/job", false),
        ("ghcr.io/team/job", "ghcr.io/team/job-evil", false),
        ("ghcr.io/team", "ghcr.io/evil/team/job", false),
        ("ghcr.io/team", "evil.example/ghcr.io/team/job", false),
        ("ghcr.io/team", "ghcr.io.evil.example/team/job", false),
        ("ghcr.io/team", "evil-ghcr.io/team/job", false),
        ("ghcr.io/team", "ghcr.io:443/team/job", false),
        ("ghcr.io:443/team", "ghcr.io/team/job", false),
        ("ghcr.io/team", "GHCR.IO/team/job", false),
        ("127.0.0.1:5000/x", "127.0.0.1:5000/x/job", true),
        ("127.0.0.1:5000/x", "127.0.0.1:50000/x/job", false),
        ("r.io/a:1", "r.io/a:1", true),
        ("r.io/a:1", "r.io/a:2", false),
        ("r.io/a:1", "r.io/a", false),
        ("r.io/a:1", "r.io/a/b:1", false),
        ("r.io/a:1", &format!("r.io/a:1@{D}"), false),
        (&format!("r.io/a@{D}"), &format!("r.io/a@{D}"), true),
        (&format!("r.io/a@{D}"), &format!("r.io/a:any@{D}"), true),
        (&format!("r.io/a@{D}"), &format!("r.io/a@{E}"), false),
        (&format!("r.io/a@{D}"), "r.io/a:1", false),
        (&format!("r.io/a@{D}"), &format!("r.io/a/b@{D}"), false),
    ] {
        assert_eq!(
            rules(&[rule]).allow(&image.parse().unwrap()),
            allowed,
            "{rule} {image}"
        );
    }
}

#[test]
fn without_a_rule_nothing_is_allowed_and_each_of_several_allows() {
    let image = "r.io/a".parse().unwrap();
    assert!(!ImageRules::default().allow(&image) && ImageRules::default().is_empty());
    assert!(rules(&["x.io/y", "r.io/a"]).allow(&image));
}

#[test]
fn what_could_be_read_in_two_ways_is_no_image() {
    for text in [
        "ghcr.io/team/../evil/job",
        "ghcr.io/./team/job",
        "ghcr.io//team/job",
        "ghcr.io/team/Job",
        "ghcr.io/team/job:",
        "ghcr.io/team/job@sha256:00",
        "ghcr.io/team/job evil",
        "ghcr.io/team/job\n",
        "ghcr.io/team%2f..%2fevil/job",
        "user@ghcr.io/team/job",
        "http://ghcr.io/team/job",
        "team/job",
        "job",
        "",
    ] {
        let image: Result<ImageRef, _> = text.parse();
        assert!(image.is_err(), "{text:?}");
    }
    let long = format!("ghcr.io/team/{}", "a".repeat(250));
    assert!(
        !long
            .parse()
            .is_ok_and(|image| rules(&["ghcr.io/team"]).allow(&image))
    );
}

#[test]
fn a_rule_is_a_reference_and_is_shown_as_it_was_written() {
    for rule in ["ghcr.io/team", "r.io/a:1", &format!("r.io/a@{D}"), "[::1]:5000/x"] {
        assert_eq!(rule.parse::<ImageRule>().unwrap().to_string(), rule);
    }
    for bad in [
        "",
        "*",
        "ghcr.io",
        "ghcr.io/",
        "/team",
        "team/",
        "ghcr.io/*",
        "GHCR.io/team",
        "ghcr.io/a//b",
    ] {
        assert_eq!(bad.parse::<ImageRule>(), Err(ImageRuleError), "{bad}");
    }
}

fn part() -> impl Strategy<Value = String> {
    // Few letters, so that parts are often the beginning of others.
    "[ab]{1,3}"
}

proptest! {
    /// The model compares lists of parts.
    #[test]
    fn a_rule_allows_what_begins_with_its_parts(
        host in "[ab]{1,2}\\.io(:5000)?",
        other in "[ab]{1,2}\\.io(:5000)?",
        path in prop::collection::vec(part(), 1..4),
        wanted in prop::collection::vec(part(), 1..4),
        tag in prop::option::of("[ab]{1,2}"),
    ) {
        let rule = format!("{host}/{}", path.join("/"));
        let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
        let image: ImageRef = format!("{other}/{}{tag}", wanted.join("/")).parse().unwrap();
        let expected = host == other && wanted.starts_with(&path);
        prop_assert_eq!(rules(&[&rule]).allow(&image), expected);
    }

    /// Whatever text is asked for: what is allowed begins with the rule and a separator.
    #[test]
    fn nothing_is_allowed_that_does_not_begin_like_the_rule(text in "(r\\.io|R\\.io|x\\.io|\\.\\.)?/?(a|A|\\.\\.|a-evil)?[/:@.a-]{0,4}[ab.:/@%]{0,6}") {
        if let Ok(image) = text.parse::<ImageRef>()
            && rules(&["r.io/a"]).allow(&image)
        {
            let rest = text.strip_prefix("r.io/a").unwrap();
            prop_assert!(rest.is_empty() || rest.starts_with(['/', ':', '@']), "{}", text);
            prop_assert!(!text.contains(".."), "{}", text);
        }
    }
}
