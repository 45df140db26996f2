//! Texts of clients as the database keeps them.

use sha2::{Digest, Sha256};

/// What finds a text whatever its length: PostgreSQL's indexes have no entry over 2,704 bytes.
pub(super) fn digest(text: &str) -> Vec<u8> {
    Sha256::digest(text).to_vec()
}

/// The text without the character NUL, which PostgreSQL's texts can't have.
pub(super) fn written(text: &str) -> String {
    text.replace('\\', r"\\").replace('\0', r"\0")
}

/// The text that was [`written`].
pub(super) fn read(written: &str) -> String {
    let mut text = String::with_capacity(written.len());
    let mut characters = written.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '\\' => match characters.next() {
                Some('0') => '\0',
                Some(other) => other,
                None => '\\',
            },
            other => other,
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_is_read_as_it_was_written(text in r"(?s)(\\|0|\x00|.){0,20}") {
            let kept = written(&text);
            prop_assert!(!kept.contains('\0'));
            prop_assert_eq!(read(&kept), text);
        }
    }
}
