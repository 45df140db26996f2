//! Percent-encoding: keys and accounts in headers and in queries.

/// `text` as a header can carry it: printable ASCII stays (RFC 8941, section 3.3.3), the rest is
/// percent-encoded, and so is `%` itself, so that no two texts look alike.
pub fn header_text(text: &str) -> String {
    encode(text, stays_in_header)
}

/// Whether [`header_text`] leaves this byte as it is.
pub fn stays_in_header(byte: u8) -> bool {
    (0x20..=0x7e).contains(&byte) && byte != b'%'
}

/// `text` with all but the unreserved characters of RFC 3986, section 2.3, percent-encoded, for use
/// as a query's value or a part of a name.
pub fn percent_encode(text: &str) -> String {
    encode(text, |byte| {
        byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
    })
}

fn encode(text: &str, stays: impl Fn(u8) -> bool) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if stays(byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String never fails.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Decodes such a text; characters that are not encoded stand for themselves. `None` if the result
/// is not text.
pub fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'%', [high, low, after @ ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                let value = digit(high)?.checked_mul(16)?.checked_add(digit(low)?)?;
                bytes.push(u8::try_from(value).ok()?);
                rest = after;
            }
            _ => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_text_keeps_printable_ascii_except_the_percent_sign() {
        for (text, encoded) in [
            (r#" a~"\/?:+"#, r#" a~"\/?:+"#),
            ("100%", "100%25"),
            ("a\n\u{7f}", "a%0A%7F"),
            ("é任", "%C3%A9%E4%BB%BB"),
        ] {
            assert_eq!(header_text(text), encoded);
            assert_eq!(percent_decode(encoded).as_deref(), Some(text));
        }
    }

    #[test]
    fn query_encoding_keeps_unreserved_characters() {
        assert_eq!(percent_encode("aZ09-._~"), "aZ09-._~");
        assert_eq!(percent_encode("a b+c&d=%é"), "a%20b%2Bc%26d%3D%25%C3%A9");
    }

    #[test]
    fn percent_decoding_keeps_unencoded_text_and_rejects_invalid_escapes() {
        assert_eq!(percent_decode("%c3%A9 %41").as_deref(), Some("é A"));
        for (text, decoded) in [
            ("100%", Some("100%")),
            ("%2", Some("%2")),
            ("%FF", None),
            ("%zz", None),
            ("%+1", None),
        ] {
            assert_eq!(percent_decode(text).as_deref(), decoded, "{text}");
        }
    }
}
