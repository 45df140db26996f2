//! The billing server as the engines meet it: the real ledger, behind faults.

use serde_json::{Value, json};
use tollbox::core::percent::header_text;
use tollbox::core::protocol::{Request, Response};
use tollbox_server::ledger::{
    Amount, Balance, Charge, ChargeRequest, HoldRequest, HoldVerdict, Ledger, Terms, Verdict,
};

mod requests;

pub use requests::kind_and_keys;
use requests::{account_of, keys_of, kind_of, percent_decode};

/// The account of all clients.
pub const ACCOUNT: &str = "alice";
/// The feature for which other clients of the account charge.
pub const ELSEWHERE: &str = "elsewhere";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum On {
    #[default]
    Any,
    Balance,
    Charge,
    Batch,
    LookUp,
    Hold,
    Release,
    /// A charge, alone or in a batch.
    AnyCharge,
}

/// A fault that a request meets.
#[derive(Clone, Debug)]
pub enum Fault {
    /// No fault: answered as usual.
    None,
    /// The connection fails; nothing was done.
    LoseRequest,
    /// Done, but the answer is lost.
    LoseAnswer,
    /// Never answered; nothing was done.
    Hang,
    /// Done, but never answered.
    HangAfter,
    /// Never answered, but done this many milliseconds later.
    HangThenDone(u64),
    /// The connection fails, but it is done this many milliseconds later.
    LostThenDone(u64),
    /// Answered with this; nothing was done.
    Answer(Response),
    /// Done, but answered with this.
    AnswerAfter(Response),
    /// Answered with this, and done this many milliseconds later.
    AnswerThenDone(Response, u64),
    /// Done on arrival, answered this many milliseconds later.
    Late(u64),
    /// There is no token, so it never leaves.
    NoToken,
    /// The page is frozen while it waits for its token, so it never leaves.
    StoodStill,
}

/// A request that has arrived.
#[derive(Clone, Debug)]
pub struct Arrived {
    pub on: On,
    /// The keys on the wire.
    pub keys: Vec<String>,
    pub refresh_token: bool,
}

impl Arrived {
    pub fn is_for(&self, on: On) -> bool {
        match on {
            On::Any => true,
            On::AnyCharge => matches!(self.on, On::Charge | On::Batch),
            On::Balance | On::Charge | On::Batch | On::LookUp | On::Hold | On::Release => {
                self.on == on
            }
        }
    }
}

type Rule = Box<dyn FnMut(&Arrived) -> Option<Fault>>;

pub struct Server {
    pub ledger: Ledger,
    pub arrived: Vec<Arrived>,
    /// All points ever credited to the account.
    pub credited: u64,
    /// The account that is signed in, whose token comes with every request: it pays.
    pub signed_in: String,
    /// Whether it rejects requests that name another account.
    pub checks_accounts: bool,
    /// Whether it decodes keys from their spelling on the wire.
    pub decodes_keys: bool,
    /// Whether it keeps holds.
    pub keeps_holds: bool,
    /// The longest time that it grants, in seconds.
    pub longest_hold_s: u64,
    rules: Vec<Rule>,
}

impl Server {
    pub fn new(seed_balance: u64, key_ttl_ms: Option<u64>) -> Server {
        Server {
            ledger: Ledger::new(Terms {
                seed_balance,
                key_ttl_ms,
            }),
            arrived: Vec::new(),
            credited: seed_balance,
            signed_in: ACCOUNT.to_owned(),
            checks_accounts: true,
            decodes_keys: false,
            keeps_holds: false,
            longest_hold_s: u64::MAX,
            rules: Vec::new(),
        }
    }

    /// Rules are asked in order of addition at every arrival; the first fault counts.
    pub fn rule(&mut self, rule: impl FnMut(&Arrived) -> Option<Fault> + 'static) {
        self.rules.push(Box::new(rule));
    }

    /// The next `times` requests of this kind meet this fault.
    pub fn fault(&mut self, on: On, times: u32, fault: Fault) {
        let mut left = times;
        self.rule(move |arrived| {
            if left == 0 || !arrived.is_for(on) {
                return None;
            }
            left -= 1;
            Some(fault.clone())
        });
    }

    pub fn heal(&mut self) {
        self.rules.clear();
    }

    pub fn top_up(&mut self, points: u64) {
        self.ledger
            .top_up(ACCOUNT, Amount::new(points).unwrap(), 0)
            .unwrap();
        self.credited += points;
    }

    /// Another client of the account charges.
    pub fn charge_elsewhere(&mut self, at_ms: u64, key: &str, points: u64) {
        let request = ChargeRequest::new(key, key, ELSEWHERE, points).unwrap();
        let id = format!("e-{key}");
        let verdict = self.ledger.charge(ACCOUNT, &request, at_ms, id);
        assert!(matches!(verdict, Verdict::Charged { .. }));
    }

    /// Another device holds points for a task, for this long.
    pub fn hold_elsewhere(
        &mut self,
        at_ms: u64,
        key: &str,
        points: u64,
        expires_in_s: u64,
    ) -> bool {
        let request = ChargeRequest::new(key, key, ELSEWHERE, points).unwrap();
        let request = HoldRequest::new(request, expires_in_s).unwrap();
        match self.ledger.hold(ACCOUNT, &request, at_ms) {
            HoldVerdict::Held { .. } | HoldVerdict::Renewed { .. } => true,
            HoldVerdict::InsufficientBalance { .. } => false,
            verdict @ (HoldVerdict::KeyReused | HoldVerdict::AlreadyCharged) => {
                panic!("{key}: {verdict:?}")
            }
        }
    }

    /// All points of the account, those that are held among them.
    pub fn balance(&self) -> u64 {
        self.ledger.balance(ACCOUNT, 0).points
    }

    /// The points that are held.
    pub fn held(&self, at_ms: u64) -> u64 {
        self.ledger.balance(ACCOUNT, at_ms).held.unwrap_or_default()
    }

    /// A balance as its members in an answer.
    fn members(&self, balance: Balance, mut answer: Value) -> Value {
        answer["balance"] = json!(balance.points);
        answer["version"] = json!(balance.version);
        if self.keeps_holds {
            answer["held"] = json!(balance.held.unwrap_or_default());
        }
        answer
    }

    pub fn times_charged(&self, key: &str) -> usize {
        self.ledger.times_charged(ACCOUNT, key)
    }

    /// How many requests of this kind have arrived.
    pub fn count(&self, on: On) -> usize {
        self.arrived.iter().filter(|a| a.is_for(on)).count()
    }

    /// Records a request, and gives the fault that it meets.
    pub fn arrive(&mut self, request: &Request, refresh_token: bool) -> Fault {
        let on = kind_of(request);
        let arrived = Arrived {
            on,
            keys: keys_of(on, request),
            refresh_token,
        };
        let fault = self.rules.iter_mut().find_map(|rule| rule(&arrived));
        self.arrived.push(arrived);
        fault.unwrap_or(Fault::None)
    }

    /// Executes a request.
    pub fn answer(&mut self, at_ms: u64, request: &Request) -> Response {
        let on = kind_of(request);
        let named = account_of(request);
        if self.checks_accounts && named.is_some_and(|named| named != self.signed_in) {
            return problem(403, "account-mismatch");
        }
        let balance = self.ledger.balance(&self.signed_in, at_ms);
        match on {
            On::Balance => {
                let held = balance.held.filter(|_| self.keeps_holds);
                let held = held.map(|held| format!("h{held}")).unwrap_or_default();
                let etag = format!("\"v{}{held}\"", balance.version);
                if request
                    .headers
                    .iter()
                    .any(|(name, value)| *name == "if-none-match" && *value == etag)
                {
                    return Response {
                        status: 304,
                        etag: Some(etag),
                        ..Response::default()
                    };
                }
                Response {
                    etag: Some(etag),
                    ..json_answer(200, self.members(balance, json!({})))
                }
            }
            On::Charge => {
                let body: Value = serde_json::from_str(request.body.as_deref().unwrap()).unwrap();
                let key = keys_of(on, request).remove(0);
                match self.charge(at_ms, &key, &body) {
                    Verdict::Charged { charge, balance } => {
                        self.receipt(201, &charge, balance, false)
                    }
                    Verdict::Replayed { charge, balance } => {
                        self.receipt(200, &charge, balance, true)
                    }
                    rejected => {
                        let (_, problem) = self.rejection(&rejected);
                        problem_answer(problem)
                    }
                }
            }
            On::Batch => {
                let body: Value = serde_json::from_str(request.body.as_deref().unwrap()).unwrap();
                let mut results = Vec::new();
                for item in body["charges"].as_array().unwrap() {
                    let key = item["idempotency_key"].as_str().unwrap();
                    let mut result = match self.charge(at_ms, key, item) {
                        Verdict::Charged { charge, .. } => item_receipt(&charge, false),
                        Verdict::Replayed { charge, .. } => item_receipt(&charge, true),
                        rejected => {
                            let (status, problem) = self.rejection(&rejected);
                            json!({"status": status, "problem": problem})
                        }
                    };
                    result["idempotency_key"] = json!(self.spelt(key));
                    results.push(result);
                }
                let balance = self.ledger.balance(&self.signed_in, at_ms);
                json_answer(200, self.members(balance, json!({"results": results})))
            }
            On::LookUp => {
                let mut key = keys_of(on, request).remove(0);
                if self.decodes_keys {
                    // A key looked up in the wire's spelling is another key.
                    key = header_text(&key);
                }
                match self.ledger.lookup(&self.signed_in, &key) {
                    Some(charge) => self.receipt(200, charge, balance, false),
                    None => problem(404, "charge-not-found"),
                }
            }
            On::Hold | On::Release if !self.keeps_holds => problem(404, "not-found"),
            On::Hold => {
                let body: Value = serde_json::from_str(request.body.as_deref().unwrap()).unwrap();
                let key = keys_of(on, request).remove(0);
                self.hold(at_ms, &key, &body)
            }
            On::Release => {
                let mut key = keys_of(on, request).remove(0);
                if self.decodes_keys {
                    key = header_text(&key);
                }
                let balance = self.ledger.release(&self.signed_in, &key, at_ms);
                json_answer(200, self.members(balance, json!({})))
            }
            On::Any | On::AnyCharge => unreachable!("no request is of this kind"),
        }
    }

    fn hold(&mut self, at_ms: u64, key: &str, body: &Value) -> Response {
        let charge = charge_request(key, body);
        let expires_in_s = body["expires_in_s"].as_u64().unwrap();
        let request = HoldRequest::new(charge, expires_in_s.min(self.longest_hold_s)).unwrap();
        let verdict = self.ledger.hold(&self.signed_in, &request, at_ms);
        let is_new = matches!(verdict, HoldVerdict::Held { .. });
        let (hold, balance, expires_in_s) = match verdict {
            HoldVerdict::Held {
                hold,
                balance,
                expires_in_s,
            }
            | HoldVerdict::Renewed {
                hold,
                balance,
                expires_in_s,
            } => (hold, balance, expires_in_s),
            HoldVerdict::InsufficientBalance { balance } => {
                return problem_answer(self.insufficient(balance));
            }
            HoldVerdict::KeyReused => return problem(422, "idempotency-key-reused"),
            HoldVerdict::AlreadyCharged => return problem(409, "already-charged"),
        };
        let answer = json!({
            "idempotency_key": self.spelt(key),
            "amount": hold.request.amount().get(),
            "expires_in_s": expires_in_s,
            "expires_at": "2026-01-01T00:03:00Z",
        });
        let status = if is_new { 201 } else { 200 };
        json_answer(status, self.members(balance, answer))
    }

    fn insufficient(&self, balance: Balance) -> Value {
        let problem = json!({"type": "https://example.com/problems/insufficient-balance",
            "status": 402, "detail": "not enough points"});
        self.members(balance, problem)
    }

    fn rejection(&self, verdict: &Verdict) -> (&'static str, Value) {
        match verdict {
            Verdict::InsufficientBalance { balance } => ("declined", self.insufficient(*balance)),
            Verdict::KeyReused => (
                "rejected",
                json!({"type": "idempotency-key-reused", "status": 422}),
            ),
            Verdict::PriceMismatch { .. } => {
                ("rejected", json!({"type": "price-mismatch", "status": 400}))
            }
            Verdict::Charged { .. } | Verdict::Replayed { .. } | Verdict::HoldExceeded { .. } => {
                unreachable!("not a rejection of a charge that names no hold")
            }
        }
    }

    fn charge(&mut self, at_ms: u64, key: &str, body: &Value) -> Verdict {
        let request = charge_request(key, body);
        let payer = self.signed_in.as_str();
        let id = format!("c{}", self.ledger.charges(payer).len() + 1);
        self.ledger.charge(payer, &request, at_ms, id)
    }

    /// A key of the ledger, which has the wire's spelling, as this server's answers spell it.
    fn spelt(&self, key: &str) -> String {
        match self.decodes_keys {
            true => percent_decode(key),
            false => key.to_owned(),
        }
    }

    fn receipt(&self, status: u16, charge: &Charge, balance: Balance, replayed: bool) -> Response {
        let body = json!({
            "charge_id": charge.charge_id,
            "idempotency_key": self.spelt(charge.request.key()),
            "amount": charge.request.amount().get(),
            "charged_at": "2026-01-01T00:00:00Z",
        });
        Response {
            replayed,
            ..json_answer(status, self.members(balance, body))
        }
    }
}

fn charge_request(key: &str, body: &Value) -> ChargeRequest {
    let amount = body["amount"].as_u64().unwrap();
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    ChargeRequest::new(key, text("task_id"), text("feature"), amount).unwrap()
}

fn item_receipt(charge: &Charge, replayed: bool) -> Value {
    json!({"status": "charged", "charge_id": charge.charge_id, "amount": charge.request.amount().get(),
        "charged_at": "2026-01-01T00:00:00Z", "replayed": replayed})
}

pub fn json_answer(status: u16, body: Value) -> Response {
    Response {
        status,
        content_type: Some("application/json".into()),
        body: body.to_string(),
        ..Response::default()
    }
}

fn problem_answer(problem: Value) -> Response {
    let status = u16::try_from(problem["status"].as_u64().unwrap()).unwrap();
    Response {
        content_type: Some("application/problem+json".into()),
        ..json_answer(status, problem)
    }
}

/// A problem document.
pub fn problem(status: u16, kind: &str) -> Response {
    problem_answer(json!({"type": kind, "status": status}))
}

/// A foreign page.
pub fn page(status: u16) -> Response {
    Response {
        status,
        content_type: Some("text/html".into()),
        body: "<html>please sign in</html>".into(),
        ..Response::default()
    }
}

pub fn with_retry_after(response: Response, retry_after: &str) -> Response {
    Response {
        retry_after: Some(retry_after.into()),
        ..response
    }
}
