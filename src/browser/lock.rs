//! Web Locks: the one under which one tab flushes, and the one that shows that a tab lives.
//!
//! They save traffic and time; claims and keys give correctness, so where there are no Web Locks
//! every tab may flush, and a dead tab's claims run out by themselves.

use std::cell::RefCell;
use std::rc::Rc;

use gloo_timers::callback::Timeout;
use js_sys::{Array, Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

#[wasm_bindgen]
extern "C" {
    /// `navigator.locks`, which web-sys keeps behind an unstable flag.
    type LockManager;

    #[wasm_bindgen(method, catch)]
    fn request(
        this: &LockManager,
        name: &str,
        options: &Object,
        granted: &Function,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn query(this: &LockManager) -> Result<Promise, JsValue>;
}

/// This client's hold on one lock, if any.
#[derive(Debug, Default)]
pub struct Lock {
    state: Rc<RefCell<State>>,
}

#[derive(Debug, Default)]
struct State {
    waiting: Option<Waiting>,
    release: Option<Function>,
    closed: bool,
}

/// A request that has not been granted yet.
#[derive(Debug)]
struct Waiting {
    controller: web_sys::AbortController,
    _patience: Timeout,
}

fn locks() -> Option<LockManager> {
    let navigator = web_sys::window()?.navigator();
    let locks = Reflect::get(&navigator, &"locks".into()).ok()?;
    (!locks.is_undefined() && !locks.is_null()).then(|| locks.unchecked_into())
}

/// What follows `prefix` in the names of the locks that are held by anybody; `None` where that
/// can't be known.
pub async fn held(prefix: &str) -> Option<Vec<String>> {
    let snapshot = JsFuture::from(locks()?.query().ok()?).await.ok()?;
    let held = Reflect::get(&snapshot, &"held".into()).ok()?;
    let held = Array::from(&held);
    let names = held.iter().filter_map(|lock| {
        let name = Reflect::get(&lock, &"name".into()).ok()?.as_string()?;
        name.strip_prefix(prefix).map(str::to_owned)
    });
    Some(names.collect())
}

impl Lock {
    /// Waits for the lock for at most `patience_ms`; whether it was granted.
    pub async fn acquire(&self, name: &str, patience_ms: u32) -> bool {
        if self.state.borrow().closed {
            return false;
        }
        let Some(locks) = locks() else {
            return true;
        };
        let Ok(controller) = web_sys::AbortController::new() else {
            return false;
        };
        let options = Object::new();
        if Reflect::set(&options, &"signal".into(), &controller.signal()).is_err() {
            return false;
        }
        let too_long = controller.clone();
        self.state.borrow_mut().waiting = Some(Waiting {
            controller,
            _patience: Timeout::new(patience_ms, move || too_long.abort()),
        });
        let granted = Promise::new(&mut |granted, refused| {
            let on_grant = self.on_grant(granted);
            match locks.request(name, &options, on_grant.unchecked_ref()) {
                Ok(request) => spawn_local(async move {
                    if let Err(error) = JsFuture::from(request).await {
                        settle(&refused, &error);
                    }
                }),
                Err(error) => settle(&refused, &error),
            }
        });
        let granted = JsFuture::from(granted).await.is_ok();
        self.state.borrow_mut().waiting = None;
        granted
    }

    /// The callback of a request: the lock is held for as long as the promise that it returns is
    /// pending.
    fn on_grant(&self, granted: Function) -> JsValue {
        let state = Rc::clone(&self.state);
        Closure::once_into_js(move || {
            Promise::new(&mut |release, _| {
                state.borrow_mut().release = Some(release);
                settle(&granted, &JsValue::UNDEFINED);
            })
        })
    }

    /// Lets go of it, or stops waiting for it.
    pub fn let_go(&self) {
        let (waiting, release) = {
            let mut state = self.state.borrow_mut();
            (state.waiting.take(), state.release.take())
        };
        if let Some(waiting) = waiting {
            waiting.controller.abort();
        }
        if let Some(release) = release {
            settle(&release, &JsValue::UNDEFINED);
        }
    }

    /// Lets go of it for good: what has been asked for and not begun is refused.
    pub fn close(&self) {
        self.state.borrow_mut().closed = true;
        self.let_go();
    }
}

fn settle(settler: &Function, value: &JsValue) {
    // Calling a promise's resolver can't fail.
    let _ = settler.call1(&JsValue::UNDEFINED, value);
}
