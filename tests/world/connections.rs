//! The browser's connections to the server: a request beyond them waits in the browser, while its
//! time limit runs.

use std::collections::VecDeque;

use super::World;
use super::driver::Driver;
use super::network::Sending;

#[derive(Default)]
pub struct Connections {
    /// How many there are, for all tabs together; `None` for more than are ever needed.
    pub most: Option<usize>,
    /// The requests that wait for one, in order.
    waiting: VecDeque<Sending>,
}

impl<D: Driver> World<D> {
    /// Gives the request a connection, as soon as there is one.
    pub fn connect(&mut self, sending: Sending) {
        if self.connections.most.is_none() {
            return D::send(self, sending);
        }
        let (tab, limit_ms) = (sending.tab, sending.limit_at_ms - self.now.mono_ms);
        self.note(|| format!("    tab{tab} waits for a connection"));
        self.plan_loss(limit_ms, &sending, true);
        self.connections.waiting.push_back(sending);
        self.use_free_connections();
    }

    /// Sends what has waited for a connection that is free by now.
    pub fn use_free_connections(&mut self) {
        let Some(most) = self.connections.most else {
            return;
        };
        let tabs = &self.tabs;
        let waits = |sending: &Sending| {
            let mut tabs = tabs.iter();
            tabs.any(|tab| tab.id == sending.tab && tab.waiting.contains(&sending.send))
        };
        self.connections.waiting.retain(waits);
        let now_ms = self.now.mono_ms;
        loop {
            let ordered: usize = self.tabs.iter().map(|tab| tab.waiting.len()).sum();
            let waiting = &mut self.connections.waiting;
            // The page of one that is too late stands still, and gives it up when it goes on.
            let next = waiting.iter().position(|next| now_ms < next.limit_at_ms);
            let Some(next) = next.filter(|_| ordered - waiting.len() < most) else {
                return;
            };
            if let Some(sending) = waiting.remove(next) {
                D::send(self, sending);
            }
        }
    }
}
