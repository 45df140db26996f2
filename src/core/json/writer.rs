//! The writer: from a value to its text.

use super::Json;

/// Appends the text of a value.
pub(super) fn write(json: &Json, text: &mut String) {
    match json {
        Json::Null | Json::Float(_) => text.push_str("null"),
        Json::Bool(true) => text.push_str("true"),
        Json::Bool(false) => text.push_str("false"),
        Json::Whole(number) => text.push_str(&number.to_string()),
        Json::Text(value) => quote(value, text),
        Json::List(values) => {
            let mut before = '[';
            for value in values {
                text.push(before);
                write(value, text);
                before = ',';
            }
            text.push_str(if before == '[' { "[]" } else { "]" });
        }
        Json::Object(members) => {
            let mut before = '{';
            for (name, value) in members {
                text.push(before);
                quote(name, text);
                text.push(':');
                write(value, text);
                before = ',';
            }
            text.push_str(if before == '{' { "{}" } else { "}" });
        }
    }
}

fn quote(value: &str, text: &mut String) {
    text.push('"');
    for character in value.chars() {
        let escape = match character {
            '"' | '\\' => character,
            '\u{8}' => 'b',
            '\u{c}' => 'f',
            '\n' => 'n',
            '\r' => 'r',
            '\t' => 't',
            '\0'..' ' => {
                text.push_str("\\u00");
                for digit in [u32::from(character) >> 4, u32::from(character) & 15] {
                    text.extend(char::from_digit(digit, 16));
                }
                continue;
            }
            plain => {
                text.push(plain);
                continue;
            }
        };
        text.push('\\');
        text.push(escape);
    }
    text.push('"');
}
