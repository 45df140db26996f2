//! The balance cache in localStorage, with its past: a crash may restore an earlier state.

use tollbox::core::balance::Confirmed;
use tollbox::core::session::Session;

#[derive(Clone, Default)]
pub struct Cache {
    /// Newest last.
    states: Vec<Option<(Session, Confirmed)>>,
}

impl Cache {
    pub fn write(&mut self, session: Session, confirmed: Option<Confirmed>) {
        self.states
            .push(confirmed.map(|confirmed| (session, confirmed)));
    }

    pub fn clear(&mut self) {
        self.states.push(None);
    }

    pub fn now(&self) -> Option<&Confirmed> {
        let newest = self.states.last()?.as_ref();
        newest.map(|(_, confirmed)| confirmed)
    }

    /// The balance, if it is this session's.
    pub fn of(&self, session: Session) -> Option<&Confirmed> {
        let newest = self.states.last()?.as_ref();
        newest
            .filter(|(its, _)| *its == session)
            .map(|(_, confirmed)| confirmed)
    }

    /// The number of states so far.
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Restores the state after so many writes.
    pub fn restore(&mut self, writes: usize) {
        self.states.truncate(writes);
    }
}
