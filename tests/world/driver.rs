//! The driver of a world: decides wherever the world could go one way or the other.

use std::rc::Rc;

use tollbox::core::engine::{Answer, CallId, Notice, SendId};
use tollbox::core::journal::Op;
use tollbox::core::protocol::Response;
use tollbox::core::record::Record;
use tollbox::core::snapshot::Network;

use super::World;
use super::network::Sending;
use super::tab::TabId;

pub trait Driver: Sized {
    /// The happenings that only this driver plans.
    type Own;

    /// Requests that may leave after a loss, before a probe has shown its meaning: those of the
    /// other kind, and those of charges that are known to be lost by themselves.
    const SENDS_IN_DOUBT: u64;
    /// Whether tabs hear of the progress of each other's flushes, which is only shown.
    const FLUSHES_ARE_HEARD: bool;
    /// Whether tabs have to wait as long as a page asks that is not the server's own, within the
    /// longest backoff. Where many requests are under way, some may follow such a page.
    const FOREIGN_WAITS: bool;

    // ---- storage

    /// How long a transaction takes to commit.
    fn commit_ms(&mut self) -> u64;
    /// How long its tab takes to hear of that.
    fn committed_ms(&mut self) -> u64;
    /// Why this transaction fails, if it does.
    fn write_fault(world: &mut World<Self>, tab: TabId, ops: &[Op]) -> Option<String>;
    /// How long the writing of receipts is put off for what their callers ask for next, if it is.
    fn gathers_ms(&mut self) -> Option<u64> {
        None
    }
    /// How long the reading of the journal takes.
    fn load_ms(&mut self) -> u64;
    /// Why the journal can't be read, if it can't.
    fn read_fault(&mut self) -> Option<String>;
    /// How many of so many records its tab hears of ahead of the others, and how long ahead, if
    /// any.
    fn page(&mut self, _records: usize) -> Option<(usize, u64)> {
        None
    }
    /// How long the mark of a sign-out takes to be written.
    fn mark_ms(&mut self) -> u64;
    /// Why the mark can't be written, if it can't.
    fn mark_fault(world: &mut World<Self>) -> Option<String>;
    /// How long localStorage lags behind in another process.
    fn lag_ms(&mut self) -> u64 {
        0
    }

    // ---- other tabs

    /// Whether the browser has locks for the tabs.
    fn has_lock(&self) -> bool {
        true
    }
    /// Whether tabs can know which of them live.
    fn knows_the_living(&self) -> bool;
    /// How long until another tab hears of something; `None` if it never does.
    fn announcement_ms(&mut self) -> Option<u64>;
    /// Whether several tabs may be open at once.
    fn opens_several(&self) -> bool;

    // ---- the network

    /// A tab orders this request, which has been checked and is waited for.
    fn send(world: &mut World<Self>, sending: Sending);
    /// Its token, for which the driver has let it wait, is there.
    fn depart(_world: &mut World<Self>, _sending: Sending) {}
    /// It reaches the server. `heard` tells whether its client hears of this copy's answer.
    fn arrive(world: &mut World<Self>, sending: &Rc<Sending>, heard: bool);
    /// Whether some keys have two spellings, under both of which they are looked up.
    fn spells_keys_twice(&self) -> bool;
    /// Whether the loss of this request may look like an outage, as a filter's does not.
    fn may_seem_an_outage(&mut self, _tab: TabId, _send: SendId) -> bool {
        true
    }

    // ---- what follows

    /// A happening of its own is due.
    fn happen(world: &mut World<Self>, own: Self::Own);
    /// A tab has been told something, and its orders are carried out.
    fn told(_world: &mut World<Self>) {}
    /// A tab hears this answer.
    fn heard(_world: &mut World<Self>, _place: usize, _send: SendId, _response: &Response) {}
    /// A call has been answered.
    fn resolved(_world: &mut World<Self>, _call: CallId, _answer: Answer) {}
    /// A tab's listeners are told something.
    fn noticed(_world: &mut World<Self>, _tab: TabId, _notice: &Notice) {}
    /// A tab shows that its server is, or is no longer, to be reached.
    fn shows_network(_world: &mut World<Self>, _place: usize, _network: Network) {}
    /// A record has left the journal.
    fn deleted(_world: &mut World<Self>, _record: Record) {}
    /// The attempt to write the mark of a sign-out is over.
    fn left_mark(_world: &mut World<Self>) {}
    /// A tab dies.
    fn dies(_world: &mut World<Self>, _place: usize) {}
    /// A tab has closed.
    fn closed(_world: &mut World<Self>, _place: usize) {}
    /// The world ends.
    fn ends(_world: &mut World<Self>) {}
    /// A promise is broken.
    fn violated(_world: &World<Self>) {}
}
