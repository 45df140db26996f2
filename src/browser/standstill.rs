//! A page that stood still: frozen, in a dialog, at a breakpoint, or just idle. In the task in which
//! it goes on, localStorage may still show what it showed before, whatever others have written
//! meanwhile (measured in Chromium: a charge that another tab had made was not there).

use std::cell::Cell;

use gloo_timers::future::TimeoutFuture;

use super::clock::now;
use super::lock;
use crate::core::clock::Now;

/// What takes longer may have been a standstill, in milliseconds.
const STANDSTILL_MS: u64 = 500;

/// How often the browser is asked, and a task waited for, until the page has caught up.
const TURNS: u32 = 3;

/// Whether this page has stood still, and has not caught up since.
#[derive(Debug)]
pub struct Standstill {
    last: Cell<Now>,
    is_behind: Cell<bool>,
}

impl Standstill {
    /// The page may have stood still before now.
    pub fn new() -> Standstill {
        Standstill {
            last: Cell::new(now()),
            is_behind: Cell::new(true),
        }
    }

    /// The page goes on.
    pub fn end(&self) {
        let (now, last) = (now(), self.last.get());
        let mono_ms = now.mono_ms.saturating_sub(last.mono_ms);
        let wall_ms = now.wall_ms.saturating_sub(last.wall_ms);
        if mono_ms.max(wall_ms) >= STANDSTILL_MS {
            self.is_behind.set(true);
        }
        self.last.set(now);
    }

    /// Whether it has stood still, and has not caught up since.
    pub fn is_behind(&self) -> bool {
        self.is_behind.get()
    }

    /// Waits, after a standstill, until what others have written is there: it comes with the tasks
    /// that wait for the page to go on. The browser's answer to one question may overtake them, as
    /// seen on a busy machine; none has been seen to come after the second turn.
    pub async fn catch_up(&self) {
        self.end();
        if self.is_behind.get() {
            for _ in 0..TURNS {
                lock::held("").await;
                TimeoutFuture::new(0).await;
            }
            self.is_behind.set(false);
            self.end();
        }
    }
}
