//! One timer for all requests: most of them end long before their time is up. It outlives them as
//! long as a client is open, whose next request then finds it set.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use gloo_timers::callback::Timeout;

use super::End;
use crate::browser::clock::now;

thread_local! {
    static ALARM: RefCell<Alarm> = RefCell::new(Alarm::default());
}

#[derive(Default)]
struct Alarm {
    /// When each ends, monotonic, if it still goes on then.
    ends: Vec<(u64, Weak<End>)>,
    /// The timer, and when it fires; monotonic.
    timer: Option<(u64, Timeout)>,
    /// How many clients are open.
    users: usize,
}

/// An open client, which may send requests.
#[derive(Debug)]
pub struct AlarmUser(());

impl AlarmUser {
    /// A client is opened.
    pub fn register() -> AlarmUser {
        ALARM.with_borrow_mut(|alarm| alarm.users = alarm.users.saturating_add(1));
        AlarmUser(())
    }
}

impl Drop for AlarmUser {
    fn drop(&mut self) {
        ALARM.with_borrow_mut(|alarm| {
            alarm.users = alarm.users.saturating_sub(1);
            alarm.rest();
        });
    }
}

impl Drop for End {
    fn drop(&mut self) {
        ALARM.with_borrow_mut(Alarm::rest);
    }
}

/// Ends the request at this time; monotonic.
pub(super) fn set(end: &Rc<End>, at_ms: u64) {
    ALARM.with_borrow_mut(|alarm| {
        alarm.ends.retain(|(_, end)| end.strong_count() > 0);
        alarm.ends.push((at_ms, Rc::downgrade(end)));
        alarm.arm();
    });
}

/// The timer has stood still with its page, and would fire as much later.
pub fn renew_alarm() {
    ALARM.with_borrow_mut(|alarm| {
        alarm.timer = None;
        alarm.arm();
    });
}

fn fired() {
    let now_ms = now().mono_ms;
    let due = ALARM.with_borrow_mut(|alarm| {
        alarm.timer = None;
        let (due, ends) = std::mem::take(&mut alarm.ends)
            .into_iter()
            .partition(|(at_ms, _)| *at_ms <= now_ms);
        alarm.ends = ends;
        alarm.arm();
        let due: Vec<(u64, Weak<End>)> = due;
        due
    });
    // Whoever listens may send other requests meanwhile.
    for (_, end) in due {
        if let Some(end) = end.upgrade() {
            end.come();
        }
    }
}

impl Alarm {
    /// Lets go of the timer where nobody needs it, now or soon.
    fn rest(&mut self) {
        if self.users == 0 && self.ends.iter().all(|(_, end)| end.strong_count() == 0) {
            self.ends.clear();
            self.timer = None;
        }
    }

    fn arm(&mut self) {
        let going_on = self.ends.iter().filter(|(_, end)| end.strong_count() > 0);
        let Some(at_ms) = going_on.map(|(at_ms, _)| *at_ms).min() else {
            return;
        };
        if self
            .timer
            .as_ref()
            .is_some_and(|(fires_ms, _)| *fires_ms <= at_ms)
        {
            return;
        }
        let wait_ms = at_ms.saturating_sub(now().mono_ms).min(i32::MAX as u64);
        let timer = Timeout::new(u32::try_from(wait_ms).unwrap_or(u32::MAX), fired);
        self.timer = Some((at_ms, timer));
    }
}
