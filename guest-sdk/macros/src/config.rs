//! The variables that `config(...)` declares.

use serde_json::{Map, Number, Value, json};
use syn::{
    Error, Ident, Lit, LitStr, Result, Token, parenthesized,
    parse::{Parse, ParseStream},
    token::Paren,
};

use crate::options::{comma, once};

/// The variables in order, as the manifest has them.
#[derive(Default)]
pub(crate) struct Config(pub(crate) Vec<Value>);

/// As many as the host takes.
const MAX_VARIABLES: usize = 256;
const MAX_NAME_BYTES: usize = 64;

const KINDS: &str = "the types are string, integer, number, boolean and json";

/// A literal, perhaps after a minus.
struct Default {
    negative: bool,
    literal: Lit,
}

impl Parse for Config {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let inside;
        parenthesized!(inside in input);
        let mut variables = Vec::new();
        while !inside.is_empty() {
            let (name, span) = match inside.peek(LitStr) {
                true => inside.parse::<LitStr>().map(|name| (name.value(), name.span()))?,
                false => inside
                    .parse::<Ident>()
                    .map(|name| (name.to_string(), name.span()))?,
            };
            let refuse = |reason: &str| Err(Error::new(span, reason));
            if !is_name(&name) {
                return refuse(
                    "a name begins with a letter or _, consists of A-Z a-z 0-9 . _ - and has 64 bytes at most",
                );
            }
            if variables.iter().any(|earlier: &Value| earlier["name"] == name) {
                return refuse("written twice");
            }
            if variables.len() == MAX_VARIABLES {
                return refuse("a challenge has 256 variables at most");
            }
            if !inside.peek(Paren) {
                return refuse("its type follows in parentheses, as in CITIES(integer, default = 200)");
            }
            variables.push(variable(name, &inside)?);
            comma(&inside)?;
        }
        Ok(Self(variables))
    }
}

fn variable(name: String, input: ParseStream<'_>) -> Result<Value> {
    let inside;
    parenthesized!(inside in input);
    let kind: Ident = inside.parse().map_err(|error| Error::new(error.span(), KINDS))?;
    let kind_text = kind.to_string();
    if !matches!(
        kind_text.as_str(),
        "string" | "integer" | "number" | "boolean" | "json"
    ) {
        return Err(Error::new(kind.span(), KINDS));
    }
    comma(&inside)?;
    let (mut default, mut required, mut description) = (None, None, None);
    while !inside.is_empty() {
        let key: Ident = inside.parse()?;
        match key.to_string().as_str() {
            "default" => {
                inside.parse::<Token![=]>()?;
                let value = inside.parse::<Default>()?.value(&kind_text)?;
                once(&mut default, &key, value)?;
            }
            "required" => once(&mut required, &key, true)?,
            "description" => {
                inside.parse::<Token![=]>()?;
                once(&mut description, &key, inside.parse::<LitStr>()?.value())?;
            }
            _ => {
                return Err(Error::new(
                    key.span(),
                    "known are default, required and description",
                ));
            }
        }
        if required.is_some() && default.is_some() {
            let reason = "one with a default is never missing; take out one of the two";
            return Err(Error::new(key.span(), reason));
        }
        comma(&inside)?;
    }
    let mut variable = Map::new();
    variable.insert("name".into(), json!(name));
    variable.insert("type".into(), json!(kind_text));
    let (required, description) = (required.map(Value::from), description.map(Value::from));
    for (key, value) in [
        ("default", default),
        ("required", required),
        ("description", description),
    ] {
        if let Some(value) = value {
            variable.insert(key.into(), value);
        }
    }
    Ok(Value::Object(variable))
}

fn is_name(name: &str) -> bool {
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    first && name.len() <= MAX_NAME_BYTES && name.chars().all(plain)
}

impl Parse for Default {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        Ok(Self {
            negative: input.parse::<Option<Token![-]>>()?.is_some(),
            literal: input.parse()?,
        })
    }
}

impl Default {
    /// What the manifest says, if it is of this type.
    fn value(&self, kind: &str) -> Result<Value> {
        let refuse = |reason: String| Error::new(self.literal.span(), reason);
        let value = match (kind, &self.literal) {
            ("string", Lit::Str(text)) if !self.negative && !text.value().contains('\0') => {
                Some(json!(text.value()))
            }
            ("integer", Lit::Int(number)) if number.suffix().is_empty() => self
                .signed(number.base10_digits())
                .parse::<i64>()
                .ok()
                .map(Value::from),
            ("number", Lit::Int(number)) if number.suffix().is_empty() => self.number(number.base10_digits()),
            ("number", Lit::Float(number)) if number.suffix().is_empty() => {
                self.number(number.base10_digits())
            }
            ("boolean", Lit::Bool(truth)) if !self.negative => Some(json!(truth.value)),
            ("json", Lit::Str(text)) if !self.negative => {
                let value = serde_json::from_str(&text.value());
                Some(value.map_err(|error| refuse(format!("not JSON: {error}")))?)
            }
            _ => None,
        };
        let wanted = match kind {
            "string" => "a string literal without NUL",
            "integer" => "a whole number of 64 bits, like -7",
            "number" => "a number, like 1.5",
            "boolean" => "true or false",
            _ => r##"a string literal with JSON in it, like r#"{"a": 1}"#"##,
        };
        value.ok_or_else(|| refuse(format!("the default is {wanted}")))
    }

    fn signed(&self, digits: &str) -> String {
        format!("{}{digits}", if self.negative { "-" } else { "" })
    }

    fn number(&self, digits: &str) -> Option<Value> {
        let number = self.signed(digits);
        match number.parse::<i64>() {
            Ok(whole) => Some(whole.into()),
            Err(_) => Number::from_f64(number.parse().ok()?).map(Value::Number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> std::result::Result<Value, String> {
        let config = syn::parse_str::<Config>(text).map_err(|error| error.to_string());
        config.map(|config| Value::Array(config.0))
    }

    #[test]
    fn a_variable_has_a_name_a_type_and_what_else_is_said() {
        let text = r##"(
            CITIES(integer, default = 200, description = "How many."),
            SEED(integer, required,),
            "a.b-c"(string, default = "x"), LOW(integer, default = -7), RATE(number, default = 1.5),
            WHOLE(number, default = 2), OPEN(boolean, default = false), BONUS(json, default = r#"{"first": 0.5}"#),
            NOTHING(json, default = "null"), FREE(json)
        )"##;
        let expected = json!([
            { "name": "CITIES", "type": "integer", "default": 200, "description": "How many." },
            { "name": "SEED", "type": "integer", "required": true },
            { "name": "a.b-c", "type": "string", "default": "x" },
            { "name": "LOW", "type": "integer", "default": -7 },
            { "name": "RATE", "type": "number", "default": 1.5 },
            { "name": "WHOLE", "type": "number", "default": 2 },
            { "name": "OPEN", "type": "boolean", "default": false },
            { "name": "BONUS", "type": "json", "default": { "first": 0.5 } },
            { "name": "NOTHING", "type": "json", "default": null },
            { "name": "FREE", "type": "json" },
        ]);
        assert_eq!(parsed(text), Ok(expected));
        assert_eq!(parsed("()"), Ok(json!([])));
    }

    #[test]
    fn a_mistake_is_a_compile_error_that_says_what_to_do() {
        for (text, says) in [
            (r#"("A B"(string))"#, "a name begins with"),
            (r#"(""(string))"#, "a name begins with"),
            (&format!("({}(string))", "A".repeat(65)), "64 bytes at most"),
            ("(A(string), A(string))", "twice"),
            ("(A)", "in parentheses"),
            ("(A = 1)", "in parentheses"),
            ("(A())", "the types are"),
            ("(A(u64))", "the types are"),
            ("(A(integer, optional))", "known are default"),
            ("(A(integer, required, default = 1))", "take out one"),
            ("(A(integer, default = 1, required))", "take out one"),
            ("(A(integer, default = 1, default = 2))", "twice"),
            (r#"(A(integer, default = "1"))"#, "a whole number"),
            ("(A(integer, default = 1.0))", "a whole number"),
            ("(A(integer, default = 9223372036854775808))", "a whole number"),
            ("(A(integer, default = 1u8))", "a whole number"),
            (r#"(A(number, default = "1"))"#, "a number"),
            ("(A(number, default = 1e999))", "a number"),
            ("(A(boolean, default = 1))", "true or false"),
            ("(A(string, default = 1))", "a string literal"),
            (r#"(A(string, default = "\0"))"#, "without NUL"),
            (r#"(A(json, default = "{"))"#, "not JSON"),
            ("(A(json, default = 1))", "with JSON in it"),
        ] {
            let error = parsed(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
