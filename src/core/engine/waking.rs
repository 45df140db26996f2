//! Waking up: what makes a client look again, at the journal and at the network.

use super::{Engine, Life};
use crate::core::charge::Key;
use crate::core::clock::{ClockStep, Now};
use crate::core::journal::Op;
use crate::core::snapshot::Network;

/// How often a tab with open charges compares its clocks, in milliseconds.
const HEARTBEAT_MS: u64 = 5_000;

impl Engine {
    /// Compares the clocks. A machine that slept has waited long enough by whichever clock went
    /// on; a wall clock that was set back no longer tells how old a key is.
    pub(super) fn watch_clocks(&mut self, now: Now) {
        match self.clocks.look(now) {
            ClockStep::None => {}
            ClockStep::Ahead(by_ms) => self.slept(by_ms),
            ClockStep::Back if defect!(IgnoresClockSetBack) => {}
            ClockStep::Back => self.clock_set_back(),
        }
    }

    fn slept(&mut self, by_ms: u64) {
        self.wire.gate_mut().slept(by_ms);
        self.outbox.slept(by_ms);
        self.writer.slept(by_ms);
        self.balance.slept(by_ms);
        self.reader.slept(by_ms);
    }

    /// What is known here is known by the steadier clock; who comes later has the journal only.
    fn clock_set_back(&mut self) {
        self.reader.clock_set_back();
        self.lose_ages();
    }

    /// Notes of all that has no verdict that its age is not known.
    pub(super) fn lose_ages(&mut self) {
        let held = self.outbox.iter().map(|entry| &entry.record);
        let held = held.filter(|record| record.is_held() && !record.is_ageless());
        let keys: Vec<Key> = held.map(|record| record.charge().key.clone()).collect();
        for key in keys {
            self.writer.push_lasting(Op::LoseAge { key });
        }
    }

    /// When the clocks are compared next, though nothing happens; monotonic.
    pub(super) fn heartbeat_at_ms(&self) -> Option<u64> {
        let beats = self.outbox.open() > 0 && self.reads_by_itself();
        beats.then(|| self.last.after(HEARTBEAT_MS))
    }

    /// Whether it looks into the journal unasked: those who wait are answered after a sign-out, too.
    pub(super) fn reads_by_itself(&self) -> bool {
        match self.life {
            Life::Running | Life::SignedOut => true,
            Life::Recovering | Life::Closed => false,
        }
    }

    /// Whether there is something to be done here, or to be heard of from another tab.
    pub(super) fn is_busy(&self) -> bool {
        self.outbox.open() > 0 || self.tasks.any_elsewhere()
    }

    /// What failed because the server was out of reach is taken up when it no longer is.
    pub(super) fn notice_recovery(&mut self, now: Now) {
        let out_of_reach = self.wire.gate().is_out_of_reach();
        if self.was_out_of_reach && !out_of_reach {
            self.take_up_failed(now);
            self.wire.recovered();
        }
        self.was_out_of_reach = out_of_reach;
    }

    pub(super) fn load(&mut self) {
        self.reader.read(self.outbox.open(), &mut self.cx);
    }

    /// Reads the journal as it is from now on.
    pub(super) fn load_anew(&mut self) {
        self.reader.read_anew(self.outbox.open(), &mut self.cx);
    }

    pub(super) fn browser_says(&mut self, now: Now, online: bool) {
        let comes_back = online && self.wire.gate().network() == Network::Offline;
        self.wire.gate_mut().browser_says(online, now);
        if online {
            if comes_back && self.life == Life::Running {
                self.balance.need_when_seen(now);
            }
            self.load();
            if self.wire.gate().closed_for(now).is_none() {
                self.hurry_all(now);
            }
        }
        self.progress_all(now);
    }

    /// Nothing certain is said of an open charge before the journal has been read again.
    pub(super) fn woke(&mut self, now: Now) {
        self.wire.gate_mut().hurry(now);
        self.reader.woke(self.writer.begun());
        self.load_anew();
        self.tasks.woke(now, &self.outbox, &mut self.cx);
    }
}
