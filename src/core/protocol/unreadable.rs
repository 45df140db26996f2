//! Unreadable answers: malformed ones from the page's own `fetch` or transport, and ones that are
//! too long.

/// Why an answer can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// No response object: `fetch` or the transport returned a non-object, or one that throws on
    /// access.
    NotAnAnswer,
    /// The status is not a three-digit number.
    NoStatus,
    /// The body has already been read by other code.
    AlreadyRead,
    /// Reading the body fails.
    Failing,
    /// The body is not text, and can't be read as text.
    NoText,
    /// The body is longer than any answer of a billing server.
    TooLong,
}

impl Unreadable {
    /// Human-readable reason, in English and Chinese.
    pub fn texts(self) -> (&'static str, &'static str) {
        match self {
            Unreadable::NotAnAnswer => (
                "the answer can't be read: fetch, or the transport, gave what is not an answer",
                "无法读取应答：fetch 或 transport 给出的不是应答",
            ),
            Unreadable::NoStatus => (
                "the answer can't be read: its status is not a number from 100 to 599",
                "无法读取应答：其 status 不是 100 到 599 的数字",
            ),
            Unreadable::AlreadyRead => (
                "the answer can't be read: its body has been read by somebody else",
                "无法读取应答：其 body 已被他人读取",
            ),
            Unreadable::Failing => (
                "the answer can't be read: reading its body fails",
                "无法读取应答：读取其 body 失败",
            ),
            Unreadable::NoText => (
                "the answer can't be read: its body is not text",
                "无法读取应答：其 body 不是文本",
            ),
            Unreadable::TooLong => (
                "the answer can't be read: its body is longer than 1 MiB",
                "无法读取应答：其 body 超过 1 MiB",
            ),
        }
    }
}
