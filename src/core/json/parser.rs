//! The parser: from a text to a value, without recursion, so that no depth is too much.

use std::borrow::Cow;

use super::Json;
use super::decimal::Decimal;

/// How many lists and objects around a list or object are kept.
const KEPT_DEPTH: usize = 64;

/// Most objects have no more members.
const USUAL_MEMBERS: usize = 12;

/// A list or an object of which not all has been read.
enum Open<'a> {
    List(Vec<Json<'a>>),
    /// Its members, and the name of the one that is being read.
    Object(Vec<(Cow<'a, str>, Json<'a>)>, Cow<'a, str>),
}

/// Parses a text.
pub(super) fn parse(text: &str) -> Option<Json<'_>> {
    let mut reader = Parser { text, at: 0 };
    let mut open = Vec::new();
    loop {
        reader.skip_blanks();
        let mut value = match reader.next()? {
            b'[' if reader.takes(b']') => Json::List(Vec::new()),
            b'[' => {
                open.push(Open::List(Vec::new()));
                continue;
            }
            b'{' if reader.takes(b'}') => Json::Object(Vec::new()),
            b'{' => {
                let members = Vec::with_capacity(USUAL_MEMBERS);
                open.push(Open::Object(members, reader.name()?));
                continue;
            }
            b'"' => Json::Text(reader.text()?),
            b'n' => reader.literal("ull", Json::Null)?,
            b't' => reader.literal("rue", Json::Bool(true))?,
            b'f' => reader.literal("alse", Json::Bool(false))?,
            first => reader.number(first)?,
        };
        // It may be the last of what it is in, and that the last of what that is in.
        loop {
            let depth = open.len();
            let whole = match open.last_mut() {
                None => {
                    reader.skip_blanks();
                    return (reader.at == text.len()).then_some(value);
                }
                Some(Open::List(values)) => {
                    values.push(value);
                    if reader.takes(b',') {
                        break;
                    }
                    reader
                        .takes(b']')
                        .then(|| Json::List(std::mem::take(values)))?
                }
                Some(Open::Object(members, name)) => {
                    members.push((std::mem::take(name), value));
                    if reader.takes(b',') {
                        *name = reader.name()?;
                        break;
                    }
                    reader
                        .takes(b'}')
                        .then(|| Json::Object(std::mem::take(members)))?
                }
            };
            open.pop();
            value = match depth > KEPT_DEPTH {
                true => Json::Null,
                false => whole,
            };
        }
    }
}

/// A text, and how far it has been read.
struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at = self.at.saturating_add(1);
        Some(byte)
    }

    fn next_if(&mut self, wanted: impl Fn(u8) -> bool) -> Option<u8> {
        self.peek().filter(|byte| wanted(*byte))?;
        self.next()
    }

    fn skip_blanks(&mut self) {
        while self
            .next_if(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
            .is_some()
        {}
    }

    /// Whether this comes next, behind blanks; reads it if so.
    fn takes(&mut self, wanted: u8) -> bool {
        self.skip_blanks();
        self.next_if(|byte| byte == wanted).is_some()
    }

    /// The rest of a word.
    fn literal(&mut self, rest: &str, value: Json<'a>) -> Option<Json<'a>> {
        let end = self.at.saturating_add(rest.len());
        let is_it = self.text.get(self.at..end) == Some(rest);
        self.at = end;
        is_it.then_some(value)
    }

    /// The name of a member, and the colon behind it.
    fn name(&mut self) -> Option<Cow<'a, str>> {
        let name = self.takes(b'"').then(|| self.text())??;
        self.takes(b':').then_some(name)
    }

    /// A text from behind its opening quote.
    fn text(&mut self) -> Option<Cow<'a, str>> {
        let mut text = Cow::Borrowed("");
        loop {
            let rest = self.text.get(self.at..)?;
            let is_end = |byte| matches!(byte, b'"' | b'\\' | 0..b' ');
            let length = rest.bytes().position(is_end)?;
            append(&mut text, rest.get(..length)?);
            self.at = self.at.saturating_add(length);
            match self.next()? {
                b'"' => return Some(text),
                b'\\' => text.to_mut().push(self.escaped()?),
                _ => return None,
            }
        }
    }

    /// A character from behind its backslash.
    fn escaped(&mut self) -> Option<char> {
        Some(match self.next()? {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.unit()?;
                let next = self.at;
                let second = (self.next() == Some(b'\\') && self.next() == Some(b'u'))
                    .then(|| self.unit())
                    .flatten();
                let pair = char::decode_utf16([Some(unit), second].into_iter().flatten()).next();
                let character = pair?.unwrap_or(char::REPLACEMENT_CHARACTER);
                // Only of a pair the second belongs to it.
                if character.len_utf16() == 1 {
                    self.at = next;
                }
                character
            }
            _ => return None,
        })
    }

    /// The four digits of a UTF-16 code unit.
    fn unit(&mut self) -> Option<u16> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = char::from(self.next()?).to_digit(16)?;
            unit = (unit << 4) | u16::try_from(digit).ok()?;
        }
        Some(unit)
    }

    /// A number that begins with this.
    fn number(&mut self, first: u8) -> Option<Json<'static>> {
        let is_negative = first == b'-';
        let first = match is_negative {
            true => self.next()?,
            false => first,
        };
        let mut decimal = Decimal::default();
        decimal.push(digit_of(first)?);
        // Nothing follows a leading zero.
        if first != b'0' {
            while let Some(digit) = self.digit() {
                decimal.push(digit);
            }
        }
        if self.next_if(|byte| byte == b'.').is_some() {
            decimal.push_fraction(self.digit()?);
            while let Some(digit) = self.digit() {
                decimal.push_fraction(digit);
            }
        }
        if self.next_if(|byte| matches!(byte, b'e' | b'E')).is_some() {
            let sign = self.next_if(|byte| matches!(byte, b'+' | b'-'));
            let mut exponent = i32::from(self.digit()?);
            while let Some(digit) = self.digit() {
                exponent = exponent.saturating_mul(10).saturating_add(digit.into());
            }
            decimal.scale(match sign {
                Some(b'-') => exponent.saturating_neg(),
                Some(_) | None => exponent,
            });
        }
        Some(decimal.value(is_negative))
    }

    fn digit(&mut self) -> Option<u8> {
        let digit = digit_of(self.peek()?)?;
        self.next();
        Some(digit)
    }
}

/// Borrows as long as there is but one piece.
fn append<'a>(text: &mut Cow<'a, str>, piece: &'a str) {
    match text.is_empty() {
        true => *text = Cow::Borrowed(piece),
        false => text.to_mut().push_str(piece),
    }
}

fn digit_of(byte: u8) -> Option<u8> {
    byte.checked_sub(b'0').filter(|digit| *digit < 10)
}
