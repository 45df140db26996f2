//! The schedule: what is to happen, by time, and at one time in the order of planning.

use std::collections::BTreeMap;

pub struct Schedule<H> {
    happenings: BTreeMap<(u64, u64), H>,
    planned: u64,
}

impl<H> Default for Schedule<H> {
    fn default() -> Schedule<H> {
        Schedule {
            happenings: BTreeMap::new(),
            planned: 0,
        }
    }
}

impl<H> Schedule<H> {
    pub fn plan(&mut self, at_ms: u64, happening: H) {
        self.planned += 1;
        self.happenings.insert((at_ms, self.planned), happening);
    }

    /// Plans it after all else of that moment.
    pub fn plan_last(&mut self, at_ms: u64, happening: H) {
        self.happenings.insert((at_ms, u64::MAX), happening);
    }

    pub fn next_ms(&self) -> Option<u64> {
        self.happenings
            .first_key_value()
            .map(|((at_ms, _), _)| *at_ms)
    }

    pub fn pop(&mut self) -> Option<H> {
        self.happenings.pop_first().map(|(_, happening)| happening)
    }

    /// Takes out the first that matches.
    pub fn take(&mut self, is: impl Fn(&H) -> bool) -> Option<H> {
        let (at, _) = self.happenings.iter().find(|(_, it)| is(it))?;
        let at = *at;
        self.happenings.remove(&at)
    }

    /// Takes out all that is planned for this time.
    pub fn take_all(&mut self, at_ms: u64) -> Vec<H> {
        let mut later = self.happenings.split_off(&(at_ms, 0));
        let after = match at_ms.checked_add(1) {
            Some(next_ms) => later.split_off(&(next_ms, 0)),
            None => BTreeMap::new(),
        };
        self.happenings.extend(after);
        later.into_values().collect()
    }

    pub fn any(&self, is: impl FnMut(&H) -> bool) -> bool {
        self.happenings.values().any(is)
    }

    pub fn is_empty(&self) -> bool {
        self.happenings.is_empty()
    }

    pub fn cancel(&mut self, is: impl Fn(&H) -> bool) {
        self.happenings.retain(|_, it| !is(it));
    }
}
