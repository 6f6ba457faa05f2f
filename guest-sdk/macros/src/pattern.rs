//! Route patterns: what is checked when the author compiles instead of when the host refuses the component.

/// One segment of a pattern.
#[derive(PartialEq, Eq)]
enum Segment<'a> {
    Literal(&'a str),
    Parameter(&'a str),
}

/// Says what is wrong with a pattern.
pub(crate) fn check(pattern: &str) -> Result<(), &'static str> {
    let Some(path) = pattern.strip_prefix('/') else {
        return Err("a pattern begins with /");
    };
    if pattern.contains(|c: char| c.is_whitespace() || c.is_control() || "%?#\\;".contains(c)) {
        return Err("a pattern is a decoded path: no spaces and none of % ? # \\ ;");
    }
    let mut names = Vec::new();
    for segment in segments(path) {
        match segment {
            Segment::Literal("." | "..") => return Err(". and .. are never segments"),
            Segment::Literal(text) if text.contains(['{', '}']) => {
                return Err("a parameter is a whole segment: {name}");
            }
            Segment::Parameter(name) if !is_identifier(name) => {
                return Err("a parameter's name is letters, digits and _, and no digit first");
            }
            Segment::Parameter(name) if names.contains(&name) => return Err("two parameters have this name"),
            Segment::Parameter(name) => names.push(name),
            Segment::Literal(_) => {}
        }
    }
    let lower = path.to_lowercase();
    let named: Vec<&str> = lower.split('/').filter(|segment| !segment.is_empty()).collect();
    match named.as_slice() {
        ["internal", ..] | ["health"] | ["version"] => Err("the host keeps this path private"),
        _ => Ok(()),
    }
}

/// Whether every path that `later` matches is matched by `earlier` too.
pub(crate) fn hides(earlier: &str, later: &str) -> bool {
    let (mut first, mut second) = (segments(tail(earlier)), segments(tail(later)));
    loop {
        match (first.next(), second.next()) {
            (None, None) => return true,
            // A parameter takes any segment but an empty one.
            (Some(Segment::Parameter(_)), Some(other)) if other != Segment::Literal("") => {}
            (Some(one), Some(other)) if one == other => {}
            _ => return false,
        }
    }
}

fn tail(pattern: &str) -> &str {
    pattern.strip_prefix('/').unwrap_or(pattern)
}

fn segments(path: &str) -> impl Iterator<Item = Segment<'_>> {
    path.split('/').map(|text| {
        let name = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        name.map_or(Segment::Literal(text), Segment::Parameter)
    })
}

fn is_identifier(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_the_host_would_never_serve_is_refused() {
        for good in [
            "/",
            "/tours/{id}",
            "/a/{b}/c/{d_1}",
            "/internals",
            "/health/x",
            "/tours/",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "tours",
            "/tours/{id",
            "/tours/{}",
            "/tours/{1}",
            "/tours/x{id}",
            "/{a}/{a}",
            "/a b",
            "/a%20b",
            "/a/../b",
            "/internal/x",
            "/Internal",
            "/health",
            "//version/",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_route_that_can_never_be_reached_is_seen() {
        for (earlier, later, hidden) in [
            ("/tours/{id}", "/tours/best", true),
            ("/tours/{id}", "/tours/{name}", true),
            ("/a", "/a", true),
            ("/tours/best", "/tours/{id}", false),
            ("/tours/{id}", "/tours", false),
            ("/tours/{id}", "/tours/", false),
            ("/{a}/b", "/a/{b}", false),
        ] {
            assert_eq!(hides(earlier, later), hidden, "{earlier} {later}");
        }
    }
}
