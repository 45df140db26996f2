//! Web Locks: the one under which one tab flushes, the one that shows that a tab lives, and the one
//! that shows that it works with the fallback.
//!
//! They save traffic and time; claims and keys give correctness, so where there are no Web Locks
//! every tab may flush, and a dead tab's claims run out by themselves.

use std::cell::RefCell;

use js_sys::{Array, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::host::{Hold, Host};
use super::scope::scope;
use super::time_limit::in_time;

/// How long the browser may take to tell which locks are held, in milliseconds.
const QUERY_LIMIT_MS: u32 = 1_000;

#[wasm_bindgen]
extern "C" {
    /// `navigator.locks`, which web-sys keeps behind an unstable flag.
    type LockManager;

    #[wasm_bindgen(method, catch)]
    fn query(this: &LockManager) -> Result<Promise, JsValue>;
}

/// This client's hold on one lock, if any. The facade owns it: where the module has died, nobody
/// else could let it go.
#[derive(Debug, Default)]
pub struct WebLock {
    state: RefCell<LockState>,
}

/// What became of waiting for a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// It is held.
    Granted,
    /// Somebody else has held it all the time.
    TimedOut,
    /// This client stopped waiting.
    Dropped,
}

#[derive(Debug, Default)]
struct LockState {
    hold: Option<Hold>,
    closed: bool,
}

/// What follows `prefix` in the names of the locks that are held by anybody; `None` where that
/// can't be known.
pub async fn held(prefix: &str) -> Option<Vec<String>> {
    let navigator = scope()?.navigator();
    let locks = Reflect::get(&navigator, &"locks".into()).ok()?;
    if locks.is_undefined() || locks.is_null() {
        return None;
    }
    let locks: LockManager = locks.unchecked_into();
    let snapshot = JsFuture::from(locks.query().ok()?);
    let snapshot = in_time(QUERY_LIMIT_MS, snapshot).await?.ok()?;
    let held = Reflect::get(&snapshot, &"held".into()).ok()?;
    let held = Array::from(&held);
    let names = held.iter().filter_map(|lock| {
        let name = Reflect::get(&lock, &"name".into()).ok()?.as_string()?;
        name.strip_prefix(prefix).map(str::to_owned)
    });
    Some(names.collect())
}

impl WebLock {
    /// Waits for the lock for at most `patience_ms`.
    pub async fn acquire(&self, host: &Host, name: &str, patience_ms: u32) -> Acquired {
        if self.state.borrow().closed {
            return Acquired::Dropped;
        }
        self.let_go();
        let hold = host.lock(name, patience_ms);
        let granted = hold.granted();
        self.state.borrow_mut().hold = Some(hold);
        let granted = JsFuture::from(granted).await;
        if granted.is_ok_and(|granted| granted.is_truthy()) {
            Acquired::Granted
        } else if self.is_held() {
            Acquired::TimedOut
        } else {
            Acquired::Dropped
        }
    }

    /// Whether it is held or waited for.
    pub fn is_held(&self) -> bool {
        self.state.borrow().hold.is_some()
    }

    /// Lets go of it, or stops waiting for it.
    pub fn let_go(&self) {
        let hold = self.state.borrow_mut().hold.take();
        if let Some(hold) = hold {
            hold.let_go();
        }
    }

    /// Lets go of it for good: what has been asked for and not begun is refused.
    pub fn close(&self) {
        self.state.borrow_mut().closed = true;
        self.let_go();
    }
}
