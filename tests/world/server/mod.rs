//! The billing server as the engines meet it: the real ledger, behind faults.

use serde_json::{Value, json};
use tollbox::core::percent::header_text;
use tollbox::core::protocol::{Request, Response};
use tollbox_server::ledger::{Amount, Balance, Charge, ChargeRequest, Ledger, Terms, Verdict};

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
            On::Balance | On::Charge | On::Batch | On::LookUp => self.on == on,
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
    pub fn charge_elsewhere(&mut self, key: &str, points: u64) {
        let request = ChargeRequest::new(key, key, ELSEWHERE, points).unwrap();
        let id = format!("e-{key}");
        let verdict = self.ledger.charge(ACCOUNT, &request, 0, id);
        assert!(matches!(verdict, Verdict::Charged { .. }));
    }

    pub fn balance(&self) -> u64 {
        self.ledger.balance(ACCOUNT, 0).points
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
                let etag = format!("\"v{}\"", balance.version);
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
                    ..json_answer(
                        200,
                        json!({"balance": balance.points, "version": balance.version}),
                    )
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
                        let (_, problem) = rejection(&rejected);
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
                            let (status, problem) = rejection(&rejected);
                            json!({"status": status, "problem": problem})
                        }
                    };
                    result["idempotency_key"] = json!(self.spelt(key));
                    results.push(result);
                }
                let balance = self.ledger.balance(&self.signed_in, at_ms);
                json_answer(
                    200,
                    json!({"results": results, "balance": balance.points, "version": balance.version}),
                )
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
            On::Any | On::AnyCharge => unreachable!("no request is of this kind"),
        }
    }

    fn charge(&mut self, at_ms: u64, key: &str, body: &Value) -> Verdict {
        let amount = body["amount"].as_u64().unwrap();
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        let request = ChargeRequest::new(key, text("task_id"), text("feature"), amount).unwrap();
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
            "balance": balance.points,
            "version": balance.version,
        });
        Response {
            replayed,
            ..json_answer(status, body)
        }
    }
}

fn rejection(verdict: &Verdict) -> (&'static str, Value) {
    match verdict {
        Verdict::InsufficientBalance { balance } => (
            "declined",
            json!({"type": "https://example.com/problems/insufficient-balance", "status": 402,
                "detail": "not enough points", "balance": balance.points, "version": balance.version}),
        ),
        Verdict::KeyReused => (
            "rejected",
            json!({"type": "idempotency-key-reused", "status": 422}),
        ),
        Verdict::PriceMismatch { .. } => {
            ("rejected", json!({"type": "price-mismatch", "status": 400}))
        }
        Verdict::HoldExceeded { .. } => {
            ("rejected", json!({"type": "hold-exceeded", "status": 422}))
        }
        Verdict::Charged { .. } | Verdict::Replayed { .. } => unreachable!("not a rejection"),
    }
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
