//! The lock under which one tab flushes. It saves traffic; claims and keys give correctness.

use super::super::Effect;
use super::super::context::Context;

/// The lock under which one tab flushes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lock {
    #[default]
    None,
    Asked,
    /// Held by this tab, for one step.
    Held,
    /// Another tab has held it for as long as a claim lasts, and so is frozen. Until the flush ends
    /// claims alone keep tabs apart.
    Without,
}

impl Lock {
    pub fn ask(&mut self, cx: &mut Context) {
        *self = Lock::Asked;
        cx.push(Effect::AskLock);
    }

    /// A step is over.
    pub fn let_go(&mut self, cx: &mut Context) {
        match self {
            Lock::Held => {
                cx.push(Effect::ReleaseLock);
                *self = Lock::None;
            }
            Lock::None | Lock::Asked => *self = Lock::None,
            Lock::Without => {}
        }
    }

    /// The flush is over.
    pub(super) fn need_no_longer(&mut self) {
        if *self == Lock::Without {
            *self = Lock::None;
        }
    }
}
