//! The option `secrets("NAME", ...)`: what the challenge wants to read and nobody else is to know.

use syn::{
    Error, LitStr, Result, Token, parenthesized,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
};

/// The names that a challenge asks for, in order.
#[derive(Default)]
pub(crate) struct Secrets(Vec<String>);

/// As the host has it.
const MAX_NAME: usize = 64;
const MAX_SECRETS: usize = 32;

impl Secrets {
    /// None for a challenge that has no secrets.
    pub(crate) fn names(&self) -> &[String] {
        &self.0
    }
}

impl Parse for Secrets {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if !input.peek(syn::token::Paren) {
            return Err(input.error("names stand in parentheses: secrets(\"API_KEY\")"));
        }
        let inside;
        parenthesized!(inside in input);
        let mut names = Vec::new();
        for literal in Punctuated::<LitStr, Token![,]>::parse_terminated(&inside)? {
            let name = literal.value();
            let refused = |reason: &str| Err(Error::new(literal.span(), reason));
            if !is_name(&name) {
                return refused(
                    "a secret's name begins with a letter, consists of A-Z a-z 0-9 _ - and has 64 bytes at most",
                );
            }
            if names.contains(&name) {
                return refused("written twice");
            }
            if names.len() == MAX_SECRETS {
                return refused("a challenge has 32 secrets at most");
            }
            names.push(name);
        }
        Ok(Self(names))
    }
}

fn is_name(name: &str) -> bool {
    let first = name.bytes().next().is_some_and(|c| c.is_ascii_alphabetic());
    let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-');
    first && name.len() <= MAX_NAME && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_the_host_reads_them() {
        let read = |text: &str| syn::parse_str::<Secrets>(text).map(|secrets| secrets.0);
        assert_eq!(read(r#"("API_KEY", "salt-2",)"#).unwrap(), ["API_KEY", "salt-2"]);
        assert!(read("()").unwrap().is_empty());
        let many = (0..33).map(|n| format!("\"K{n}\"")).collect::<Vec<_>>().join(",");
        for (text, says) in [
            (r#"= "A""#, "parentheses"),
            (r#"("A", "A")"#, "twice"),
            (r#"("a b")"#, "begins with a letter"),
            (r#"("_A")"#, "begins with a letter"),
            (r#"("")"#, "begins with a letter"),
            (&format!("({many})"), "32 secrets"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
