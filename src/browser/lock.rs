//! The Web Lock under which one tab flushes. It saves traffic; claims and keys give correctness,
//! so where there are no Web Locks every tab may flush.

use std::cell::RefCell;
use std::rc::Rc;

use gloo_timers::callback::Timeout;
use js_sys::{Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

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
}

/// This tab's hold on the lock, if any.
#[derive(Debug, Default)]
pub struct FlushLock {
    state: Rc<RefCell<State>>,
}

#[derive(Debug, Default)]
struct State {
    waiting: Option<web_sys::AbortController>,
    release: Option<Function>,
}

fn locks() -> Option<LockManager> {
    let navigator = web_sys::window()?.navigator();
    let locks = Reflect::get(&navigator, &"locks".into()).ok()?;
    (!locks.is_undefined() && !locks.is_null()).then(|| locks.unchecked_into())
}

impl FlushLock {
    /// Waits for the lock for at most `patience_ms`; whether it was granted.
    pub async fn acquire(&self, name: &str, patience_ms: u32) -> bool {
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
        self.state.borrow_mut().waiting = Some(controller.clone());
        let abort = move || controller.abort();
        let timer = Timeout::new(patience_ms, abort);

        // The lock is held for as long as the promise that the callback returns is pending.
        let state = Rc::clone(&self.state);
        let granted = Promise::new(&mut |granted, refused| {
            let state = Rc::clone(&state);
            let on_grant = Closure::once_into_js(move || {
                Promise::new(&mut |release, _| {
                    state.borrow_mut().release = Some(release);
                    // Calling a promise's resolver can't fail.
                    let _ = granted.call0(&JsValue::UNDEFINED);
                })
            });
            match locks.request(name, &options, on_grant.unchecked_ref()) {
                Ok(request) => drop(request.catch(&Closure::once(move |error: JsValue| {
                    let _ = refused.call1(&JsValue::UNDEFINED, &error);
                }))),
                Err(error) => drop(refused.call1(&JsValue::UNDEFINED, &error)),
            }
        });
        let granted = JsFuture::from(granted).await.is_ok();
        drop(timer);
        self.state.borrow_mut().waiting = None;
        granted
    }

    /// Lets go of it, or stops waiting for it.
    pub fn let_go(&self) {
        let (waiting, release) = {
            let mut state = self.state.borrow_mut();
            (state.waiting.take(), state.release.take())
        };
        if let Some(waiting) = waiting {
            waiting.abort();
        }
        if let Some(release) = release {
            // Calling a promise's resolver can't fail.
            let _ = release.call0(&JsValue::UNDEFINED);
        }
    }
}
