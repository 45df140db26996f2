//! The way to the server: what may leave, what is on its way, and what answers without a verdict
//! mean for the gate, the token and the batches.

mod batching;
mod plan;
mod sent;
mod slots;
mod token;

use self::batching::Batching;
pub(super) use self::plan::Plan;
pub(super) use self::sent::{Sent, SentWhat};
pub(super) use self::slots::{Slot, Slots};
use self::token::{Token, Unauthorized};
use super::bulletin::Bulletin;
use super::context::Context;
use super::{Effect, SendId};
use crate::core::alert::AlertKind;
use crate::core::charge::Key;
use crate::core::clock::Now;
use crate::core::config::LAUNCH_WITHIN_MS;
use crate::core::liveness::{ServerClock, Sign};
use crate::core::log::Level;
use crate::core::network::{Asked, Gate, Way};
use crate::core::ordered::Map;
use crate::core::outbox::Outbox;
use crate::core::outcome::OpenReason;
use crate::core::protocol::{Request, Response, Setback, SetbackKind};
use crate::core::record::Purpose;

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
    /// The charge that last went to find out whether the server lives.
    last_trial: Option<Key>,
    /// The last answer to a charge was not the billing server's: what it answers to others ends
    /// nothing.
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

    /// What is known of the network, the server's patience and the token.
    pub(super) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// For what else than requests tells of them.
    pub(super) fn gate_mut(&mut self) -> &mut Gate {
        &mut self.gate
    }

    pub(super) fn slots(&self) -> &Slots {
        &self.slots
    }

    // ---- before

    /// Whether the balance may be asked for now. With a new token to be tried, one goes alone.
    pub(super) fn may_ask(&self, now: Now) -> bool {
        self.gate.closed_for(now).is_none() && self.may_try_token()
    }

    /// Whether a request of this way may be claimed now, if anything may. On trial, one goes alone;
    /// with a new token to be tried, too.
    pub(super) fn may_begin(&self, now: Now, way: Way) -> bool {
        self.gate.closed_to(way, now).is_none()
            && self.may_try_token()
            && (!self.gate.is_on_trial(way) || self.is_alone(way))
    }

    /// As [`Wire::may_begin`], of this charge.
    pub(super) fn may_begin_for(&self, now: Now, way: Way, key: &Key, outbox: &Outbox) -> bool {
        let held = self.gate.holds_suspects(now) && self.is_suspect(key, outbox);
        self.may_begin(now, way) && !held
    }

    /// Whether no new token is to be tried, or this one can be tried alone.
    pub(super) fn may_try_token(&self) -> bool {
        let alone = self.slots.are_all_free() && self.sent.is_empty();
        !self.token.is_stale() || alone
    }

    /// Whether a new token was asked for, and nobody knows yet whether it is accepted.
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

    /// The charges that are due, in order; while something is on trial, first those whose end
    /// tells most.
    pub(super) fn due_in_order(&self, now: Now, outbox: &Outbox) -> Vec<Key> {
        let mut due = outbox.due(now);
        let on_trial = self.gate.is_on_trial(Way::Sending) || self.gate.is_on_trial(Way::LookUp);
        if on_trial {
            due.sort_by_key(|key| self.distrust(key, outbox));
        }
        due
    }

    /// On a trial of life, one that is in doubt already goes again, in turn with another one: that
    /// one may be the cause. Else whatever has not been lost while the server lived.
    fn distrust(&self, key: &Key, outbox: &Outbox) -> (bool, bool) {
        let entry = outbox.get(key);
        let lost = entry.is_some_and(|entry| entry.lost_at_ms.is_some());
        match self.gate.is_trial_of_life() {
            true => (self.last_trial.as_ref() == Some(key), !lost),
            false => (self.is_suspect(key, outbox), false),
        }
    }

    /// Whether a request about this charge was lost although the server lived: the next loss says
    /// little of the others.
    fn is_suspect(&self, key: &Key, outbox: &Outbox) -> bool {
        let lost_at_ms = outbox.get(key).and_then(|entry| entry.lost_at_ms);
        lost_at_ms.is_some_and(|at_ms| self.gate.has_lived_since(at_ms))
            && !defect!(EveryLossClosesGate)
    }

    fn any_suspect(&self, sent: &Sent, outbox: &Outbox) -> bool {
        let mut charges = sent.charges().iter();
        charges.any(|charge| self.is_suspect(&charge.key, outbox))
    }

    /// Charges that may leave together.
    pub(super) fn batch_size(&self, cx: &Context) -> usize {
        self.batching.size(cx.config.batch_size)
    }

    /// A plan that takes its slot from now on.
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

    /// Whatever this plan or request was for has come to an end.
    pub(super) fn leave_slot(&mut self, id: SendId) -> Option<Slot> {
        self.slots.leave(id)
    }

    /// Why a plan whose claims are written down is not sent: the gate has closed since, or its
    /// claims may not last as long as the request.
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
        // Nor does what is within its claim outlive its key, which was looked at for as long as
        // the claim lasts.
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

    /// A plan leaves.
    pub(super) fn launches(&mut self, plan: &Plan) {
        if self.gate.is_trial_of_life() {
            self.last_trial = plan.keys.first().cloned();
        }
    }

    /// Orders a request to be sent; `known` is the version of the balance that is known.
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
            // What only this request's query says: the tab's name is its alone, among all starts
            // too.
            SentWhat::Balance { etag } => {
                Request::balance(etag.as_deref(), &format!("{}.{send}", cx.tab))
            }
        };
        let request = request.on_behalf_of(&cx.account);
        #[cfg(feature = "defects")]
        let request = crate::core::defects::request(request, &cx.tab, send);
        cx.log(now, Level::Debug, request.to_string());
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

    // ---- after

    /// A request has come to an end.
    pub(super) fn ended(&mut self, send: SendId) -> Option<Sent> {
        self.sent.remove(&send)
    }

    /// Nobody will hear of what is on its way any more.
    pub(super) fn give_up_all(&mut self) -> Vec<Sent> {
        let sent = std::mem::take(&mut self.sent).into_iter();
        sent.map(|(_, sent)| sent).collect()
    }

    /// Something has answered a charge.
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

    /// The billing server's own answer shows its clock.
    pub(super) fn hear_clock(&mut self, now: Now, sent: &Sent, response: &Response) {
        self.server_clock.hear(response, sent.left_at_ms, now);
    }

    /// Whether an answer shows that the server lives, or may be a cache's.
    pub(super) fn judge(&mut self, now: Now, sent: &Sent, response: &Response) -> Sign {
        self.server_clock.judge(response, sent.left_at_ms, now)
    }

    /// What is known of charges makes it doubtful that an outage is over.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.foreign || self.gate.is_in_trouble(Way::Sending)
    }

    /// A batch of so many was answered.
    pub(super) fn batch_answered(&mut self, charges: usize) {
        self.batching.answered(charges);
    }

    /// No batches are taken; it is the server's own word, or somebody's page says so: what became of
    /// its charges nobody knows then.
    pub(super) fn batch_unsupported(&mut self, now: Now, own_word: bool, cx: &mut Context) {
        self.batching.unsupported(own_word);
        if !own_word {
            let (backoff, jitter) = (&cx.config.backoff, &mut cx.jitter);
            self.gate.doubt(Way::Sending, now, backoff, jitter);
        }
    }

    /// A batch of so many was too large.
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

    /// Draws the gate's and the token's conclusions from an answer without a verdict. Gives the
    /// delay of the next attempt where it is not for the charge's own backoff to say.
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
                if self.token.unauthorized(sent) == Unauthorized::Refused {
                    self.token_refused(now, asked, outbox, cx);
                    let detail = cx.say(
                        &format!("the server does not accept the token: {}", setback.detail),
                        &format!("服务器不接受令牌：{}", setback.detail),
                    );
                    bulletin.raise(now, AlertKind::Unauthorized, detail, cx);
                }
                return Some(0);
            }
            (SetbackKind::AnotherAccount, _) => {
                self.account_refused(now, asked, outbox, cx);
                let detail = cx.say(
                    &format!("another account is signed in: {}", setback.detail),
                    &format!("当前登录的是另一个账户：{}", setback.detail),
                );
                bulletin.raise(now, AlertKind::Unauthorized, detail, cx);
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
            // It is there, but may have failed before it looked at the token.
            (SetbackKind::ServerError, _) if setback.own_word => {
                self.server_failed(now, asked, outbox, cx);
            }
            // Something before the server: that says nothing of the server.
            (SetbackKind::TooLarge, Asked::By(_)) => {}
            (SetbackKind::Foreign(wrong), Asked::Probe) if wrong.is_a_slip() => {
                alert_foreign(now, setback, bulletin, cx);
                self.probe_answered(now, Sign::Possible, false, outbox, cx);
            }
            (SetbackKind::Foreign(_), Asked::By(way)) => {
                self.foreign |= way == Way::Sending;
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

    /// The balance, or a charge, is another account's, which is the server's own word.
    fn account_refused(&mut self, now: Now, asked: Asked, outbox: &Outbox, cx: &mut Context) {
        let (backoff, jitter) = (&cx.config.backoff, &mut cx.jitter);
        match asked {
            Asked::Probe => {
                let open = outbox.open() > 0;
                self.gate.account_refused(open, now, backoff, jitter);
            }
            Asked::By(way) => self.gate.refused(way, now, backoff, jitter),
        }
    }

    /// A new token was refused.
    fn token_refused(&mut self, now: Now, asked: Asked, outbox: &Outbox, cx: &mut Context) {
        match asked {
            // That the balance is not told says nothing of charges: they learn it themselves.
            Asked::Probe => self.probe_answered(now, Sign::Possible, false, outbox, cx),
            Asked::By(way) => {
                let (backoff, jitter) = (&cx.config.backoff, &mut cx.jitter);
                self.gate.refused(way, now, backoff, jitter);
            }
        }
    }

    /// The billing server itself answered, though it may not have looked at the token.
    fn server_failed(&mut self, now: Now, asked: Asked, outbox: &Outbox, cx: &mut Context) {
        match asked {
            Asked::Probe => self.probe_answered(now, Sign::Possible, false, outbox, cx),
            Asked::By(way) => self.gate.answered_with_error(way, now),
        }
    }

    /// Takes a probe's answer for what it is worth.
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

    /// The server did not answer this, or something else did. Where requests about the same
    /// charge were lost before while the server lived, that is no sign of an outage.
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
    }

    fn note_lost(&mut self, now: Now, sent: &Sent, outbox: &mut Outbox) {
        for charge in sent.charges() {
            outbox.update(&charge.key, |entry| entry.lost_at_ms = Some(now.mono_ms));
        }
        match &sent.what {
            SentWhat::Batch { charges } => self.batching.lost(charges.len()),
            // Whatever is wrong may be wrong with it: it spoils no batch.
            SentWhat::Charge { charge } => {
                outbox.update(&charge.key, |entry| entry.alone = true);
            }
            SentWhat::LookUp { .. } | SentWhat::Balance { .. } => {}
        }
    }

    /// The billing server itself answered a request about charges, and took the token.
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
        if !self.is_any_way_refused() {
            bulletin.end(AlertKind::Unauthorized);
        }
    }

    /// The server has told the balance, or somebody that remembers its answer.
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
        // Charges have still to be accepted with it where they were refused.
        if sign != Sign::Cached && !self.is_any_way_refused() {
            self.token.accepted(sent);
            bulletin.end(AlertKind::Unauthorized);
        }
    }

    fn is_any_way_refused(&self) -> bool {
        self.gate.is_refused(Way::Sending) || self.gate.is_refused(Way::LookUp)
    }
}

fn alert_foreign(now: Now, setback: &Setback, bulletin: &mut Bulletin, cx: &mut Context) {
    let detail = setback_detail(setback, cx);
    bulletin.raise(now, AlertKind::NetworkLost, detail, cx);
}

/// What people are told of an answer without a verdict.
pub(super) fn setback_detail(setback: &Setback, cx: &Context) -> String {
    match setback.kind {
        SetbackKind::Foreign(wrong) => wrong.text(),
        SetbackKind::TooLarge => cx.say(
            &format!(
                "{}: the request is too large for something before the server",
                setback.detail
            ),
            &format!("{}：请求过大，被服务器之前的某个环节拒绝", setback.detail),
        ),
        SetbackKind::Unauthorized
        | SetbackKind::AnotherAccount
        | SetbackKind::Busy
        | SetbackKind::InProgress
        | SetbackKind::GaveUp
        | SetbackKind::ServerError => setback.detail.clone(),
    }
}
