//! Texts of others, made short and harmless before a person sees them.

/// At most so many characters, without any that would move a cursor or forge a line.
pub(crate) fn shown(text: &str, most: usize) -> String {
    let mut shown: String = text
        .trim()
        .chars()
        .take(most)
        .map(|c| {
            if c.is_control() || is_invisible(c) {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect();
    if text.trim().chars().nth(most).is_some() {
        shown.push('…');
    }
    shown
}

/// Marks that change the order of what is written around them.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_is_short_and_moves_no_cursor() {
        for (text, most, expected) in [
            (" plain \n", 10, "plain"),
            ("a\u{1b}[31mb\nc", 20, "a\u{fffd}[31mb\u{fffd}c"),
            ("\u{202e}txt", 20, "\u{fffd}txt"),
            ("äöüß", 3, "äöü…"),
        ] {
            assert_eq!(shown(text, most), expected);
        }
    }
}
