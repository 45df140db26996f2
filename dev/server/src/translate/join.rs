//! Joins the translated parts of a line.

use super::Target;

/// A part of a line, translated.
pub(super) enum Piece {
    Space,
    /// A punctuation mark that both languages write alike.
    Mark(char),
    /// A punctuation mark of the target language, in place of the other's.
    Converted(char),
    Word(String),
    /// An unknown word, kept and marked.
    Unknown(String),
}

impl Piece {
    fn is_word(&self) -> bool {
        matches!(self, Self::Word(_) | Self::Unknown(_))
    }
}

/// Chinese is written without spaces; English words get one between them where Chinese had none.
pub(super) fn join(pieces: &[Piece], target: Target) -> String {
    let mut line = String::new();
    for (place, piece) in pieces.iter().enumerate() {
        let before = place.checked_sub(1).and_then(|place| pieces.get(place));
        let after = pieces.get(place + 1);
        let touches =
            before.is_some_and(|before| before.is_word() || matches!(before, Piece::Converted(_)));
        if piece.is_word() && touches && target == Target::En {
            line.push(' ');
        }
        match piece {
            Piece::Space => {
                let spare = touches && after.is_some_and(Piece::is_word);
                if !(spare && target == Target::Zh) {
                    line.push(' ');
                }
            }
            Piece::Mark(mark) | Piece::Converted(mark) => line.push(*mark),
            Piece::Word(word) => push_word(&mut line, word, target),
            Piece::Unknown(word) => line.extend(["⟦", word, "⟧"]),
        }
    }
    line
}

/// Writes a word, with a capital where a sentence begins.
fn push_word(line: &mut String, word: &str, target: Target) {
    let begins = line.trim_end().is_empty() || line.trim_end().ends_with(['.', '?', '!']);
    let mut rest = word.chars();
    if begins && target == Target::En {
        line.extend(rest.next().map(|c| c.to_ascii_uppercase()));
    }
    line.push_str(rest.as_str());
}
