//! Requests to the server: which may leave, which are on their way, and the effect of answers
//! without a verdict on the gate, the token and the batches.

mod batching;
mod plan;
mod sent;
mod slots;
mod token;

use self::batching::Batching;
pub(super) use self::plan::Plan;
pub(super) use self::sent::{Sent, SentWhat};
use self::slots::HOLD_SLOTS;
pub(super) use self::slots::{Slot, Slots};
use self::token::{Token, Unauthorized};
use super::bulletin::Bulletin;
use super::context::Context;
use super::server_holds::HOLD_FOR_S;
use super::{Effect, SendId};
use crate::core::alert::AlertKind;
use crate::core::charge::Key;
use crate::core::clock::Now;
use crate::core::config::LAUNCH_WITHIN_MS;
use crate::core::log::Level;
use crate::core::network::{Asked, Gate, Way};
use crate::core::ordered::Map;
use crate::core::outbox::{Entry, Outbox};
use crate::core::protocol::{Request, Response, Setback, SetbackKind};
use crate::core::reason::OpenReason;
use crate::core::record::Purpose;
use crate::core::server_clock::{ServerClock, Sign};
use crate::core::text::Message;

/// The values of [`Wire::distrust`], lowest first.
const DISTRUST: [(bool, bool); 4] = [(false, false), (false, true), (true, false), (true, true)];

/// The requests of one client.
#[derive(Debug)]
pub(super) struct Wire {
    gate: Gate,
    token: Token,
    sent: Map<SendId, Sent>,
    slots: Slots,
    batching: Batching,
    server_clock: ServerClock,
    last_send: SendId,
    /// The charge last sent to find out whether the server is alive.
    last_trial: Option<Key>,
    /// Whether an item of the last answer to charges was not the billing server's, so that its
    /// source proves nothing.
    foreign: bool,
}

impl Wire {
    pub(super) fn new(online: bool) -> Wire {
        Wire {
            gate: Gate::new(online),
            token: Token::default(),
            sent: Map::new(),
            slots: Slots::default(),
            batching: Batching::default(),
            server_clock: ServerClock::default(),
            last_send: 0,
            last_trial: None,
            foreign: false,
        }
    }

    /// The state of the network, the server's holds and the token.
    pub(super) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// The same, for reports from outside of requests.
    pub(super) fn gate_mut(&mut self) -> &mut Gate {
        &mut self.gate
    }

    pub(super) fn slots(&self) -> &Slots {
        &self.slots
    }

    // ---- sending

    /// Whether one more request about a hold may be under way.
    pub(super) fn has_slot_for_hold(&self) -> bool {
        let sent = self.sent.values();
        sent.filter(|sent| sent.is_about_hold()).count() < HOLD_SLOTS
            || defect!(HoldsTakeAllConnections)
    }

    /// Whether the balance may be requested now. While a new token is on trial, requests go one at
    /// a time.
    pub(super) fn may_ask(&self, now: Now) -> bool {
        self.gate.closed_for(now).is_none() && self.may_try_token()
    }

    /// Whether a request of this way may be claimed now, if anything may. On trial, or with a new
    /// token to be tried, requests go one at a time.
    pub(super) fn may_begin(&self, now: Now, way: Way) -> bool {
        self.gate.closed_to(way, now).is_none()
            && self.may_try_token()
            && (!self.gate.is_on_trial(way) || self.is_alone(way))
    }

    /// As [`Wire::may_begin`], for this charge.
    pub(super) fn may_begin_for(&self, now: Now, way: Way, key: &Key, outbox: &Outbox) -> bool {
        self.may_begin(now, way) && !self.holds_back(now, key, outbox)
    }

    /// Whether this charge has to wait, whatever may be requested about others.
    pub(super) fn holds_back(&self, now: Now, key: &Key, outbox: &Outbox) -> bool {
        self.gate.holds_suspects(now) && self.is_suspect(key, outbox)
    }

    /// Whether no new token is on trial, or this request can try it alone.
    pub(super) fn may_try_token(&self) -> bool {
        let alone = self.slots.are_all_free() && self.sent.is_empty();
        !self.token.is_stale() || alone
    }

    /// Whether a new token was requested and its acceptance is unknown.
    pub(super) fn waits_for_token(&self) -> bool {
        self.token.is_stale() && !self.sent.is_empty()
    }

    /// Whether nothing is under way whose end could be taken for the trial's.
    fn is_alone(&self, way: Way) -> bool {
        match self.gate.is_trial_of_life() {
            true => self.slots.are_all_free(),
            false => !self.slots.any_of(way),
        }
    }

    /// Whether requests of any way go one at a time.
    pub(super) fn is_on_trial(&self) -> bool {
        self.gate.is_on_trial(Way::Sending) || self.gate.is_on_trial(Way::LookUp)
    }

    /// These due charges in the order in which they are to be tried: as they come, but during a
    /// trial those with the most telling end first.
    pub(super) fn in_order<'a>(
        &'a self,
        due: impl Iterator<Item = &'a (u64, Key)> + Clone + 'a,
        outbox: &'a Outbox,
    ) -> impl Iterator<Item = &'a (u64, Key)> + 'a {
        let ranks = match self.is_on_trial() {
            true => DISTRUST.len(),
            false => 1,
        };
        // Few are tried during a trial, so that a search is less work than a sort.
        DISTRUST.into_iter().take(ranks).flat_map(move |rank| {
            let due = due.clone();
            due.filter(move |(_, key)| self.distrust(key, outbox) == rank)
        })
    }

    /// On a trial of life, a charge already in doubt is sent again, alternating with another one,
    /// since it may be the cause. Otherwise charges come first that have not been lost while the
    /// server was alive.
    pub(super) fn distrust(&self, key: &Key, outbox: &Outbox) -> (bool, bool) {
        if !self.is_on_trial() {
            return (false, false);
        }
        let entry = outbox.get(key);
        let in_doubt = entry.is_some_and(|entry| entry.record.may_have_left());
        match self.gate.is_trial_of_life() {
            true => (self.last_trial.as_ref() == Some(key), !in_doubt),
            false => (self.is_suspect(key, outbox), false),
        }
    }

    /// Whether a request about this charge was lost although the server was alive, so that the next
    /// loss says little of the others.
    fn is_suspect(&self, key: &Key, outbox: &Outbox) -> bool {
        let lost_at_ms = outbox.get(key).and_then(|entry| entry.lost_at_ms);
        lost_at_ms.is_some_and(|at_ms| self.gate.has_lived_since(at_ms))
            && !defect!(EveryLossClosesGate)
    }

    fn any_suspect(&self, sent: &Sent, outbox: &Outbox) -> bool {
        let mut charges = sent.charges().iter();
        charges.any(|charge| self.is_suspect(&charge.key, outbox))
    }

    /// Maximum number of charges in a batch.
    pub(super) fn batch_size(&self, cx: &Context) -> usize {
        self.batching.size(cx.config.batch_size)
    }

    /// Creates a plan, which takes its slot from now on.
    pub(super) fn plan(&mut self, now: Now, purpose: Purpose, slot: Slot) -> Plan {
        let id = self.next_send();
        self.slots.take(id, slot, purpose);
        Plan {
            purpose,
            id,
            keys: Vec::new(),
            since_ms: now.mono_ms,
            passes: false,
        }
    }

    pub(super) fn next_send(&mut self) -> SendId {
        self.last_send = self.last_send.saturating_add(1);
        self.last_send
    }

    /// Frees the slot of this plan or request, which has ended.
    pub(super) fn leave_slot(&mut self, id: SendId) -> Option<Slot> {
        self.slots.leave(id)
    }

    /// Why a plan with committed claims is not sent: the gate has closed since, or its claims may
    /// not last as long as the request.
    pub(super) fn may_not_launch(
        &self,
        now: Now,
        plan: &Plan,
        outbox: &Outbox,
        cx: &Context,
    ) -> Option<OpenReason> {
        if self.waits_for_token() {
            return Some(OpenReason::Unauthorized);
        }
        // A request within its claim does not outlive its key either, which was checked for the
        // length of the claim.
        let needed_until_ms = now.wall_after(cx.config.under_way_ms());
        let claims = plan.keys.iter().filter_map(|key| {
            let entry = outbox.get(key)?;
            entry.record.claim().map(|claim| claim.until_ms)
        });
        let too_late = now.mono_ms.saturating_sub(plan.since_ms) > LAUNCH_WITHIN_MS;
        if too_late
            || claims
                .min()
                .is_some_and(|until_ms| until_ms < needed_until_ms)
        {
            return Some(OpenReason::Timeout);
        }
        match plan.passes && self.gate.lets_pass() {
            true => None,
            false => self.gate.closed_to(Way::of(plan.purpose), now),
        }
    }

    /// Sends a plan.
    pub(super) fn launches(&mut self, plan: &Plan) {
        if self.gate.is_trial_of_life() {
            self.last_trial = plan.keys.first().cloned();
        }
    }

    /// Orders a request to be sent; `known` is the version of the known balance.
    pub(super) fn send(
        &mut self,
        now: Now,
        send: SendId,
        what: SentWhat,
        known: Option<u64>,
        cx: &mut Context,
    ) {
        let request = match &what {
            SentWhat::Charge { charge } => Request::charge(charge),
            SentWhat::Batch { charges } => Request::batch(charges.iter()),
            SentWhat::LookUp { charge, spelling } => Request::look_up(&charge.key, *spelling),
            // Unique to this request: the tab's name is unique among all tabs and starts.
            SentWhat::Balance { etag } => {
                Request::balance(etag.as_deref(), &format!("{}.{send}", cx.tab))
            }
            SentWhat::Hold { charge } => Request::hold(charge, HOLD_FOR_S),
            SentWhat::Release { key } => Request::release(key),
        };
        let request = request.on_behalf_of(&cx.account);
        #[cfg(feature = "defects")]
        let request = crate::core::defects::request(request, &cx.tab, send);
        cx.log(now, Level::Debug, &Message::Leaves(request.to_string()));
        let refreshed = self.token.is_stale();
        self.sent.insert(
            send,
            Sent {
                what,
                epoch: self.token.epoch(),
                refreshed,
                left_at_ms: now.mono_ms,
                on_trial: self.gate.is_trial_of_life(),
                known,
            },
        );
        cx.push(Effect::Send {
            send,
            request,
            refresh_token: refreshed,
            time_limit_ms: cx.config.request_timeout_ms,
        });
    }

    // ---- answers

    /// A request has come to an end.
    pub(super) fn ended(&mut self, send: SendId) -> Option<Sent> {
        self.sent.remove(&send)
    }

    /// Drops all requests on their way: their answers will go unheard.
    pub(super) fn drop_all(&mut self) -> Vec<Sent> {
        let sent = std::mem::take(&mut self.sent).into_iter();
        sent.map(|(_, sent)| sent).collect()
    }

    /// A charge was answered, by the server or something else.
    pub(super) fn answered_charge(&mut self) {
        self.foreign = false;
    }

    /// An item of a batch's answer was not the billing server's.
    pub(super) fn item_is_foreign(
        &mut self,
        now: Now,
        setback: &Setback,
        bulletin: &mut Bulletin,
        cx: &mut Context,
    ) {
        self.foreign = true;
        alert_foreign(now, setback, bulletin, cx);
    }

    /// Learns the server's clock from its own answer.
    pub(super) fn learn_clock(&mut self, now: Now, sent: &Sent, response: &Response) {
        self.server_clock.learn_from(response, sent.left_at_ms, now);
    }

    /// Whether an answer shows that the server is alive, or may be a cache's.
    pub(super) fn judge(&mut self, now: Now, sent: &Sent, response: &Response) -> Sign {
        self.server_clock.judge(response, sent.left_at_ms, now)
    }

    /// Losses of charges make it doubtful that an outage is over.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.foreign || self.gate.is_in_trouble(Way::Sending)
    }

    /// A batch of this many charges was answered.
    pub(super) fn batch_answered(&mut self, charges: usize) {
        self.batching.answered(charges);
    }

    /// Batches are not supported, according to the server itself or to a foreign page; in the
    /// latter case the fate of the charges is unknown.
    pub(super) fn batch_unsupported(&mut self, now: Now, own_word: bool, cx: &mut Context) {
        self.batching.unsupported(own_word);
        if !own_word {
            let (backoff, jitter) = (&cx.config.backoff, &mut cx.jitter);
            self.gate.doubt(Way::Sending, now, backoff, jitter);
        }
    }

    /// A batch of this many charges was too large.
    pub(super) fn batch_too_large(&mut self, charges: usize) {
        self.batching.too_large(charges);
    }

    /// An outage is over.
    pub(super) fn recovered(&mut self) {
        self.batching.recovered();
    }

    /// There is no token for a request.
    pub(super) fn no_token(&mut self, now: Now, cx: &mut Context) {
        self.gate.no_token(now, &cx.config.backoff, &mut cx.jitter);
    }

    /// Updates the gate and the token from an answer without a verdict. Returns the delay of the
    /// next attempt, unless the charge's own backoff decides it.
    pub(super) fn set_back(
        &mut self,
        now: Now,
        sent: &Sent,
        setback: &Setback,
        outbox: &mut Outbox,
        bulletin: &mut Bulletin,
        cx: &mut Context,
    ) -> Option<u64> {
        let asked = sent.asked();
        match (setback.kind, asked) {
            (SetbackKind::Unauthorized, _) => {
                if self.token.unauthorized(sent) == Unauthorized::Rejected {
                    self.token_rejected(now, asked, outbox, cx);
                    let message = Message::TokenRejected(setback.detail.clone());
                    bulletin.raise(now, AlertKind::Unauthorized, message, cx);
                }
                return Some(0);
            }
            (SetbackKind::AnotherAccount, _) => {
                self.account_rejected(now, asked, outbox, cx);
                let message = Message::AnotherAccount(setback.detail.clone());
                bulletin.raise(now, AlertKind::Unauthorized, message, cx);
                return Some(0);
            }
            (SetbackKind::Busy, _) if setback.untaken => {
                let (backoff, jitter) = (&cx.config.backoff, &mut cx.jitter);
                self.gate.busy(setback.retry_after, now, backoff, jitter);
                self.server_failed(now, asked, outbox, cx);
                return Some(self.hold_ms(now));
            }
            (SetbackKind::Busy, _) => {
                let (backoff, jitter) = (&cx.config.backoff, &mut cx.jitter);
                self.gate
                    .held_by_another(setback.retry_after, now, backoff, jitter);
                self.not_answered(now, sent, outbox, cx);
                return Some(self.hold_ms(now));
            }
            (SetbackKind::InProgress, _) if setback.own_word => {
                self.server_answered(now, sent, outbox, bulletin);
            }
            // The server is alive, but may have failed before it checked the token.
            (SetbackKind::ServerError, _) if setback.own_word => {
                self.server_failed(now, asked, outbox, cx);
            }
            // Something in front of the server, which says nothing of the server.
            (SetbackKind::TooLarge, Asked::By(_)) => {}
            (SetbackKind::Foreign(wrong), Asked::Probe) if wrong.is_a_slip() => {
                alert_foreign(now, setback, bulletin, cx);
                self.probe_answered(now, Sign::Possible, false, outbox, cx);
            }
            (SetbackKind::Foreign(_), Asked::By(way)) => {
                alert_foreign(now, setback, bulletin, cx);
                self.note_lost(now, sent, outbox);
                let (backoff, jitter) = (&cx.config.backoff, &mut cx.jitter);
                self.gate.doubt(way, now, backoff, jitter);
            }
            (SetbackKind::Foreign(_), Asked::Probe) => {
                alert_foreign(now, setback, bulletin, cx);
                self.not_answered(now, sent, outbox, cx);
            }
            (
                SetbackKind::InProgress
                | SetbackKind::ServerError
                | SetbackKind::GaveUp
                | SetbackKind::TooLarge,
                _,
            ) => self.not_answered(now, sent, outbox, cx),
        }
        None
    }

    fn hold_ms(&self, now: Now) -> u64 {
        self.gate.hold_ends_at().saturating_sub(now.mono_ms)
    }

    /// The server itself says that the balance or a charge is another account's.
    fn account_rejected(&mut self, now: Now, asked: Asked, outbox: &Outbox, cx: &mut Context) {
        let (backoff, jitter) = (&cx.config.backoff, &mut cx.jitter);
        match asked {
            Asked::Probe => {
                let open = outbox.open() > 0;
                self.gate.account_rejected(open, now, backoff, jitter);
            }
            Asked::By(way) => self.gate.token_rejected(way, now, backoff, jitter),
        }
    }

    /// A new token was rejected.
    fn token_rejected(&mut self, now: Now, asked: Asked, outbox: &Outbox, cx: &mut Context) {
        match asked {
            // A rejected balance request says nothing of charges, whose own requests will show it.
            Asked::Probe => self.probe_answered(now, Sign::Possible, false, outbox, cx),
            Asked::By(way) => {
                let (backoff, jitter) = (&cx.config.backoff, &mut cx.jitter);
                self.gate.token_rejected(way, now, backoff, jitter);
            }
        }
    }

    /// The billing server itself answered, perhaps without checking the token.
    fn server_failed(&mut self, now: Now, asked: Asked, outbox: &Outbox, cx: &mut Context) {
        match asked {
            Asked::Probe => self.probe_answered(now, Sign::Possible, false, outbox, cx),
            Asked::By(way) => self.gate.answered_with_error(way, now),
        }
    }

    /// Evaluates a probe's answer.
    fn probe_answered(
        &mut self,
        now: Now,
        sign: Sign,
        accepted: bool,
        outbox: &Outbox,
        cx: &mut Context,
    ) {
        let open = outbox.open() > 0;
        let (backoff, jitter) = (&cx.config.backoff, &mut cx.jitter);
        self.gate
            .probe_answered(sign, accepted, open, now, backoff, jitter);
    }

    /// The server did not answer this, or something else did. If requests about the same charge
    /// were lost before while the server was alive, that is no sign of an outage.
    pub(super) fn not_answered(
        &mut self,
        now: Now,
        sent: &Sent,
        outbox: &mut Outbox,
        cx: &mut Context,
    ) {
        let suspect = self.any_suspect(sent, outbox);
        self.note_lost(now, sent, outbox);
        let (backoff, jitter) = (&cx.config.backoff, &mut cx.jitter);
        match suspect {
            true => self.gate.suspect_lost(now, backoff, jitter),
            false => self.gate.lost(sent.asked(), now, backoff, jitter),
        }
        if sent.asked() == Asked::Probe {
            self.blame_outage(outbox);
        }
    }

    /// A probe is lost, too: what this outage has cost charges at their first attempt says nothing
    /// of them. They go along with the others when the server is back.
    fn blame_outage(&self, outbox: &mut Outbox) {
        let first = |entry: &&Entry| {
            let lost_at_ms = entry.lost_at_ms;
            lost_at_ms.is_some_and(|at_ms| !self.gate.has_lived_since(at_ms))
                && entry.record.attempts() <= 1
        };
        let lost = outbox.iter().filter(first);
        let keys: Vec<Key> = lost
            .map(|entry| entry.record.charge().key.clone())
            .collect();
        for key in keys {
            outbox.update(&key, |entry| {
                entry.lost_at_ms = None;
                entry.alone = key.is_spelt_otherwise();
            });
        }
    }

    fn note_lost(&mut self, now: Now, sent: &Sent, outbox: &mut Outbox) {
        for charge in sent.charges() {
            outbox.update(&charge.key, |entry| entry.lost_at_ms = Some(now.mono_ms));
        }
        match &sent.what {
            SentWhat::Batch { charges } => self.batching.lost(charges.len()),
            // The charge itself may be the cause, so it is kept out of batches.
            SentWhat::Charge { charge } => {
                outbox.update(&charge.key, |entry| entry.alone = true);
            }
            SentWhat::LookUp { .. }
            | SentWhat::Balance { .. }
            | SentWhat::Hold { .. }
            | SentWhat::Release { .. } => {}
        }
    }

    /// The billing server itself answered a request about charges, and accepted the token.
    pub(super) fn server_answered(
        &mut self,
        now: Now,
        sent: &Sent,
        outbox: &Outbox,
        bulletin: &mut Bulletin,
    ) {
        self.token.accepted(sent);
        if self.any_suspect(sent, outbox) {
            self.gate.suspect_answered();
        }
        if let Asked::By(way) = sent.asked() {
            self.gate.answered(way, now);
        }
        if !self.is_any_way_rejected() {
            bulletin.end(AlertKind::Unauthorized);
        }
    }

    /// The balance was reported, by the server or by a cache.
    pub(super) fn balance_told(
        &mut self,
        now: Now,
        sent: &Sent,
        sign: Sign,
        outbox: &Outbox,
        bulletin: &mut Bulletin,
        cx: &mut Context,
    ) {
        self.probe_answered(now, sign, true, outbox, cx);
        // Where the token was rejected for charges, it has still to be accepted for them.
        if sign != Sign::Cached && !self.is_any_way_rejected() {
            self.token.accepted(sent);
            bulletin.end(AlertKind::Unauthorized);
        }
    }

    fn is_any_way_rejected(&self) -> bool {
        self.gate.is_rejected(Way::Sending) || self.gate.is_rejected(Way::LookUp)
    }
}

fn alert_foreign(now: Now, setback: &Setback, bulletin: &mut Bulletin, cx: &mut Context) {
    let message = Message::Of(setback.detail.clone());
    bulletin.raise(now, AlertKind::NetworkLost, message, cx);
}
