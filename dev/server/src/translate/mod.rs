//! The demo's stand-in for a translator: a phrase table, and word by word where no phrase fits.
//!
//! Unknown words are kept inside ⟦ ⟧. Text in the target language, numbers, tags and the time lines
//! of SRT subtitles stay as they are.

mod join;
mod phrases;

use std::cmp::Reverse;
use std::sync::LazyLock;

use join::{Piece, join};
use phrases::{MARKS, PHRASES};

/// Characters of text per point.
const CHARS_PER_POINT: usize = 100;

/// The language to translate to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Chinese, from English.
    Zh,
    /// English, from Chinese.
    En,
}

/// The price of `text`: 1 point for each started 100 characters (Unicode scalar values), and at
/// least 1.
pub fn price(text: &str) -> u64 {
    let points = text.chars().count().div_ceil(CHARS_PER_POINT).max(1);
    u64::try_from(points).unwrap_or(u64::MAX)
}

/// Translates line by line, keeping the line ends.
pub fn translate(text: &str, target: Target) -> String {
    text.split_inclusive('\n')
        .map(|line| {
            let words = line.trim_end_matches(['\n', '\r']);
            let end = &line[words.len()..];
            if is_time_line(words) {
                line.to_owned()
            } else {
                translate_line(words, target) + end
            }
        })
        .collect()
}

/// `00:00:01,000 --> 00:00:02,500`, as SRT has it.
fn is_time_line(line: &str) -> bool {
    line.contains("-->") && line.trim_start().starts_with(|c: char| c.is_ascii_digit())
}

fn translate_line(line: &str, target: Target) -> String {
    let line: Vec<char> = line.chars().collect();
    let mut pieces = Vec::new();
    let mut rest = line.as_slice();
    while let Some(&next) = rest.first() {
        let (piece, used) = if let Some((phrase, used)) = phrase_at(rest, target) {
            (Piece::Word(phrase), used)
        } else if let Some(used) = tag_at(rest) {
            pieces.extend(rest[..used].iter().map(|c| Piece::Mark(*c)));
            rest = &rest[used..];
            continue;
        } else if next.is_whitespace() {
            (Piece::Space, 1)
        } else if !is_wordy(next) {
            (mark(next, target), 1)
        } else {
            word_at(rest, target)
        };
        pieces.push(piece);
        rest = &rest[used..];
    }
    join(&pieces, target)
}

struct Phrase {
    source: Vec<char>,
    translated: &'static str,
}

/// The phrases that match at one place, the longest first.
fn longest_first(pairs: impl Iterator<Item = (&'static str, &'static str)>) -> Vec<Phrase> {
    let mut phrases: Vec<Phrase> = pairs
        .map(|(source, translated)| Phrase {
            source: source.chars().map(folded).collect(),
            translated,
        })
        .collect();
    phrases.sort_by_key(|phrase| Reverse(phrase.source.len()));
    phrases
}

static TO_ZH: LazyLock<Vec<Phrase>> = LazyLock::new(|| longest_first(PHRASES.iter().copied()));
static TO_EN: LazyLock<Vec<Phrase>> =
    LazyLock::new(|| longest_first(PHRASES.iter().map(|&(en, zh)| (zh, en))));

/// The longest phrase that begins here, and its length. A phrase ends where a word ends.
fn phrase_at(rest: &[char], target: Target) -> Option<(String, usize)> {
    let phrases = match target {
        Target::Zh => &TO_ZH,
        Target::En => &TO_EN,
    };
    phrases
        .iter()
        .find(|phrase| {
            let used = phrase.source.len();
            rest.len() >= used
                && rest
                    .iter()
                    .zip(&phrase.source)
                    .all(|(a, b)| folded(*a) == *b)
                && (target == Target::En || !rest.get(used).is_some_and(|c| is_latin(*c)))
        })
        .map(|phrase| (phrase.translated.to_owned(), phrase.source.len()))
}

/// A tag such as `<i>`.
fn tag_at(rest: &[char]) -> Option<usize> {
    let inner = rest.strip_prefix(&['<'])?;
    let end = inner.iter().position(|c| matches!(c, '>' | '<'))?;
    (inner[end] == '>').then_some(end + 2)
}

/// A word that no phrase begins with: kept if it is in the target language or a number.
fn word_at(rest: &[char], target: Target) -> (Piece, usize) {
    let latin = is_latin(rest[0]);
    let mut used = 1;
    while used < rest.len()
        && is_wordy(rest[used])
        && is_latin(rest[used]) == latin
        // A run of Chinese ends where something known begins.
        && (latin || phrase_at(&rest[used..], target).is_none())
    {
        used += 1;
    }
    let word: String = rest[..used].iter().collect();
    let stays = latin == (target == Target::En) || word.chars().all(|c| c.is_ascii_digit());
    let piece = if stays {
        Piece::Word(word)
    } else {
        Piece::Unknown(word)
    };
    (piece, used)
}

fn mark(c: char, target: Target) -> Piece {
    let found = MARKS.iter().find_map(|&(latin, chinese)| match target {
        Target::Zh => (c == latin).then_some(Piece::Converted(chinese)),
        Target::En => (c == chinese).then_some(Piece::Converted(latin)),
    });
    found.unwrap_or(Piece::Mark(c))
}

fn folded(c: char) -> char {
    if c == '’' {
        '\''
    } else {
        c.to_ascii_lowercase()
    }
}

/// A character of a Latin word or a number.
fn is_latin(c: char) -> bool {
    folded(c) == '\'' || (c.is_alphanumeric() && u32::from(c) < 0x0250)
}

fn is_wordy(c: char) -> bool {
    is_latin(c) || c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_started_hundred_characters_costs_a_point() {
        assert_eq!(price(""), 1);
        assert_eq!(price(&"a".repeat(100)), 1);
        assert_eq!(price(&"字".repeat(101)), 2);
        assert_eq!(price(&"𝄞".repeat(300)), 3);
    }

    #[test]
    fn the_longest_phrase_wins_over_its_words() {
        assert_eq!(
            translate("Hello world! How are you?", Target::Zh),
            "你好，世界！你好吗？"
        );
        assert_eq!(translate("Hello, friend.", Target::Zh), "你好，朋友。");
        assert_eq!(translate("I don’t know", Target::Zh), "我不知道");
    }

    #[test]
    fn a_phrase_does_not_end_inside_a_word() {
        assert_eq!(translate("wholly", Target::Zh), "⟦wholly⟧");
        assert_eq!(translate("yesterday", Target::Zh), "昨天");
    }

    #[test]
    fn unknown_words_are_kept_and_marked() {
        assert_eq!(
            translate("I love pizza today", Target::Zh),
            "我爱⟦pizza⟧今天"
        );
        assert_eq!(
            translate("我爱披萨，朋友。", Target::En),
            "I love ⟦披萨⟧, friend."
        );
    }

    #[test]
    fn text_without_need_of_translation_is_kept() {
        assert_eq!(translate("今天 42 music", Target::Zh), "今天42音乐");
        assert_eq!(translate("OK，谢谢！42", Target::En), "OK, thank you! 42");
        assert_eq!(translate("", Target::En), "");
    }

    #[test]
    fn subtitles_keep_their_numbers_times_tags_and_line_ends() {
        let english = "1\r\n00:00:01,000 --> 00:00:02,500\r\n<i>Good morning.</i>\r\n\r\n\
                       2\n00:00:03,000 --> 00:00:04,000 X1:40\nThank you!\n- The end";
        let chinese = "1\r\n00:00:01,000 --> 00:00:02,500\r\n<i>早上好。</i>\r\n\r\n\
                       2\n00:00:03,000 --> 00:00:04,000 X1:40\n谢谢！\n- 剧终";
        assert_eq!(translate(english, Target::Zh), chinese);
    }

    #[test]
    fn every_phrase_is_found_in_both_directions() {
        for (english, chinese) in PHRASES {
            assert_eq!(translate(english, Target::Zh), *chinese);
            assert!(!translate(chinese, Target::En).contains('⟦'), "{chinese}");
        }
    }
}
