//! Doing something often, but not too often.

use std::cell::{Cell, RefCell};

use gloo_timers::callback::Timeout;

use super::clock::now;

/// A limit on how often something is done: at once, and after that when its time has come.
#[derive(Debug)]
pub struct Throttle {
    every_ms: u32,
    /// When it was done last; monotonic.
    last_ms: Cell<Option<u64>>,
    timer: RefCell<Option<Timeout>>,
}

impl Throttle {
    /// At most once in so many milliseconds.
    pub fn new(every_ms: u32) -> Throttle {
        Throttle {
            every_ms,
            last_ms: Cell::new(None),
            timer: RefCell::new(None),
        }
    }

    /// Whether it may be done now. If not, `later` is called when it may.
    pub fn lets_through(&self, later: impl FnOnce() + 'static) -> bool {
        if self.timer.borrow().is_some() {
            return false;
        }
        let passed_ms = self.last_ms.get().map(|last_ms| {
            let passed_ms = now().mono_ms.saturating_sub(last_ms);
            u32::try_from(passed_ms).unwrap_or(u32::MAX)
        });
        let wait_ms = passed_ms.map_or(0, |passed_ms| self.every_ms.saturating_sub(passed_ms));
        if wait_ms > 0 {
            *self.timer.borrow_mut() = Some(Timeout::new(wait_ms, later));
        }
        wait_ms == 0
    }

    /// It is done now.
    pub fn done(&self) {
        self.timer.borrow_mut().take();
        self.last_ms.set(Some(now().mono_ms));
    }
}
