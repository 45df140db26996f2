//! The language of what people are told.

use super::charge::InvalidArgument;

/// `locale` of the public API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Locale {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    ZhCn,
}

impl Locale {
    /// The locale of this name.
    pub fn of(name: &str) -> Result<Locale, InvalidArgument> {
        match name {
            "en" => Ok(Locale::En),
            "zh-CN" => Ok(Locale::ZhCn),
            _ => Err(InvalidArgument::new("locale must be \"en\" or \"zh-CN\"")),
        }
    }
}
