//! The writer: from a value to its text.

use super::Json;

/// Appends the text of a value.
pub(super) fn write(json: &Json, text: &mut String) {
    match json {
        Json::Null => text.push_str("null"),
        Json::Float(number) => write_float(*number, text),
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

/// Decimal digits that tell a float from its neighbours, and three more.
const MOST_DIGITS: u32 = 20;

/// Appends a number so that whoever reads it gets the same float. One that is not within 2^-71 to
/// 2^64, as every rate and time is, becomes `null`.
///
/// It is written digit by digit, exact as far as it goes: the shortest form takes kilobytes of code.
fn write_float(number: f64, text: &mut String) {
    if number == 0.0 {
        return text.push('0');
    }
    let bits = number.to_bits();
    let mantissa = u128::from(bits & 0x000f_ffff_ffff_ffff | 0x0010_0000_0000_0000);
    // The number is `mantissa × 2^(exponent - 1075)`.
    let exponent = (bits >> 52 & 0x7ff) as u32;
    let (mut left, shift) = match exponent {
        952..1075 => (mantissa, 1_075_u32.saturating_sub(exponent)),
        1075..1087 => (mantissa << exponent.saturating_sub(1_075), 0),
        _ => return text.push_str("null"),
    };
    if number < 0.0 {
        text.push('-');
    }
    let whole = (left >> shift) as u64;
    text.push_str(&whole.to_string());
    text.push('.');
    let below_one = (1_u128 << shift).wrapping_sub(1);
    let mut digits = 0_u32;
    loop {
        left = (left & below_one).wrapping_mul(10);
        let digit = (left >> shift) as u32;
        text.extend(char::from_digit(digit, 10));
        // Zeros in front tell nothing.
        digits = digits.saturating_add(u32::from(digits > 0 || digit > 0 || whole > 0));
        if left & below_one == 0 || digits == MOST_DIGITS {
            return;
        }
    }
}

fn quote(value: &str, text: &mut String) {
    text.push('"');
    let mut rest = value;
    // No other character has such a byte in it.
    let is_escaped = |byte| matches!(byte, b'\0'..b' ' | b'"' | b'\\');
    let next = |rest: &'_ str| rest.bytes().position(is_escaped);
    while let Some((plain, from)) = next(rest).and_then(|at| rest.split_at_checked(at)) {
        text.push_str(plain);
        let mut characters = from.chars();
        let character = characters.next().unwrap_or_default();
        rest = characters.as_str();
        text.push('\\');
        let escape = match character {
            '\u{8}' => 'b',
            '\u{c}' => 'f',
            '\n' => 'n',
            '\r' => 'r',
            '\t' => 't',
            '"' | '\\' => character,
            control => {
                text.push_str("u00");
                for digit in [u32::from(control) >> 4, u32::from(control) & 15] {
                    text.extend(char::from_digit(digit, 16));
                }
                continue;
            }
        };
        text.push(escape);
    }
    text.push_str(rest);
    text.push('"');
}
