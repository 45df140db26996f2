//! What the engine is told, and what it orders.

use super::journal::Earlier;
use super::tasks::Running;
use crate::core::alert::Alert;
use crate::core::balance::{Balance, Confirmed};
use crate::core::charge::{Charge, Key};
use crate::core::journal::{Applied, Op};
use crate::core::log::{Locale, LogEntry};
use crate::core::outcome::Outcome;
use crate::core::protocol::{Request, Response};
use crate::core::record::Record;
use crate::core::snapshot::{
    BalanceResult, ChargeRecord, FlushProgress, FlushReport, Network, Snapshot, StorageKind,
};

/// Names a call of the user's that waits for an answer.
pub type CallId = u64;
/// Names a request on its way.
pub type SendId = u64;

/// A report to the core.
#[derive(Clone, Debug)]
pub enum Event {
    /// One of the user's calls, which waits for its answer.
    Call {
        /// Names it.
        id: CallId,
        /// What it asks for.
        request: CallRequest,
    },
    /// A task ended without a charge.
    EndTask {
        /// The charge that was to be.
        key: Key,
    },
    /// The caller waits no longer.
    StopWaiting {
        /// Who asked.
        call: CallId,
    },
    /// The operations of the last [`Effect::Journal`] are committed, or none of them is.
    Journaled(Result<Vec<Applied>, String>),
    /// What the journal holds, in answer to [`Effect::Load`], or why it can't be read.
    Loaded(Result<Vec<Record>, String>),
    /// The tabs of this account that live, this one among them: reported with every
    /// [`Event::Loaded`], before it and of a later moment, where it can be known.
    Alive(Vec<String>),
    /// The store holds what can't be read.
    Unreadable {
        /// Damaged records, which were set aside; for people.
        set_aside: Vec<String>,
        /// Records of a newer version, which were left alone; for people.
        left_alone: Vec<String>,
    },
    /// The records of these charges are lost, as the store has noted before: reported with every
    /// reading of the whole journal.
    RecordsLost(Vec<Key>),
    /// From here on the journal lives in another storage, which may not have what the last one
    /// had. Reported before what the last one's failure was reported with.
    Moved {
        /// Where.
        to: StorageKind,
        /// Why; for people.
        why: String,
        /// What it leaves behind.
        from: Earlier,
    },
    /// What the journal held is gone from this device.
    Wiped {
        /// For people.
        detail: String,
        /// What was open, as far as it is known.
        lost: Vec<Key>,
    },
    /// The journal is as it was before something that was committed. What is there counts as
    /// perhaps sent by now.
    SetBack {
        /// What was open since then, and is not there, as far as it is known.
        lost: Vec<Key>,
    },
    /// Whether the browser has promised not to evict the journal.
    Persisted(bool),
    /// An answer came.
    Answered {
        /// To which request.
        send: SendId,
        /// The answer.
        response: Response,
    },
    /// No answer came, or it broke off.
    Lost {
        /// To which request.
        send: SendId,
        /// Whether the time limit had passed.
        timed_out: bool,
    },
    /// The request never left.
    NotSent {
        /// Which request.
        send: SendId,
        /// Why.
        why: Unsent,
    },
    /// This tab may flush, until it lets go.
    LockGranted,
    /// Another tab has held the lock for as long as a claim lasts.
    LockRefused,
    /// The lock is waited for no longer: the page is on its way out of sight, or closed.
    LockDropped,
    /// Another tab changed these charges, and learnt this balance.
    Peer {
        /// The changed charges.
        keys: Vec<Key>,
        /// What it knows of the balance.
        confirmed: Option<Confirmed>,
    },
    /// The balance cache, read at start or changed by another tab.
    Cached(Confirmed),
    /// The browser's word about the network.
    Online(bool),
    /// How far another tab's flush is; `None` when it is over.
    PeerFlush(Option<FlushProgress>),
    /// What runs in another tab now.
    PeerTasks {
        /// Its name.
        tab: String,
        /// All of it.
        running: Vec<Running>,
    },
    /// Another tab asks what runs in this one.
    AskedTasks,
    /// Whether its user can see the page.
    Visible(bool),
    /// The page is visible again, was frozen, or is back from the back/forward cache: what it
    /// knows may be old.
    Woke,
    /// The deadline has come.
    Tick,
    /// The mark of [`Effect::MarkSignOut`] is in storage, or can't be put there.
    Marked(Result<u64, String>),
    /// Storage, or another tab, tells of the mark of a sign-out. One that is not later than the
    /// session is nothing new.
    SignedOut {
        /// The mark.
        mark: u64,
    },
    /// Another tab has heard of the sign-out, and sends nothing more.
    PeerLeft {
        /// Its name.
        tab: String,
    },
    /// `setLocale(locale)`.
    Locale(Locale),
    /// `close()`: answer everybody now.
    Close,
}

/// What a call asks for.
#[derive(Clone, Debug)]
pub enum CallRequest {
    /// `charge(request)`. Ends the hold of a running task of this key.
    Charge(Charge),
    /// `retry(key)`.
    Retry(Key),
    /// `cancel(key)`.
    Cancel(Key),
    /// `settled(key)`.
    Settled(Key),
    /// `getCharge(key)`.
    Show(Key),
    /// `flush()`.
    Flush,
    /// `refreshBalance()`.
    RefreshBalance {
        /// A balance that is not older will do.
        max_age_ms: Option<u64>,
    },
    /// May a task start? Holds its points if so.
    StartTask {
        /// What will be charged when it is done.
        charge: Charge,
        /// The work is under way already: its points are held, whatever is available.
        running: bool,
    },
    /// `signOut()`: forget, and send nothing more.
    SignOut,
}

/// Why a request has not left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsent {
    /// `getToken` took longer than a request may.
    TokenLate,
    /// The page stood still while the request waited for its token, for longer than a request may
    /// take.
    Late,
    /// `getToken` failed. What its error says may hold a token, so it is not told.
    TokenFailed,
    /// `getToken` gave what can't stand in a header.
    NoToken,
    /// The browser can't send; for people.
    Unable(String),
    /// The account has signed out meanwhile. [`Event::SignedOut`] has been reported.
    SignedOut,
}

/// An order from the core.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Apply these in one transaction and report [`Event::Journaled`] when it has committed or
    /// failed. There is never more than one such order open.
    Journal {
        /// In this order.
        ops: Vec<Op>,
        /// Whether the write may be lost in a crash.
        relaxed: bool,
    },
    /// Read the journal, and report [`Event::Loaded`].
    Load {
        /// All of it; else what may have something left to do: open, parked, or failed and
        /// retryable.
        all: bool,
    },
    /// Ask for a token, send, and report one of `Answered`, `Lost` and `NotSent`.
    Send {
        /// Names it.
        send: SendId,
        /// What.
        request: Request,
        /// Whether the last token was refused.
        refresh_token: bool,
        /// For the whole of it, in milliseconds.
        time_limit_ms: u64,
    },
    /// Ask for the lock under which one tab flushes.
    AskLock,
    /// Let go of it.
    ReleaseLock,
    /// Tell the other tabs.
    Announce {
        /// The changed charges.
        keys: Vec<Key>,
        /// What is known of the balance.
        confirmed: Option<Confirmed>,
    },
    /// Tell the other tabs how far this tab's flush is; `None` when it is over.
    AnnounceFlush(Option<FlushProgress>),
    /// Tell the other tabs what runs in this one.
    AnnounceTasks(Vec<Running>),
    /// Ask the other tabs what runs in them.
    AskTasks,
    /// Mark in storage that the session is over, tell the other tabs, and report
    /// [`Event::Marked`].
    MarkSignOut,
    /// Tell the other tabs that this one has heard of the sign-out, and sends nothing more.
    AnnounceLeft,
    /// Cache the balance, or forget it.
    SaveBalance(Option<Confirmed>),
    /// Answer a call.
    Resolve {
        /// Which.
        call: CallId,
        /// With what.
        answer: Answer,
    },
    /// Tell the user's listeners.
    Notice(Notice),
}

/// The answer to a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// To `charge`, `retry`, `cancel` and `settled`; to a task that may not start.
    Outcome(Outcome),
    /// The task may start.
    Started,
    /// To `getCharge`.
    Record(Option<ChargeRecord>),
    /// To `flush`.
    Flush(FlushReport),
    /// To `refreshBalance`.
    Balance(BalanceResult),
    /// To `signOut`: what stays open.
    SignedOut(Vec<ChargeRecord>),
    /// There is no charge of this key.
    NotFound,
    /// To `settled`: its caller waits no longer, and nobody hears this.
    NotWaiting,
    /// The client is closed.
    Closed,
}

impl Answer {
    /// What it says to people, in one language.
    pub(super) fn in_one(self, locale: Locale) -> Answer {
        match self {
            Answer::Outcome(outcome) => Answer::Outcome(outcome.in_one(locale)),
            Answer::Balance(result) => Answer::Balance(result.in_one(locale)),
            // A record that is shown is in one already.
            Answer::Started
            | Answer::Record(_)
            | Answer::Flush(_)
            | Answer::SignedOut(_)
            | Answer::NotFound
            | Answer::NotWaiting
            | Answer::Closed => self,
        }
    }
}

/// What the user's listeners are told.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// A charge's record changed.
    Charge(ChargeRecord),
    /// The balance changed.
    Balance(Balance),
    /// The network state changed.
    Network(Network),
    /// A flush goes on.
    FlushProgress(FlushProgress),
    /// A flush has ended.
    FlushReport(FlushReport),
    /// Something needs attention.
    Alert(Alert),
    /// A line of the log.
    Log(LogEntry),
    /// The snapshot changed.
    Snapshot(Box<Snapshot>),
}

impl Notice {
    /// What it says to people, in one language.
    pub(super) fn in_one(self, locale: Locale) -> Notice {
        match self {
            Notice::Alert(alert) => Notice::Alert(alert.in_one(locale)),
            Notice::Log(line) => Notice::Log(line.in_one(locale)),
            // A record, or an alert, that is shown is in one already.
            Notice::Charge(_)
            | Notice::Balance(_)
            | Notice::Network(_)
            | Notice::FlushProgress(_)
            | Notice::FlushReport(_)
            | Notice::Snapshot(_) => self,
        }
    }
}
