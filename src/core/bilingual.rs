//! Texts for people in both languages. The language is chosen when the text is shown: its user may
//! change it meanwhile, and a record at rest may be older than that choice.
//!
//! Both languages share one string, between characters that no text contains (noncharacters,
//! Unicode 16, section 23.7). The server's own words stand outside of them, or in both. Records
//! keep such strings as they are; every text that leaves the core is reduced to one language
//! ([`in_one`]).

use super::locale::Locale;

const START: char = '\u{fdd0}';
const BETWEEN: char = '\u{fdd1}';
const END: char = '\u{fdd2}';

/// A text in both languages.
pub fn both(english: &str, chinese: &str) -> String {
    format!("{START}{english}{BETWEEN}{chinese}{END}")
}

/// The text in one language; a bilingual text may be embedded in another.
pub fn in_one(text: &str, locale: Locale) -> String {
    let mut languages = Vec::new();
    let mut told = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            START => languages.push(Locale::En),
            BETWEEN => {
                if let Some(language) = languages.last_mut() {
                    *language = Locale::ZhCn;
                }
            }
            END => drop(languages.pop()),
            _ if languages.iter().all(|language| *language == locale) => told.push(letter),
            _ => {}
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> (String, String) {
        (in_one(text, Locale::En), in_one(text, Locale::ZhCn))
    }

    #[test]
    fn bilingual_text_reduces_to_the_chosen_language() {
        let (english, chinese) = told(&both("signed out", "已退出登录"));
        assert_eq!((&*english, &*chinese), ("signed out", "已退出登录"));
    }

    #[test]
    fn text_without_language_marks_stays_as_it_is() {
        let (english, chinese) = told("HTTP 500: caído");
        assert_eq!(
            (&*english, &*chinese),
            ("HTTP 500: caído", "HTTP 500: caído")
        );
    }

    #[test]
    fn bilingual_text_may_be_embedded_in_another() {
        let inner = both("no token", "没有令牌");
        let outer = both(
            &format!("refused: {inner} (401)"),
            &format!("被拒：{inner}（401）"),
        );
        let (english, chinese) = told(&format!("f:t1: {outer}!"));
        assert_eq!(english, "f:t1: refused: no token (401)!");
        assert_eq!(chinese, "f:t1: 被拒：没有令牌（401）!");
    }

    #[test]
    fn truncated_or_foreign_bilingual_text_keeps_its_readable_part() {
        assert_eq!(told(&format!("{START}half")).0, "half");
        assert_eq!(told(&format!("{END}{BETWEEN}whole")).1, "whole");
        // Other noncharacters are ordinary text here.
        assert_eq!(told("a\u{2}b\u{1f}c\u{3}d").0, "a\u{2}b\u{1f}c\u{3}d");
    }
}
