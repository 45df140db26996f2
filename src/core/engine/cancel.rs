//! Cancelling a charge: it is written first, and then looked up until the charge's fate is known.

use super::Life;
use super::calls::Call;
use super::context::Context;
use super::journal::{Store, Writer};
use crate::core::charge::Key;
use crate::core::journal::Op;
use crate::core::outbox::Entry;
use crate::core::record::State;

/// The state that decides how a charge is cancelled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cancel<'a> {
    pub(super) life: Life,
    pub(super) cx: &'a Context,
    pub(super) store: &'a Store,
    pub(super) writer: &'a Writer,
}

/// What a call that cancels a charge needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CancelStep {
    /// Its cancellation is being written.
    Wait,
    /// It is answered by the current state: the cancellation can't be written.
    Answer,
    /// Its cancellation is to be written.
    Write,
}

impl Cancel<'_> {
    /// Whether a cancellation of this charge has still to be written.
    pub(super) fn is_to_be_written(&self, entry: &Entry) -> bool {
        let settled = matches!(entry.record.state(), State::Settled(_));
        // A charge that is migrating from another storage is cancelled in the new one.
        let is_there = entry.saved || self.writer.is_to_adopt(&entry.record.charge().key);
        !settled && !entry.record.is_cancelling() && is_there
    }

    pub(super) fn step(&self, call: &Call) -> CancelStep {
        // Nothing is sent after a sign-out, but a cancellation can be written.
        let may_write = match self.life {
            Life::Running | Life::SignedOut => true,
            Life::Recovering | Life::Closed => false,
        };
        if !may_write || call.tries >= self.cx.config.max_attempts {
            return CancelStep::Answer;
        }
        match call.is_writing() {
            true => CancelStep::Wait,
            false => CancelStep::Write,
        }
    }

    pub(super) fn op(&self, key: &Key) -> Op {
        Op::Cancel {
            key: key.clone(),
            look_up_first: self.store.may_show_earlier_states(),
        }
    }
}
