//! Whether some server, however it reads paths, would take one for a private route of a challenge.

/// All combinations of: percent-decoded so many times, backslashes as slashes or not, path parameters cut off or not,
/// dots resolved or not.
pub(crate) fn could_be_private(path: &str) -> bool {
    let mut reading = path.as_bytes().to_vec();
    for _ in 0..=3 {
        for ways in 0..8 {
            if is_private(&reading, ways & 1 != 0, ways & 2 != 0, ways & 4 != 0) {
                return true;
            }
        }
        reading = decoded(&reading);
    }
    false
}

fn is_private(path: &[u8], backslashes: bool, parameters: bool, dots: bool) -> bool {
    let text = String::from_utf8_lossy(path).to_lowercase();
    let text = if backslashes {
        text.replace('\\', "/")
    } else {
        text
    };
    let mut segments: Vec<&str> = Vec::new();
    for segment in text.split('/') {
        let segment = if parameters {
            segment.split_once(';').map_or(segment, |(name, _)| name)
        } else {
            segment
        };
        match segment.trim() {
            "" => {}
            "." if dots => {}
            ".." if dots => drop(segments.pop()),
            name => segments.push(name),
        }
    }
    matches!(segments[..], ["internal", ..] | ["health"] | ["version"])
}

fn decoded(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let escape = bytes.get(at..at + 3).filter(|three| three[0] == b'%');
        let digits = escape.and_then(|three| std::str::from_utf8(&three[1..]).ok());
        let digits = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    out
}
