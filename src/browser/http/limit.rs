//! The time limit of a request.

use std::cell::RefCell;

use gloo_timers::callback::Timeout;
use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::browser::clock::now;
use crate::core::clock::Now;

/// Ends a request when its time is up.
pub struct Limit {
    controller: web_sys::AbortController,
    passed: Promise,
    pass: Function,
    timer: RefCell<Option<Timeout>>,
    length_ms: u64,
    began: Now,
    /// Whether the request may still leave, asked when its token is there.
    may_leave: Box<dyn Fn() -> bool>,
}

/// Why what was waited for has not come.
pub enum Missed {
    /// The time is up.
    TimeUp,
    /// It was rejected.
    Rejected,
}

impl Limit {
    /// The time runs from now on.
    pub fn new(length_ms: u64) -> Result<Limit, JsValue> {
        let controller = web_sys::AbortController::new()?;
        let mut pass = None;
        let millis = u32::try_from(length_ms)
            .unwrap_or(u32::MAX)
            .min(i32::MAX as u32);
        let passed = Promise::new(&mut |_, passed| pass = Some(passed));
        let pass = pass.ok_or_else(|| JsValue::from_str("no promise"))?;
        let timer = {
            let (pass, controller) = (pass.clone(), controller.clone());
            Timeout::new(millis, move || end(&pass, &controller))
        };
        Ok(Limit {
            controller,
            passed,
            pass,
            timer: RefCell::new(Some(timer)),
            length_ms,
            began: now(),
            may_leave: Box::new(|| true),
        })
    }

    /// What is asked when the token is there, and lets the request leave.
    pub fn leaving_if(self, may_leave: impl Fn() -> bool + 'static) -> Limit {
        Limit {
            may_leave: Box::new(may_leave),
            ..self
        }
    }

    /// Whether the request may leave, now that its token is there.
    pub fn may_leave(&self) -> bool {
        (self.may_leave)()
    }

    /// Ends the request at once. Whoever listens to its signal is called meanwhile, and may do
    /// anything.
    pub fn end(&self) {
        self.timer.borrow_mut().take();
        end(&self.pass, &self.controller);
    }

    /// Aborts when the time is up.
    pub fn signal(&self) -> web_sys::AbortSignal {
        self.controller.signal()
    }

    /// All of the time, in milliseconds.
    pub fn length_ms(&self) -> u64 {
        self.length_ms
    }

    /// Whether most of the time is over.
    pub fn is_half_over(&self) -> bool {
        self.passed_ms() > self.length_ms / 2
    }

    /// Whether whatever awaits it has been told that the time is up, or cut short.
    pub fn has_passed(&self) -> bool {
        self.controller.signal().aborted()
    }

    /// Whether the time is up by the clocks, though nobody has been told. The timer of a page that
    /// was frozen, or busy, comes after whatever else it has waited for, and one of the clocks may
    /// have stood still in a sleep.
    pub fn is_over(&self) -> bool {
        self.has_passed() || self.passed_ms() >= self.length_ms
    }

    fn passed_ms(&self) -> u64 {
        let now = now();
        let mono_ms = now.mono_ms.saturating_sub(self.began.mono_ms);
        mono_ms.max(now.wall_ms.saturating_sub(self.began.wall_ms))
    }

    /// What this comes to, which may be a promise, unless the time is up first.
    pub async fn race(&self, awaited: &JsValue) -> Result<JsValue, Missed> {
        let both = js_sys::Array::of2(awaited, &self.passed);
        let first = JsFuture::from(Promise::race(&both)).await;
        match first {
            _ if self.has_passed() => Err(Missed::TimeUp),
            Ok(value) => Ok(value),
            Err(_) => Err(Missed::Rejected),
        }
    }
}

fn end(pass: &Function, controller: &web_sys::AbortController) {
    // In this order: whoever races the two sees the limit first.
    let _ = pass.call0(&JsValue::UNDEFINED);
    controller.abort();
}
