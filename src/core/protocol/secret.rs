//! The request's token, which is removed from everything the server says before it is reported,
//! logged or stored. Only human-readable texts are searched: an identifier of a charge stays as it
//! is, even if it equals the token.

use std::fmt;

/// The replacement for a token.
const ELLIPSIS: &str = "…";

/// Minimum length of a token: a shorter one can't be told from ordinary words.
const SHORTEST: usize = 8;

/// Maximum number of layers of encoding: in JSON, in a URL, in HTML.
const LAYERS: usize = 4;

/// Maximum length searched; a longer text is cut first. People are shown far less of it.
const LONGEST_TEXT: usize = 65_536;

/// A token, or none. Its `Debug` output hides it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Option<String>);

/// A text with some layers of encoding removed.
struct Decoded {
    bytes: Vec<u8>,
    /// The position in the original text of each byte, and of the end.
    starts: Vec<usize>,
}

impl Secret {
    /// The token sent with a request, if any.
    pub fn of(token: Option<&str>) -> Secret {
        Secret(token.map(str::to_owned))
    }

    /// Whether the text contains the token, in any encoding.
    pub fn is_in(&self, text: &str) -> bool {
        self.redacted(text) != text
    }

    /// The text without the token, plain or escaped as in JSON, a URL or HTML. Other derivations of
    /// a token, such as base64 or a hash, are not recognised.
    pub fn redacted(&self, text: &str) -> String {
        let Some(token) = self.0.as_deref().filter(|token| token.len() >= SHORTEST) else {
            return text.to_owned();
        };
        let (text, is_cut) = beginning(text);
        let mut found = Vec::new();
        let mut decoded = Decoded::of(text);
        for _ in 0..LAYERS {
            decoded.find(token, &mut found);
            let next = decoded.without_a_layer();
            if next.bytes.len() == decoded.bytes.len() {
                break;
            }
            decoded = next;
        }
        if is_cut {
            // The beginning of a token may remain where the text was cut, each byte as long as its
            // longest encoding.
            let longest = token.len().saturating_mul(LAYERS.saturating_mul(8));
            found.push((text.len().saturating_sub(longest), text.len()));
        }
        without(text, found)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

/// The part of a text that is searched, and whether it was cut.
fn beginning(text: &str) -> (&str, bool) {
    let end = text.floor_char_boundary(LONGEST_TEXT);
    match text.get(..end) {
        Some(beginning) => (beginning, end < text.len()),
        None => (text, false),
    }
}

/// The text without these ranges.
fn without(text: &str, mut pieces: Vec<(usize, usize)>) -> String {
    pieces.sort_unstable();
    let (mut kept, mut told) = (String::new(), 0);
    for (start, end) in pieces {
        if start > told || kept.is_empty() {
            kept.push_str(text.get(told..start).unwrap_or_default());
            kept.push_str(ELLIPSIS);
        }
        told = told.max(end);
    }
    kept.push_str(text.get(told..).unwrap_or_default());
    kept
}

impl Decoded {
    fn of(text: &str) -> Decoded {
        Decoded {
            bytes: text.bytes().collect(),
            starts: (0..=text.len()).collect(),
        }
    }

    /// Adds the positions of the token at this layer.
    fn find(&self, token: &str, found: &mut Vec<(usize, usize)>) {
        let token = token.as_bytes();
        let windows = self.bytes.windows(token.len()).enumerate();
        for (at, _) in windows.filter(|(_, window)| *window == token) {
            let end = at.saturating_add(token.len());
            if let (Some(start), Some(end)) = (self.starts.get(at), self.starts.get(end)) {
                found.push((*start, *end));
            }
        }
    }

    /// The same text with one layer of encoding removed.
    fn without_a_layer(&self) -> Decoded {
        let mut next = Decoded {
            bytes: Vec::with_capacity(self.bytes.len()),
            starts: Vec::with_capacity(self.starts.len()),
        };
        let mut at = 0;
        while let (Some(rest), Some(start)) = (self.bytes.get(at..), self.starts.get(at)) {
            next.starts.push(*start);
            let Some(first) = rest.first() else {
                break;
            };
            let (byte, length) = unescaped(rest).unwrap_or((*first, 1));
            next.bytes.push(byte);
            at = at.saturating_add(length);
        }
        next
    }
}

/// The byte encoded by an escape at the beginning, and the escape's length. A token is ASCII only,
/// so other characters don't matter.
fn unescaped(text: &[u8]) -> Option<(u8, usize)> {
    match text {
        // URL encoding.
        [b'%', high, low, ..] => Some((number(&[*high, *low], 16)?, 3)),
        // JSON and JavaScript.
        [b'\\', b'u', b'0', b'0', high, low, ..] => Some((number(&[*high, *low], 16)?, 6)),
        [b'\\', b'x', high, low, ..] => Some((number(&[*high, *low], 16)?, 4)),
        [b'\\', escaped, ..] if escaped.is_ascii_punctuation() => Some((*escaped, 2)),
        // HTML.
        [b'&', rest @ ..] => {
            let length = rest.iter().take(9).position(|byte| *byte == b';')?;
            let byte = match rest.get(..length)? {
                [b'#', b'x' | b'X', digits @ ..] => number(digits, 16)?,
                [b'#', digits @ ..] => number(digits, 10)?,
                b"amp" => b'&',
                b"lt" => b'<',
                b"gt" => b'>',
                b"quot" => b'"',
                b"apos" => b'\'',
                b"sol" => b'/',
                b"plus" => b'+',
                b"equals" => b'=',
                _ => return None,
            };
            Some((byte, length.saturating_add(2)))
        }
        _ => None,
    }
}

fn number(digits: &[u8], radix: u32) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok()?;
    // `from_str_radix` accepts a sign.
    let is_bare = digits.bytes().all(|digit| digit.is_ascii_alphanumeric());
    let number = u32::from_str_radix(digits, radix).ok()?;
    u8::try_from(number).ok().filter(|_| is_bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "a/b+c=d.e-f~g";

    fn redacted(text: &str) -> String {
        Secret::of(Some(TOKEN)).redacted(text)
    }

    #[test]
    fn token_is_redacted_in_every_encoding() {
        for quoted in [
            TOKEN,
            "a%2Fb%2Bc%3Dd.e-f~g",
            "a%2fb%2bc%3dd%2Ee-f%7eg",
            "a%252Fb%252Bc%253Dd.e-f~g",
            r"a\/b\u002Bc=d.e-f~g",
            r"a\/b\u002bc\u003dd.e-f\x7eg",
            r"a\\\/b\\u002Bc=d.e-f~g",
            "a&#47;b&#x2B;c&#61;d.e-f~g",
            "a&sol;b&plus;c&equals;d.e-f~g",
            r"a%5C%2Fb%2Bc%3Dd.e-f~g",
        ] {
            assert_eq!(
                redacted(&format!("no: <{quoted}>!")),
                "no: <…>!",
                "{quoted}"
            );
            assert_eq!(redacted(quoted), "…");
            assert!(Secret::of(Some(TOKEN)).is_in(quoted));
        }
    }

    #[test]
    fn every_occurrence_of_the_token_is_redacted_and_nothing_else() {
        let text = format!("余额 {TOKEN} 和 a%2Fb%2Bc%3Dd.e-f~g，{TOKEN}{TOKEN} 100%");
        assert_eq!(redacted(&text), "余额 … 和 …，… 100%");
        for other in [
            "",
            "a/b+c=d.e-f~",
            "100% \\u002 \\ & &# &#; %zz %",
            "额\\u00e9&eacute;",
            // No escape in JSON or JavaScript.
            r"a\/\b+c=d.e-f~g",
        ] {
            assert_eq!(redacted(other), other);
            assert!(!Secret::of(Some(TOKEN)).is_in(other));
        }
    }

    #[test]
    fn token_that_looks_encoded_is_redacted() {
        for token in [r"a%2Fb%2Bc%3D", r"a\/b\u002Bc", "a&amp;b&lt;c"] {
            let secret = Secret::of(Some(token));
            assert_eq!(secret.redacted(&format!("[{token}]")), "[…]");
            let encoded = token.replace('%', "%25").replace('\\', "%5C");
            assert_eq!(secret.redacted(&format!("[{encoded}]")), "[…]", "{encoded}");
        }
    }

    #[test]
    fn token_with_special_characters_of_html_is_redacted() {
        let secret = Secret::of(Some(r#"<a>&"b"&'c'"#));
        for quoted in [
            r#"<a>&"b"&'c'"#,
            "&lt;a&gt;&amp;&quot;b&quot;&amp;&apos;c&apos;",
            "&#60;a&#62;&#38;&#34;b&#34;&#38;&#39;c&#39;",
            "&amp;lt;a>&amp;amp;&#34;b&quot;&amp;'c&#x27;",
        ] {
            assert_eq!(secret.redacted(&format!("[{quoted}]")), "[…]", "{quoted}");
        }
    }

    #[test]
    fn token_shorter_than_8_characters_is_not_redacted() {
        let text = "the account is frozen";
        assert_eq!(Secret::of(Some("account")).redacted(text), text);
        assert_eq!(Secret::of(None).redacted(text), text);
        assert_eq!(
            Secret::of(Some("t is froz")).redacted(text),
            "the accoun…en"
        );
    }

    #[test]
    fn token_at_the_cut_of_a_long_text_is_redacted_whole() {
        for from_end in 0..TOKEN.len() + 2 {
            let filler = "x".repeat(LONGEST_TEXT - from_end);
            let told = redacted(&format!("{filler}{TOKEN} and so on"));
            assert!(!told.contains("a/b"), "{from_end}");
            assert!(told.starts_with("xxxx") && told.ends_with('…'));
        }
    }

    #[test]
    fn debug_output_hides_the_token() {
        assert_eq!(format!("{:?}", Secret::of(Some(TOKEN))), "Secret");
    }
}
