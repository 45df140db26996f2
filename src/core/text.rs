//! Every text for people, in all languages side by side.
//!
//! Inside the core, and at rest, there are no texts but the words of others: the server's, the
//! storage's, the browser's, the user's. A [`Detail`], at rest too, or a [`Message`] says what there
//! is to tell. It becomes text here, in one language, when an outcome, an alert or a line of the
//! log leaves the core. So what is older than the user's choice of a language is told in it too.

use super::charge::Key;
use super::locale::Locale;
use super::points::Points;
use super::reason::{OpenReason, Unreadable, Wrong};

/// The text in one language; the other is not formatted.
macro_rules! say {
    ($locale:expr, $english:literal, $chinese:literal $(,)?) => {
        match $locale {
            Locale::En => format!($english),
            Locale::ZhCn => format!($chinese),
        }
    };
}

/// What there is to tell of a charge as it is at rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    // ---- what keeps a charge
    /// It has not left, for this reason.
    NotSent(OpenReason),
    /// It could not be written; what the storage said.
    Unstorable(String),
    /// The server's answer is being written.
    AnswerNotStored,
    /// Its record is gone.
    Gone,
    /// It was cancelled, and the server has taken nothing.
    Cancelled,
    /// It was cancelled before it left. That says nothing of the key, which may have been charged
    /// and forgotten.
    CancelledUnsent,
    /// This many charges are open, which is all that may be.
    QueueFull(usize),
    /// `offlineSpend` allows nothing.
    OfflineDenied,
    /// It is beyond the points that `offlineSpend` allows.
    OfflineLimit,
    /// It is beyond what is available, while the server can't be reached.
    OfflineBalance,
    /// Nobody knows what is available, and the server can't be reached.
    OfflineUnknown,
    /// Its attempts are used up, and the server has taken nothing.
    NeverCharged,

    // ---- what the server, or another in its place, answered
    /// This status, without a word of the server's.
    Status(u16),
    /// This status, with the server's own words, if it gave any.
    Problem(u16, Option<String>),
    /// The server's own words, if it gave any.
    Said(Option<String>),
    /// This status: something in front of the server takes no request of this size.
    TooLarge(u16),
    /// It is not the billing server's answer.
    Foreign(Wrong),
    /// It takes no batches.
    NoBatches,
    /// Its answer to a look-up may be about another key.
    AnotherKey,

    // ---- why there is no answer
    /// The time limit passed.
    NoAnswer,
    /// The connection failed.
    ConnectionFailed,
    /// The client was closed meanwhile.
    ClosedUnanswered,
    /// `getToken` took too long.
    TokenLate,
    /// `getToken` failed.
    TokenFailed,
    /// `getToken` gave what can't be put in a header.
    NotAToken,
    /// The browser makes no request to the server's address.
    NoSuchAddress,
    /// The browser can't send; what it said.
    Unable(String),
    /// The account is signed out.
    SignedOut,
}

json_cases! { Detail {
    NotSent(reason) = "not_sent",
    Unstorable(error) = "unstorable",
    AnswerNotStored = "answer_not_stored",
    Gone = "gone",
    Cancelled = "cancelled",
    CancelledUnsent = "cancelled_unsent",
    QueueFull(most) = "queue_full",
    OfflineDenied = "offline_denied",
    OfflineLimit = "offline_limit",
    OfflineBalance = "offline_balance",
    OfflineUnknown = "offline_unknown",
    NeverCharged = "never_charged",
    Status(status) = "status",
    Problem(status, words) = "problem",
    Said(words) = "said",
    TooLarge(status) = "too_large",
    Foreign(wrong) = "foreign",
    NoBatches = "no_batches",
    AnotherKey = "another_key",
    NoAnswer = "no_answer",
    ConnectionFailed = "connection_failed",
    ClosedUnanswered = "closed_unanswered",
    TokenLate = "token_late",
    TokenFailed = "token_failed",
    NotAToken = "not_a_token",
    NoSuchAddress = "no_such_address",
    Unable(error) = "unable",
    SignedOut = "signed_out",
} }

impl Detail {
    /// The text in this language.
    pub fn told(&self, locale: Locale) -> String {
        match self {
            Detail::NotSent(reason) => not_sent(*reason, locale),
            Detail::Unstorable(error) => say!(
                locale,
                "the charge could not be stored, so it was not sent: {error}",
                "无法保存这笔扣费，因此没有发送：{error}",
            ),
            Detail::AnswerNotStored => say!(
                locale,
                "the server's answer could not be stored yet",
                "服务器的应答尚未能写入本地存储",
            ),
            Detail::Gone => say!(
                locale,
                "the charge is gone from storage; whether it was made is not known",
                "本地存储中的这笔扣费已丢失，是否已扣费未知",
            ),
            Detail::Cancelled => say!(locale, "given up; nothing was taken", "已取消，没有扣费"),
            Detail::CancelledUnsent => {
                say!(locale, "given up before it was sent", "已在发送前取消")
            }
            Detail::QueueFull(most) => say!(
                locale,
                "{most} charges are open already, those of running tasks among them",
                "已有 {most} 笔扣费未完成（含运行中的任务）",
            ),
            Detail::OfflineDenied => say!(
                locale,
                "nothing may be charged while the server can't be reached",
                "无法连接服务器时不允许扣费",
            ),
            Detail::OfflineLimit => say!(
                locale,
                "more points than may be charged without the server",
                "超出离线可用的算力",
            ),
            Detail::OfflineBalance => say!(
                locale,
                "more points than are available, and the server can't be reached",
                "超出可用算力，且无法连接服务器",
            ),
            Detail::OfflineUnknown => say!(
                locale,
                "no balance is known, and the server can't be reached",
                "余额未知，且无法连接服务器",
            ),
            Detail::NeverCharged => say!(
                locale,
                "all attempts are used up; the server says that it never charged it",
                "尝试次数已用尽；服务器确认从未扣费",
            ),
            Detail::Status(status) => say!(
                locale,
                "the answer was HTTP {status}",
                "收到的应答是 HTTP {status}",
            ),
            Detail::Problem(status, words) => {
                format!("HTTP {status}: {}", said(words.as_deref(), locale))
            }
            Detail::Said(words) => said(words.as_deref(), locale),
            Detail::TooLarge(status) => say!(
                locale,
                "HTTP {status}: the request is too large for something before the server",
                "HTTP {status}：请求过大，被服务器之前的某个环节拒绝",
            ),
            Detail::Foreign(wrong) => foreign(*wrong, locale),
            Detail::NoBatches => say!(
                locale,
                "the server takes no batches",
                "服务器不支持批量扣费",
            ),
            Detail::AnotherKey => say!(
                locale,
                "the server's answer may be about another key, which it spells so",
                "服务器的应答可能指的是另一个写法相同的键",
            ),
            Detail::NoAnswer => say!(
                locale,
                "no answer within the time limit",
                "在时限内没有收到应答",
            ),
            Detail::ConnectionFailed => say!(
                locale,
                "the connection failed before an answer came",
                "连接在应答前中断",
            ),
            Detail::ClosedUnanswered => say!(
                locale,
                "the client was closed before an answer came",
                "客户端在应答前已关闭",
            ),
            Detail::TokenLate => say!(
                locale,
                "getToken gave no token in time",
                "getToken 未能按时返回令牌",
            ),
            Detail::TokenFailed => say!(locale, "getToken failed", "getToken 失败"),
            Detail::NotAToken => say!(
                locale,
                "getToken gave what is not a token",
                "getToken 返回的不是令牌",
            ),
            Detail::NoSuchAddress => say!(
                locale,
                "the browser can't make a request to this address",
                "浏览器无法向该地址发出请求",
            ),
            Detail::Unable(error) => error.clone(),
            Detail::SignedOut => say!(locale, "signed out", "已退出登录"),
        }
    }
}

fn not_sent(reason: OpenReason, locale: Locale) -> String {
    match reason {
        OpenReason::Offline => say!(
            locale,
            "not sent yet: the browser is offline",
            "尚未发送：浏览器离线",
        ),
        OpenReason::Unreachable => say!(
            locale,
            "not sent yet: the server can't be reached",
            "尚未发送：无法连接服务器",
        ),
        OpenReason::Timeout => say!(
            locale,
            "not sent yet: waiting for its turn",
            "尚未发送：排队等候",
        ),
        OpenReason::Busy => say!(
            locale,
            "not sent yet: the server asked for patience",
            "尚未发送：服务器要求稍候",
        ),
        OpenReason::ServerError => say!(
            locale,
            "not sent yet: the server is failing",
            "尚未发送：服务器故障",
        ),
        OpenReason::Unauthorized => say!(
            locale,
            "not sent yet: waiting for a token that the server accepts",
            "尚未发送：等待服务器接受的令牌",
        ),
    }
}

fn said(words: Option<&str>, locale: Locale) -> String {
    match words {
        Some(words) => words.to_owned(),
        None => say!(locale, "the server gave no reason", "服务器没有说明原因"),
    }
}

fn foreign(wrong: Wrong, locale: Locale) -> String {
    let why = match wrong {
        Wrong::Unreadable(why) => return unreadable(why, locale),
        Wrong::Unknown => None,
        Wrong::Empty => Some(say!(locale, "it has no body", "其 body 为空")),
        Wrong::NotJson => Some(say!(
            locale,
            "its body is not a JSON object",
            "其 body 不是 JSON 对象",
        )),
        Wrong::Redirected => Some(say!(locale, "it was redirected", "请求被重定向")),
        Wrong::Cached => Some(say!(locale, "a cache has given it", "它来自缓存")),
        Wrong::Missing(member) => {
            let name = member.code();
            Some(say!(locale, "{name} is missing", "{name} 缺失"))
        }
        Wrong::NotWhole(member) => {
            let name = member.code();
            Some(say!(
                locale,
                "{name} is not a whole number",
                "{name} 不是整数",
            ))
        }
        Wrong::TooLarge(member) => {
            let name = member.code();
            Some(say!(
                locale,
                "{name} is not a whole number up to 2^53-1",
                "{name} 不是 2^53-1 以内的整数",
            ))
        }
        Wrong::NotText(member) => {
            let name = member.code();
            Some(say!(locale, "{name} is not a string", "{name} 不是字符串"))
        }
        Wrong::NotAList(member) => {
            let name = member.code();
            Some(say!(locale, "{name} is not a list", "{name} 不是列表"))
        }
        Wrong::Another(member) => {
            let name = member.code();
            Some(say!(
                locale,
                "{name} is not this charge's",
                "{name} 不属于这笔扣费",
            ))
        }
        Wrong::NoResult => Some(say!(
            locale,
            "it has not one result for this charge",
            "其中没有这笔扣费的唯一结果",
        )),
    };
    match why {
        None => say!(
            locale,
            "the answer is not the billing server's answer to this request",
            "应答不是计费服务器对本请求的应答",
        ),
        Some(why) => say!(
            locale,
            "the answer is not the billing server's answer to this request: {why}",
            "应答不是计费服务器对本请求的应答：{why}",
        ),
    }
}

fn unreadable(why: Unreadable, locale: Locale) -> String {
    match why {
        Unreadable::NotAnAnswer => say!(
            locale,
            "the answer can't be read: fetch, or the transport, gave what is not an answer",
            "无法读取应答：fetch 或 transport 给出的不是应答",
        ),
        Unreadable::NoStatus => say!(
            locale,
            "the answer can't be read: its status is not a number from 100 to 599",
            "无法读取应答：其 status 不是 100 到 599 的数字",
        ),
        Unreadable::AlreadyRead => say!(
            locale,
            "the answer can't be read: its body has been read by somebody else",
            "无法读取应答：其 body 已被他人读取",
        ),
        Unreadable::Failing => say!(
            locale,
            "the answer can't be read: reading its body fails",
            "无法读取应答：读取其 body 失败",
        ),
        Unreadable::NoText => say!(
            locale,
            "the answer can't be read: its body is not text",
            "无法读取应答：其 body 不是文本",
        ),
        Unreadable::TooLong => say!(
            locale,
            "the answer can't be read: its body is longer than 1 MiB",
            "无法读取应答：其 body 超过 1 MiB",
        ),
    }
}

/// Everything else that there is to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// The same as at rest.
    Of(Detail),

    // ---- of a charge, or of a balance that can't be had
    /// The attempt of this number is under way.
    UnderWay(u32),
    /// Another tab, or an earlier start, may have sent it.
    PerhapsSent,
    /// It is being written.
    NotStored,
    /// It was cancelled, and the server could not be asked about it.
    NotAsked,
    /// Its key names this other charge.
    KeyTaken {
        /// The points of that.
        amount: Points,
        /// The feature that it pays for.
        feature: String,
        /// The task that it pays for.
        task_id: String,
    },
    /// There are too few points for a task.
    TooFewPoints {
        /// The points that there are.
        available: Points,
        /// The points that it costs.
        amount: Points,
    },
    /// An answer that it gave some time ago.
    OldAnswer,
    /// The client was closed.
    Closed,
    /// The browser is offline.
    Offline,
    /// The server asked to wait.
    AskedToWait,

    // ---- in an alert, or a line of the log
    /// Of the charge with this key.
    OfCharge(Key, Detail),
    /// The server rejects the token.
    TokenRejected(Detail),
    /// The server says that another account is signed in.
    AnotherAccount(Detail),
    /// The server can't be reached.
    Unreachable,
    /// The server can be reached again.
    InReach,
    /// The balance is below `lowWatermark`.
    BalanceLow {
        /// The points that are available.
        available: Points,
        /// `lowWatermark`.
        low: Points,
    },
    /// The queue is nearly full.
    QueueNearlyFull {
        /// The number of open charges.
        open: usize,
        /// `maxEntries`.
        most: usize,
    },
    /// The success rate, in whole percents, is low.
    SuccessRateLow(u64),
    /// The journal is not in IndexedDB.
    NotDurable,
    /// The journal is no longer in IndexedDB; what the storage said.
    NoLongerDurable(String),
    /// The journal was wiped; what the storage said.
    Wiped(String),
    /// The journal has reverted to an earlier state.
    SetBack,
    /// The same, and charges are missing.
    SetBackWithout {
        /// Their number.
        count: usize,
        /// The first of their keys.
        first: Vec<Key>,
    },
    /// The storage failed; what it said.
    StorageFailed(String),
    /// A stored charge can't be read; what the storage said of it.
    Unreadable(String),
    /// Stored charges can't be read.
    UnreadableMany {
        /// Their number.
        count: usize,
        /// What the storage said of the first.
        first: String,
    },
    /// This request leaves.
    Leaves(String),
    /// A charge's outcome.
    Outcome {
        /// Its kind.
        ending: Ending,
        /// Its detail, in the language of the line; empty for a charged one.
        detail: String,
        /// The points of the charge.
        amount: Points,
        /// The task of the charge.
        task_id: String,
    },
}

/// An outcome as the log has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The points are taken.
    Charged,
    /// It is open, and nothing is taken so far.
    Queued,
    /// It is open, and may be charged.
    Unknown,
    /// It is parked, and may be charged.
    Parked,
    /// The server declined it.
    Declined,
    /// It failed.
    Failed,
}

impl Message {
    /// The text in this language.
    pub fn told(&self, locale: Locale) -> String {
        match self {
            Message::Of(detail) => detail.told(locale),
            Message::UnderWay(attempt) => say!(
                locale,
                "attempt {attempt} is under way",
                "第 {attempt} 次尝试进行中",
            ),
            Message::PerhapsSent => say!(
                locale,
                "it may have been sent before; what became of it is not known yet",
                "可能此前已发送，结果尚不可知",
            ),
            Message::NotStored => say!(
                locale,
                "the charge is not in storage yet",
                "这笔扣费尚未写入本地存储",
            ),
            Message::NotAsked => say!(
                locale,
                "the server could not be asked whether it has charged this",
                "暂时无法向服务器查询这笔是否已扣费",
            ),
            Message::KeyTaken {
                amount,
                feature,
                task_id,
            } => say!(
                locale,
                "the key already names a charge of {amount} points for {feature} of task {task_id}",
                "该键已属于另一笔扣费：算力 {amount}，功能 {feature}，任务 {task_id}",
            ),
            Message::TooFewPoints { available, amount } => say!(
                locale,
                "{available} points are available, {amount} are needed",
                "可用算力 {available}，需要 {amount}",
            ),
            Message::OldAnswer => say!(
                locale,
                "the answer is an old one, which the server has not given now",
                "应答是旧的，并非服务器此刻所给",
            ),
            Message::Closed => say!(locale, "the client was closed", "客户端已关闭"),
            Message::Offline => say!(locale, "the browser is offline", "浏览器离线"),
            Message::AskedToWait => {
                say!(locale, "the server asked for patience", "服务器要求稍候",)
            }
            Message::OfCharge(key, detail) => format!("{key}: {}", detail.told(locale)),
            Message::TokenRejected(detail) => {
                let detail = detail.told(locale);
                say!(
                    locale,
                    "the server does not accept the token: {detail}",
                    "服务器不接受令牌：{detail}",
                )
            }
            Message::AnotherAccount(detail) => {
                let detail = detail.told(locale);
                say!(
                    locale,
                    "another account is signed in: {detail}",
                    "当前登录的是另一个账户：{detail}",
                )
            }
            Message::Unreachable => say!(locale, "the server can't be reached", "无法连接服务器"),
            Message::InReach => say!(
                locale,
                "the server can be reached again",
                "服务器已恢复连接",
            ),
            Message::BalanceLow { available, low } => say!(
                locale,
                "{available} points are available, fewer than {low}",
                "可用算力 {available}，低于 {low}",
            ),
            Message::QueueNearlyFull { open, most } => say!(
                locale,
                "{open} of {most} charges are open",
                "未完成的扣费 {open} 笔，上限 {most} 笔",
            ),
            Message::SuccessRateLow(percent) => say!(
                locale,
                "{percent} % of the latest charges succeeded",
                "近期扣费成功率 {percent} %",
            ),
            Message::NotDurable => say!(
                locale,
                "the journal is not in IndexedDB: a crash may lose open charges",
                "账本不在 IndexedDB 中：浏览器崩溃可能丢失未完成的扣费",
            ),
            Message::NoLongerDurable(why) => say!(
                locale,
                "the journal is not in IndexedDB ({why}): a crash may lose open charges",
                "账本不在 IndexedDB 中（{why}）：浏览器崩溃可能丢失未完成的扣费",
            ),
            Message::Wiped(why) => say!(
                locale,
                "the journal was wiped: {why}",
                "账本已被清除：{why}",
            ),
            Message::SetBack => say!(
                locale,
                "the journal is older than what was accepted: charges may be missing in it",
                "账本比已受理的记录旧：其中可能缺少扣费",
            ),
            Message::SetBackWithout { count, first } => {
                let keys = first.iter().map(Key::as_str).collect::<Vec<&str>>();
                let (keys, all) = (keys.join(", "), first.len() == *count);
                let others = match (all, locale) {
                    (true, _) => "",
                    (false, Locale::En) => " and others",
                    (false, Locale::ZhCn) => " 等",
                };
                say!(
                    locale,
                    "the journal is older than what was accepted: {count} accepted charges are missing in it: {keys}{others}",
                    "账本比已受理的记录旧：缺少 {count} 笔已受理的扣费：{keys}{others}",
                )
            }
            Message::StorageFailed(error) => {
                say!(locale, "storage failed: {error}", "存储失败：{error}")
            }
            Message::Unreadable(why) => why.clone(),
            Message::UnreadableMany { count, first } => say!(
                locale,
                "{count} stored charges can't be read; the first: {first}",
                "{count} 笔已保存的扣费无法读取；第一笔：{first}",
            ),
            Message::Leaves(request) => request.clone(),
            Message::Outcome {
                ending,
                detail,
                amount,
                task_id,
            } => {
                let line = ended(*ending, detail, locale);
                say!(
                    locale,
                    "{line} - points: {amount}, task: {task_id}",
                    "{line} - 算力: {amount}, 任务ID: {task_id}",
                )
            }
        }
    }
}

fn ended(ending: Ending, detail: &str, locale: Locale) -> String {
    match ending {
        Ending::Charged => say!(locale, "✅ translation task charged", "✅ 翻译任务扣费成功",),
        Ending::Queued => say!(
            locale,
            "⏳ charge queued: {detail}",
            "⏳ 翻译任务扣费排队中（{detail}）",
        ),
        Ending::Unknown => say!(
            locale,
            "⏳ charge not known yet: {detail}",
            "⏳ 翻译任务扣费结果未知，排队确认中（{detail}）",
        ),
        Ending::Parked => say!(
            locale,
            "❌ charge parked, not known: {detail}",
            "❌ 翻译任务扣费结果未知，已搁置（{detail}）",
        ),
        Ending::Declined => say!(
            locale,
            "❌ charge declined: {detail}",
            "❌ 翻译任务扣费被拒绝，扣费失败（{detail}）",
        ),
        Ending::Failed => say!(
            locale,
            "❌ charge failed: {detail}",
            "❌ 翻译任务扣费失败（{detail}）",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::json::{FromJson, Json, ToJson};
    use crate::core::reason::Member;

    fn points(points: u64) -> Points {
        Points::new(points).unwrap()
    }

    fn details() -> Vec<Detail> {
        let reasons = [
            OpenReason::Offline,
            OpenReason::Unreachable,
            OpenReason::Timeout,
            OpenReason::Busy,
            OpenReason::ServerError,
            OpenReason::Unauthorized,
        ];
        let wrongs = [
            Wrong::Unknown,
            Wrong::Empty,
            Wrong::NotJson,
            Wrong::Unreadable(Unreadable::NotAnAnswer),
            Wrong::Unreadable(Unreadable::NoStatus),
            Wrong::Unreadable(Unreadable::AlreadyRead),
            Wrong::Unreadable(Unreadable::Failing),
            Wrong::Unreadable(Unreadable::NoText),
            Wrong::Unreadable(Unreadable::TooLong),
            Wrong::Redirected,
            Wrong::Cached,
            Wrong::Missing(Member::ChargeId),
            Wrong::NotWhole(Member::Balance),
            Wrong::TooLarge(Member::Version),
            Wrong::NotText(Member::ChargedAt),
            Wrong::NotAList(Member::Results),
            Wrong::Another(Member::IdempotencyKey),
            Wrong::NoResult,
        ];
        let mut details = vec![
            Detail::Unstorable("full".into()),
            Detail::AnswerNotStored,
            Detail::Gone,
            Detail::Cancelled,
            Detail::CancelledUnsent,
            Detail::QueueFull(10),
            Detail::OfflineDenied,
            Detail::OfflineLimit,
            Detail::OfflineBalance,
            Detail::OfflineUnknown,
            Detail::NeverCharged,
            Detail::Problem(500, None),
            Detail::Said(None),
            Detail::TooLarge(413),
            Detail::NoBatches,
            Detail::AnotherKey,
            Detail::NoAnswer,
            Detail::ConnectionFailed,
            Detail::ClosedUnanswered,
            Detail::TokenLate,
            Detail::TokenFailed,
            Detail::NotAToken,
            Detail::NoSuchAddress,
            Detail::SignedOut,
            Detail::Status(502),
        ];
        details.extend(reasons.map(Detail::NotSent));
        details.extend(wrongs.map(Detail::Foreign));
        details
    }

    fn quoted() -> Vec<Detail> {
        vec![
            Detail::Problem(402, Some("saldo insuficiente".into())),
            Detail::Said(Some("余额不足".into())),
            Detail::Unable("NetworkError: 断开".into()),
        ]
    }

    fn messages() -> Vec<Message> {
        let key = |key: &str| Key::new(key).unwrap();
        let mut messages = vec![
            Message::UnderWay(3),
            Message::PerhapsSent,
            Message::NotStored,
            Message::NotAsked,
            Message::KeyTaken {
                amount: points(5),
                feature: "f".into(),
                task_id: "t1".into(),
            },
            Message::TooFewPoints {
                available: points(1),
                amount: points(5),
            },
            Message::OldAnswer,
            Message::Closed,
            Message::Offline,
            Message::AskedToWait,
            Message::OfCharge(key("f:t1"), Detail::Gone),
            Message::TokenRejected(Detail::Status(401)),
            Message::AnotherAccount(Detail::Status(403)),
            Message::Unreachable,
            Message::InReach,
            Message::BalanceLow {
                available: points(1),
                low: points(5),
            },
            Message::QueueNearlyFull { open: 9, most: 10 },
            Message::SuccessRateLow(40),
            Message::NotDurable,
            Message::NoLongerDurable("full".into()),
            Message::Wiped("deleted".into()),
            Message::SetBack,
            Message::SetBackWithout {
                count: 1,
                first: vec![key("f:t1")],
            },
            Message::SetBackWithout {
                count: 2,
                first: vec![key("f:t1")],
            },
            Message::StorageFailed("full".into()),
            Message::UnreadableMany {
                count: 2,
                first: "damaged".into(),
            },
        ];
        messages.extend(details().into_iter().map(Message::Of));
        let endings = [
            Ending::Charged,
            Ending::Queued,
            Ending::Unknown,
            Ending::Parked,
            Ending::Declined,
            Ending::Failed,
        ];
        messages.extend(endings.map(|ending| Message::Outcome {
            ending,
            detail: String::new(),
            amount: points(5),
            task_id: "t1".into(),
        }));
        messages
    }

    #[test]
    fn every_message_has_a_text_of_its_own_in_each_language() {
        let is_chinese = |letter: char| ('\u{4e00}'..='\u{9fff}').contains(&letter);
        let mut told = Vec::new();
        for message in messages() {
            let english = message.told(Locale::En);
            let chinese = message.told(Locale::ZhCn);
            assert!(
                !english.is_empty() && !english.contains(is_chinese),
                "{english}"
            );
            assert!(chinese.contains(is_chinese), "{chinese}");
            for text in [english, chinese] {
                assert!(!told.contains(&text), "{text}");
                told.push(text);
            }
        }
    }

    #[test]
    fn missing_charges_are_named_with_a_word_for_those_left_out() {
        let told = |count, locale| {
            let first = vec![Key::new("f:t1").unwrap(), Key::new("f:t2").unwrap()];
            Message::SetBackWithout { count, first }.told(locale)
        };
        assert!(told(2, Locale::En).ends_with("missing in it: f:t1, f:t2"));
        assert!(told(3, Locale::En).ends_with("missing in it: f:t1, f:t2 and others"));
        assert!(told(2, Locale::ZhCn).ends_with("f:t1, f:t2"));
        assert!(told(3, Locale::ZhCn).ends_with("f:t1, f:t2 等"));
    }

    #[test]
    fn the_words_of_others_are_told_as_they_are_in_each_language() {
        let texts = [
            "HTTP 402: saldo insuficiente",
            "余额不足",
            "NetworkError: 断开",
        ];
        for (detail, text) in quoted().into_iter().zip(texts) {
            for locale in [Locale::En, Locale::ZhCn] {
                assert_eq!(detail.told(locale), text);
            }
        }
    }

    #[test]
    fn detail_at_rest_is_a_code_that_reads_back_as_itself() {
        for detail in details().into_iter().chain(quoted()) {
            let stored = detail.to_json().to_text();
            for locale in [Locale::En, Locale::ZhCn] {
                let text = detail.told(locale);
                let is_quoted = quoted().contains(&detail);
                assert!(is_quoted || !stored.contains(&text), "{stored}: {text}");
            }
            let read = Detail::from_json(&Json::parse(&stored).unwrap());
            assert_eq!(read, Ok(detail));
        }
    }
}
