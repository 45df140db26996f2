//! The time limit of a request.

mod alarm;

pub use self::alarm::{AlarmUser, renew_alarm};

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::browser::clock::now;
use crate::core::clock::Now;

/// Ends a request when its time is up.
pub struct Limit {
    end: Rc<End>,
    length_ms: u64,
    began: Now,
    /// Whether the request may still leave, asked when its token is there.
    may_leave: Box<dyn Fn() -> bool>,
}

/// The end of a request.
struct End {
    controller: web_sys::AbortController,
    has_come: Cell<bool>,
    /// Whoever awaits something of the request.
    waiting: RefCell<Option<Waker>>,
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
        let end = Rc::new(End {
            controller: web_sys::AbortController::new()?,
            has_come: Cell::new(false),
            waiting: RefCell::new(None),
        });
        let began = now();
        alarm::set(&end, began.after(length_ms));
        Ok(Limit {
            end,
            length_ms,
            began,
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
        self.end.come();
    }

    /// Aborts when the time is up.
    pub fn signal(&self) -> web_sys::AbortSignal {
        self.end.controller.signal()
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
        self.end.has_come.get()
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
        if !awaited.is_object() && !awaited.is_function() && !self.has_passed() {
            return Ok(awaited.clone());
        }
        let awaited = JsFuture::from(Promise::resolve(awaited));
        match self.within(awaited).await {
            Some(result) => result.map_err(|_| Missed::Rejected),
            None => Err(Missed::TimeUp),
        }
    }

    /// What this comes to; `None` once the time is up, and then it is dropped.
    pub async fn within<F: Future>(&self, awaited: F) -> Option<F::Output> {
        let mut awaited = pin!(awaited);
        poll_fn(|context| match awaited.as_mut().poll(context) {
            _ if self.has_passed() => Poll::Ready(None),
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => {
                *self.end.waiting.borrow_mut() = Some(context.waker().clone());
                Poll::Pending
            }
        })
        .await
    }
}

impl End {
    fn come(&self) {
        // In this order: whoever awaits something sees the limit first.
        self.has_come.set(true);
        self.controller.abort();
        if let Some(waker) = self.waiting.take() {
            waker.wake();
        }
    }
}
