//! Events, which report to the engine, and effects, which it orders.

use super::journal::Earlier;
use super::tasks::Running;
use crate::core::alert::Alert;
use crate::core::balance::{Balance, Confirmed};
use crate::core::charge::{Charge, Key};
use crate::core::journal::{Applied, Op};
use crate::core::locale::Locale;
use crate::core::log::LogEntry;
use crate::core::outcome::Outcome;
use crate::core::protocol::{Request, Response};
use crate::core::record::Record;
use crate::core::snapshot::{
    BalanceResult, ChargeRecord, FlushProgress, FlushReport, Network, Snapshot, StorageKind,
};

/// Identifies a pending call of the user's.
pub type CallId = u64;
/// Identifies a request on its way.
pub type SendId = u64;

/// A report to the core.
#[derive(Clone, Debug)]
pub enum Event {
    /// A call of the user's, which waits for its answer.
    Call {
        /// The id of the call.
        id: CallId,
        /// The request.
        request: CallRequest,
    },
    /// A task ended without a charge.
    EndTask {
        /// The key of the future charge.
        key: Key,
    },
    /// The caller stopped waiting.
    StopWaiting {
        /// The id of the call.
        call: CallId,
    },
    /// The operations of the last [`Effect::Journal`] are committed, or none of them is.
    Journaled(Result<Vec<Applied>, String>),
    /// A page of the journal, ahead of the [`Event::Loaded`] that ends this reading. There may be
    /// any number of them, and anything in between.
    LoadedPage(Vec<Record>),
    /// The contents of the journal, or what the pages have left of it, in answer to
    /// [`Effect::Load`]; or why it can't be read.
    Loaded(Result<Vec<Record>, String>),
    /// The living tabs of this account, this one included, if known: reported with every
    /// [`Event::Loaded`], before it, and determined at a later moment.
    Alive(Vec<String>),
    /// The store holds unreadable records.
    Unreadable {
        /// Damaged records, which were set aside; human-readable.
        set_aside: Vec<String>,
        /// Records of a newer version, which were left alone; human-readable.
        left_alone: Vec<String>,
    },
    /// The records of these charges are lost, as the store noted earlier: reported with every
    /// reading of the whole journal.
    RecordsLost(Vec<Key>),
    /// The journal has migrated to another storage, which may lack some of the last one's contents.
    /// Reported before the event that reports the last one's failure.
    Moved {
        /// The new storage.
        to: StorageKind,
        /// The reason; human-readable.
        why: String,
        /// The charges left behind.
        from: Earlier,
    },
    /// The journal's contents are gone from this device.
    Wiped {
        /// Human-readable detail.
        detail: String,
        /// The charges that were open, as far as known.
        lost: Vec<Key>,
    },
    /// The journal has reverted to the state before some commit. The charges in it count as
    /// possibly sent.
    SetBack {
        /// The charges opened since then and missing, as far as known.
        lost: Vec<Key>,
    },
    /// Whether the browser has promised not to evict the journal.
    Persisted(bool),
    /// An answer came.
    Answered {
        /// The id of the request.
        send: SendId,
        /// The answer.
        response: Response,
    },
    /// No answer came, or it broke off.
    Lost {
        /// The id of the request.
        send: SendId,
        /// Whether the time limit had passed.
        timed_out: bool,
    },
    /// The request never left.
    NotSent {
        /// The id of the request.
        send: SendId,
        /// The reason.
        why: Unsent,
    },
    /// This tab has the lock, and may flush until it releases it.
    LockGranted,
    /// Another tab has held the lock for as long as a claim lasts.
    LockTimedOut,
    /// The lock is no longer awaited: the page is about to be hidden, or closed.
    LockDropped,
    /// Another tab changed these charges, and learnt this balance.
    Peer {
        /// The changed charges.
        keys: Vec<Key>,
        /// The balance known to the other tab.
        confirmed: Option<Confirmed>,
    },
    /// The balance cache, read at the start or changed by another tab.
    Cached(Confirmed),
    /// Whether the browser reports a network.
    Online(bool),
    /// Progress of another tab's flush; `None` when it is over.
    PeerFlush(Option<FlushProgress>),
    /// The running tasks of another tab.
    PeerTasks {
        /// The tab's name.
        tab: String,
        /// All of its running tasks.
        running: Vec<Running>,
        /// Whether the tab is on its way out, and can't release its holds at the server.
        leaves: bool,
    },
    /// Another tab asks for this one's running tasks.
    AskedTasks,
    /// Whether the page is visible to its user.
    Visible(bool),
    /// The page is visible again, was frozen, or is back from the back/forward cache: its state may
    /// be out of date.
    Woke,
    /// The page is back from the back/forward cache: other tabs have taken it for gone. Reported
    /// besides `Woke`.
    Restored,
    /// The deadline has come.
    Tick,
    /// The mark of [`Effect::MarkSignOut`] is in storage, or can't be put there.
    Marked(Result<u64, String>),
    /// Storage, or another tab, reports the mark of a sign-out. A mark that is not later than the
    /// session is nothing new.
    SignedOut {
        /// The mark.
        mark: u64,
    },
    /// Another tab has heard of the sign-out, and sends nothing more.
    PeerLeft {
        /// The tab's name.
        tab: String,
    },
    /// `setLocale(locale)`.
    Locale(Locale),
    /// `close()`: answer all calls now.
    Close,
}

/// The request of a call.
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
        /// Maximum age of an acceptable balance, in milliseconds.
        max_age_ms: Option<u64>,
    },
    /// Whether a task may start. Holds its points if so. Where no balance is known, or it is too
    /// low, the server is asked first: somebody may have topped it up.
    StartTask {
        /// The charge to be made when it is done.
        charge: Charge,
        /// Whether the work is under way already: its points are held even beyond the available
        /// ones.
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
    /// The page was frozen while the request waited for its token, for longer than a request may
    /// take.
    Late,
    /// `getToken` failed. Its error may contain a token, so it is not shown.
    TokenFailed,
    /// `getToken` returned a value that can't be put in a header.
    NoToken,
    /// The browser makes no request to the server's address.
    NoSuchAddress,
    /// The browser can't send; what it said.
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
        /// The operations, in order.
        ops: Vec<Op>,
        /// Whether the write may be lost in a crash.
        relaxed: bool,
    },
    /// Read the journal, and report [`Event::Loaded`].
    Load {
        /// Whether to read all of it, or only charges with work left: open, parked, or failed and
        /// retryable.
        all: bool,
    },
    /// Ask for a token, send, and report one of `Answered`, `Lost` and `NotSent`.
    Send {
        /// The id of the request.
        send: SendId,
        /// The request.
        request: Request,
        /// Whether the last token was rejected.
        refresh_token: bool,
        /// Time limit for all of it, in milliseconds.
        time_limit_ms: u64,
    },
    /// Ask for the lock under which one tab flushes.
    AskLock,
    /// Release the lock.
    ReleaseLock,
    /// Tell the other tabs of changes.
    Announce {
        /// The changed charges.
        keys: Vec<Key>,
        /// The known balance.
        confirmed: Option<Confirmed>,
    },
    /// Tell the other tabs the progress of this tab's flush; `None` when it is over.
    AnnounceFlush(Option<FlushProgress>),
    /// Tell the other tabs this one's running tasks.
    AnnounceTasks {
        /// All of them.
        running: Vec<Running>,
        /// Whether this tab is on its way out.
        leaves: bool,
    },
    /// Ask the other tabs for their running tasks.
    AskTasks,
    /// Mark in storage that the session is over, tell the other tabs, and report
    /// [`Event::Marked`].
    MarkSignOut,
    /// Tell the other tabs that this one has heard of the sign-out, and sends nothing more.
    AnnounceLeft,
    /// Cache the balance, or delete the cache.
    SaveBalance(Option<Confirmed>),
    /// Answer a call.
    Resolve {
        /// The id of the call.
        call: CallId,
        /// The answer.
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
    /// To `signOut`: the charges that stay open.
    SignedOut(Vec<ChargeRecord>),
    /// There is no charge of this key.
    NotFound,
    /// To `settled`: its caller stopped waiting, so this goes unheard.
    NotWaiting,
    /// The client is closed.
    Closed,
}

/// A notice to the user's listeners.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// A charge's record changed.
    Charge(ChargeRecord),
    /// The balance changed.
    Balance(Balance),
    /// The network state changed.
    Network(Network),
    /// A flush made progress.
    FlushProgress(FlushProgress),
    /// A flush has ended.
    FlushReport(FlushReport),
    /// An alert.
    Alert(Alert),
    /// A line of the log.
    Log(LogEntry),
    /// The snapshot changed.
    Snapshot(Box<Snapshot>),
}
