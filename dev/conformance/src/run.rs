//! A run of the catalogue against a server: rule after rule, each with fresh keys.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::process::Stdio;
use std::slice;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use httpdate::parse_http_date;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::catalogue::{
    As, Delivery, Expect, Expects, InProfile, Need, Rule, Sending, Status, Step, Taken, Variant,
};
use crate::check::{is_busy, is_whole, member_at, shown, wrong_with};
use crate::exchange::{Answer, Exchange, Silence, exchange};
use crate::options::Options;
use crate::request::{Request, quoted};
use crate::scope::Scope;

/// How often a request is sent again that the server puts off.
const TRIES: u32 = 5;

/// How long such a request waits at most.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How often in a row a kind of request may get no answer, or be put off, before it is given up.
const PATIENCE: u32 = 3;

/// The pause between two looks at a balance that is to change by itself.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a server has for a request in the background until the next one comes.
const BACKGROUND: Duration = Duration::from_millis(50);

/// The kit can't run: the server or the options are not as it needs them.
#[derive(Debug)]
pub struct CannotRun(pub String);

impl fmt::Display for CannotRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CannotRun {}

/// Why a rule has an early end.
enum End {
    /// It is broken: why, in one sentence.
    Broken(String),
    Skipped(String),
    CannotRun(CannotRun),
}

impl From<CannotRun> for End {
    fn from(error: CannotRun) -> Self {
        Self::CannotRun(error)
    }
}

/// What became of a rule. The members are in the order in which JSON has them.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    pub duty: String,
    pub id: String,
    pub reason: Option<String>,
    /// A command that sends the last request again.
    pub repeat: Option<String>,
    pub source: String,
    pub verdict: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Kept,
    Broken,
    Skipped,
}

/// What the rules may take of an account, and what it has.
#[derive(Clone, Copy, Debug)]
pub struct Purse {
    pub needed: u64,
    pub there: u64,
}

/// A balance as `GET balance` tells it.
struct Balance {
    balance: u64,
    version: u64,
    /// As it was told; `None` where the server keeps no holds.
    held: Option<Value>,
}

impl Balance {
    /// The points that may be spent.
    fn free(&self) -> u64 {
        let held = self.held.as_ref().and_then(Value::as_u64);
        self.balance.saturating_sub(held.unwrap_or_default())
    }
}

/// One run.
pub struct Run<'a> {
    options: &'a Options,
    /// The token that nobody has.
    unknown: String,
    has_batches: bool,
    has_holds: bool,
    /// The points that all rules may take.
    needed: u64,
    /// How often in a row each kind of request got no answer.
    unanswered: RefCell<HashMap<String, u32>>,
    /// Every answer so far that puts off.
    seen: RefCell<Vec<(Request, Answer)>>,
    /// The requests of the rule that are under way beside the others.
    background: RefCell<JoinSet<Exchange>>,
    /// What releases the holds that the rule has asked for.
    releases: RefCell<Vec<Request>>,
}

/// The last request of a rule, and how often it was sent at once.
#[derive(Default)]
struct Last {
    request: Option<Request>,
    times: u64,
}

impl<'a> Run<'a> {
    pub fn new(options: &'a Options) -> Self {
        Self {
            options,
            unknown: format!("00000000-0000-4000-8000-{:0>12}", options.run),
            has_batches: false,
            has_holds: false,
            needed: 0,
            unanswered: RefCell::default(),
            seen: RefCell::default(),
            background: RefCell::default(),
            releases: RefCell::default(),
        }
    }

    /// Looks whether the rules can be run, and buys points where a command does that.
    ///
    /// # Errors
    /// When a token isn't accepted, or an account has too few points.
    pub async fn prepare(&mut self, rules: &[&Rule]) -> Result<(Purse, Option<Purse>), CannotRun> {
        let held = self.balance_at_start(As::Own).await?.held;
        // A member that is null is as good as none.
        self.has_holds = held.is_some_and(|held| !held.is_null());
        let has_other = self.options.other_token.is_some();
        if has_other {
            self.balance_at_start(As::Other).await?;
        }
        self.has_batches = self.asks_for_batches().await;
        let running: Vec<&&Rule> = rules
            .iter()
            .filter(|rule| self.reason_to_skip(rule).is_none())
            .collect();
        let beside = running.iter().map(|rule| rule.holding).max();
        let points: u64 = running.iter().map(|rule| rule.points).sum();
        let needed = points + beside.unwrap_or_default();
        let others = running.iter().map(|rule| rule.other_points).sum();
        self.needed = needed;
        let own = self.purse(As::Own, needed).await?;
        let other = match has_other {
            true => Some(self.purse(As::Other, others).await?),
            false => None,
        };
        Ok((own, other))
    }

    /// Tries one rule.
    ///
    /// # Errors
    /// When a command of the options fails, or the balance is not answered any more.
    pub async fn check(&self, rule: &Rule) -> Result<Checked, CannotRun> {
        if self.is_given_up("GET balance") {
            return Err(CannotRun(format!(
                "GET balance was not answered {PATIENCE} times in a row"
            )));
        }
        let variant = self.variant(rule).unwrap_or(&rule.usual);
        let checked = |verdict, reason, repeat| Checked {
            duty: variant.duty.clone(),
            id: rule.id.clone(),
            reason,
            repeat,
            source: rule.source.clone(),
            verdict,
        };
        let skip = match self.reason_to_skip(rule) {
            Some(reason) => Some(reason),
            None => self.lack_of_points(rule).await?,
        };
        if let Some(reason) = skip {
            return Ok(checked(Verdict::Skipped, Some(reason), None));
        }
        let options = self.options;
        let account = options.account.as_deref().unwrap_or_default();
        let mut scope = Scope::new(format!(
            "kit-{}-{}",
            options.run,
            rule.id.replacen('/', "-", 1)
        ));
        scope.save("feature", Some(options.feature.as_str().into()));
        scope.save("account", Some(quoted(account).into()));
        scope.save("origin", Some(options.origin.as_str().into()));
        scope.save("run", Some(options.run.as_str().into()));
        let mut last = Last::default();
        let tried = self.steps(&variant.steps, &mut scope, &mut last).await;
        let background = self.background.take();
        background.join_all().await;
        self.release_all().await;
        match tried {
            Ok(()) => Ok(checked(Verdict::Kept, None, None)),
            Err(End::CannotRun(error)) => Err(error),
            Err(End::Skipped(reason)) => Ok(checked(Verdict::Skipped, Some(reason), None)),
            Err(End::Broken(reason)) => {
                let base = &options.base_url.text;
                let repeat = last
                    .request
                    .map(|request| request.curl(base, last.times, &self.unknown));
                Ok(checked(Verdict::Broken, Some(reason), repeat))
            }
        }
    }

    /// What a rule holds, kept or broken, is in no other's way.
    async fn release_all(&self) {
        for request in self.releases.take() {
            self.answer_to(&request).await.ok();
        }
    }

    /// The rule as a profile has it, where one changes it.
    fn variant<'r>(&self, rule: &'r Rule) -> Option<&'r Variant> {
        let named = |profile: &String| rule.profiles.get(profile);
        match self.options.profiles.iter().find_map(named)? {
            InProfile::Other(variant) => Some(variant),
            InProfile::Skipped { .. } => None,
        }
    }

    fn reason_to_skip(&self, rule: &Rule) -> Option<String> {
        let named = |profile: &String| rule.profiles.get_key_value(profile);
        let profile = self.options.profiles.iter().find_map(named);
        if let Some((name, InProfile::Skipped { .. })) = profile {
            return Some(format!("profile {name}"));
        }
        let options = self.options;
        rule.needs.iter().find_map(|need| {
            let (is_there, reason) = match need {
                Need::OtherToken => (options.other_token.is_some(), "needs --other-token"),
                Need::Account => (options.account.is_some(), "needs --account"),
                Need::Batch => (self.has_batches, "the server has no batches"),
                Need::Holds => (self.has_holds, "the server has no holds"),
                Need::TopUp => (options.top_up_cmd.is_some(), "needs --top-up-cmd"),
                Need::Price => (options.price_cmd.is_some(), "needs --price-cmd"),
            };
            (!is_there).then(|| reason.to_owned())
        })
    }

    /// A rule that was broken may have taken more than it should, and that must not break another.
    async fn lack_of_points(&self, rule: &Rule) -> Result<Option<String>, CannotRun> {
        let needed = rule.points + rule.holding;
        if needed == 0 {
            return Ok(None);
        }
        match self.read_balance(As::Own, false).await {
            Ok(read) if read.free() < needed => {
                if self.options.top_up_cmd.is_none() {
                    return Ok(Some("the account has run out of points".to_owned()));
                }
                self.top_up(As::Own, self.needed - read.free()).await?;
                Ok(None)
            }
            Ok(_) | Err(_) => Ok(None),
        }
    }

    async fn steps(&self, all: &[Step], scope: &mut Scope, last: &mut Last) -> Result<(), End> {
        for step in all {
            self.step(step, scope, last).await?;
        }
        Ok(())
    }

    async fn step(&self, step: &Step, scope: &mut Scope, last: &mut Last) -> Result<(), End> {
        if let Some(send) = &step.send {
            self.send(step, send, scope, last).await
        } else if let Some(name) = &step.balance {
            let read = self.balance(step.whose, false).await?;
            scope.save(&format!("{name}.balance"), Some(read.balance.into()));
            scope.save(&format!("{name}.version"), Some(read.version.into()));
            scope.save(&format!("{name}.free"), Some(read.free().into()));
            scope.save(&format!("{name}.held"), read.held);
            Ok(())
        } else if let Some(wanted) = step.taken {
            self.taken(step, wanted, scope).await
        } else if let Some(wanted) = &step.held {
            self.held(step, wanted, scope).await
        } else if let Some(points) = &step.top_up {
            let points = scope.value(points).and_then(|points| points.as_u64());
            Ok(self.top_up(As::Own, points.unwrap_or_default()).await?)
        } else if let Some(price) = step.price {
            let task = scope.text(&step.task_id);
            let variables = [
                ("TOLLBOX_TASK_ID", task),
                ("TOLLBOX_PRICE", price.to_string()),
            ];
            let command = self.options.price_cmd.as_deref();
            Ok(self.command("price", command, As::Own, &variables).await?)
        } else if let Some(all) = &step.ascending {
            ascending(all, scope)
        } else if let Some((given, wanted)) = &step.equal {
            let (given, wanted) = (scope.value(given), scope.value(wanted));
            if given == wanted {
                return Ok(());
            }
            let (given, wanted) = (shown(given.as_ref()), shown(wanted.as_ref()));
            Err(End::Broken(format!(
                "{} is {given}, not {wanted}",
                step.named
            )))
        } else if let Some(statuses) = &step.seen {
            self.seen_so_far(step, statuses, scope, last)
        } else {
            panic!("the catalogue has an empty step")
        }
    }

    async fn send(
        &self,
        step: &Step,
        send: &Sending,
        scope: &mut Scope,
        last: &mut Last,
    ) -> Result<(), End> {
        let times = step.at_once.unwrap_or(1);
        let all: Vec<Request> = (0..times)
            .map(|n| Request::of(send, &scope.with("n", json!(n))))
            .collect();
        let any = || Request::of(send, &scope.with("n", "{n}".into()));
        last.request = all
            .first()
            .filter(|_| times == 1)
            .cloned()
            .or_else(|| Some(any()));
        last.times = times;
        if let Some(key) = &send.hold {
            for n in 0..times {
                let release = Sending {
                    release: Some(key.clone()),
                    whose: send.whose,
                    ..Sending::default()
                };
                let release = Request::of(&release, &scope.with("n", json!(n)));
                let mut releases = self.releases.borrow_mut();
                if !releases.contains(&release) {
                    releases.push(release);
                }
            }
        }
        if send.delivery == Some(Delivery::InTheBackground) {
            self.begin(&all[0]).await;
            return Ok(());
        }
        let ends = self.ends(&all).await;
        if let Some(expect) = &step.expect {
            for (request, end) in all.iter().zip(&ends) {
                if let Some(wrong) = wrong_with(request, end, expect, scope) {
                    return Err(End::Broken(match times {
                        1 => wrong,
                        _ => format!("one of {times} at once: {wrong}"),
                    }));
                }
            }
        }
        let answers: Vec<&Answer> = ends.iter().filter_map(|end| end.as_ref().ok()).collect();
        let count = |status: &str| {
            let has_it = |answer: &&&Answer| answer.status.to_string() == status;
            answers.iter().filter(has_it).count()
        };
        for (status, wanted) in &step.count {
            let given = count(status);
            if given != *wanted {
                return Err(End::Broken(format!(
                    "of {times} at once, {given} were answered {status}, not {wanted}"
                )));
            }
        }
        let receipts = answers
            .iter()
            .filter(|answer| matches!(answer.status, 200 | 201));
        let receipts: Vec<&&Answer> = receipts.collect();
        let kinds = |name: &str| {
            let member = |answer: &&&Answer| {
                shown(answer.json.as_ref().and_then(|json| member_at(json, name)))
            };
            receipts.iter().map(member).collect::<BTreeSet<_>>().len()
        };
        if let Some(name) = step.same.iter().find(|name| kinds(name) > 1) {
            return Err(End::Broken(format!(
                "of {times} at once, not all have the same {name}"
            )));
        }
        if let Some(name) = step
            .different
            .iter()
            .find(|name| kinds(name) < receipts.len())
        {
            return Err(End::Broken(format!(
                "of {times} at once, two have the same {name}"
            )));
        }
        if let Some((first, second)) = &step.agree {
            let member = |answer: &Answer, name| {
                shown(answer.json.as_ref().and_then(|json| member_at(json, name)))
            };
            let pair = |answer: &&&Answer| (member(answer, first), member(answer, second));
            let pairs: BTreeSet<_> = receipts.iter().map(pair).collect();
            if pairs.len() > kinds(first) {
                return Err(End::Broken(format!(
                    "of {times} at once, two have the same {first} and another {second}"
                )));
            }
        }
        for (name, what) in &step.save {
            let value = match what.strip_prefix("count:") {
                Some(status) => Some(count(status).into()),
                None => ends.first().and_then(|end| saved(end, what)),
            };
            scope.save(name, value);
        }
        Ok(())
    }

    /// What comes of requests of one kind that are sent at once. A kind that is never answered is not
    /// waited for in every rule.
    async fn ends(&self, all: &[Request]) -> Vec<Exchange> {
        let Some(first) = all.first() else {
            return Vec::new();
        };
        let title = first.title();
        if self.is_given_up(&title) {
            return all.iter().map(|_| Err(Silence::GivenUp)).collect();
        }
        let ends = join_all(all.iter().map(|request| self.answer_to(request))).await;
        let is_late = |end: &Exchange| match end {
            Ok(answer) => is_put_off(answer),
            Err(silence) => *silence == Silence::Late,
        };
        if first.delivery != Some(Delivery::WithoutEnd) {
            let mut unanswered = self.unanswered.borrow_mut();
            let count = unanswered.entry(title).or_default();
            *count = if ends.iter().all(is_late) {
                *count + 1
            } else {
                0
            };
        }
        ends
    }

    fn is_given_up(&self, title: &str) -> bool {
        let unanswered = self.unanswered.borrow();
        unanswered
            .get(title)
            .is_some_and(|count| *count >= PATIENCE)
    }

    /// Sends a request whose answer nobody waits for before the rule's end.
    async fn begin(&self, request: &Request) {
        let (sent, is_sent) = oneshot::channel();
        let base = self.options.base_url.uri.clone();
        let token = self.token(request).map(str::to_owned);
        let request = request.clone();
        let within = Duration::from_secs(self.options.answer_within);
        self.background.borrow_mut().spawn(async move {
            exchange(&base, &request, token.as_deref(), within, Some(sent)).await
        });
        is_sent.await.ok();
        sleep(BACKGROUND).await;
    }

    fn token(&self, request: &Request) -> Option<&str> {
        match request.whose {
            As::Own => Some(&self.options.token),
            As::Other => self.options.other_token.as_deref(),
            As::Unknown => Some(&self.unknown),
            As::Nobody => None,
        }
    }

    /// Sends a request, and again where the server puts it off: nothing was taken then, or another
    /// request with the key is under way.
    async fn answer_to(&self, request: &Request) -> Exchange {
        let options = self.options;
        let token = self.token(request);
        let within = Duration::from_secs(match request.delivery {
            Some(Delivery::WithoutEnd) => options.body_within,
            _ => options.answer_within,
        });
        let mut left = TRIES;
        loop {
            let answer = exchange(&options.base_url.uri, request, token, within, None).await?;
            if is_put_off(&answer) {
                self.seen
                    .borrow_mut()
                    .push((request.clone(), answer.clone()));
            }
            let is_whole = matches!(request.delivery, None | Some(Delivery::InPieces));
            if left == 1 || !(is_put_off(&answer) || is_busy(&answer)) || !is_whole {
                return Ok(answer);
            }
            left -= 1;
            sleep(LONGEST_WAIT.min(time_to_wait(&answer))).await;
        }
    }

    async fn taken(&self, step: &Step, wanted: Taken, scope: &Scope) -> Result<(), End> {
        let read = self.balance(step.whose, false).await?;
        let (balance, version) = (read.balance, read.version);
        let before = |what: &str| scope.value(&format!("${}.{what}", step.since).into());
        let start = before("balance").and_then(|start| start.as_i64());
        let taken = start.unwrap_or_default() - balance.cast_signed();
        let (least, most, range) = match wanted {
            Taken::Just(points) => (points, points, points.to_string()),
            Taken::Between(least, most) => (least, most, format!("{least} to {most}")),
        };
        if !(least..=most).contains(&taken) {
            let of = match step.whose {
                As::Other => " of the other account",
                As::Own | As::Unknown | As::Nobody => "",
            };
            return Err(End::Broken(format!(
                "points taken{of}: {taken}, not {range} (a balance of {balance} now)"
            )));
        }
        let is_none = matches!(wanted, Taken::Just(0));
        let earlier = before("version").and_then(|version| version.as_u64());
        if is_none && step.version.is_none() && Some(version) < earlier {
            let reason = "the version has gone back, and nothing was taken";
            return Err(End::Broken(reason.to_owned()));
        }
        Ok(())
    }

    async fn held(&self, step: &Step, wanted: &Value, scope: &Scope) -> Result<(), End> {
        let started = Instant::now();
        let whole = |value: Option<Value>| {
            let number = value.as_ref().and_then(Value::as_i64);
            number.unwrap_or_default()
        };
        let before = whole(scope.value(&format!("${}.held", step.since).into()));
        let wanted = whole(scope.value(wanted));
        loop {
            let now = whole(self.balance(step.whose, true).await?.held);
            let is_late = started.elapsed() >= Duration::from_secs(step.within_s);
            let held = now - before;
            if held == wanted {
                return Ok(());
            }
            if is_late {
                let of = match step.whose {
                    As::Other => " of the other account",
                    As::Own | As::Unknown | As::Nobody => "",
                };
                let later = match step.within_s {
                    0 => String::new(),
                    seconds => format!(" after {seconds} s"),
                };
                return Err(End::Broken(format!(
                    "points held{of}: {held}, not {wanted}{later} ({now} held now)"
                )));
            }
            sleep(PAUSE).await;
        }
    }

    fn seen_so_far(
        &self,
        step: &Step,
        statuses: &[u16],
        scope: &Scope,
        last: &mut Last,
    ) -> Result<(), End> {
        let seen = self.seen.borrow();
        let mut count = 0_usize;
        for (request, answer) in seen.iter() {
            if !statuses.contains(&answer.status) {
                continue;
            }
            count += 1;
            let wrong = step.expect.as_ref();
            let wrong =
                wrong.and_then(|expect| wrong_with(request, &Ok(answer.clone()), expect, scope));
            if let Some(wrong) = wrong {
                last.request = Some(request.clone());
                last.times = 1;
                return Err(End::Broken(wrong));
            }
        }
        if count > 0 {
            return Ok(());
        }
        let all: Vec<String> = statuses.iter().map(u16::to_string).collect();
        Err(End::Skipped(format!("no answer was {}", all.join(" or "))))
    }

    async fn balance(&self, whose: As, with_held: bool) -> Result<Balance, End> {
        let read = self.read_balance(whose, with_held).await;
        read.map_err(End::Broken)
    }

    /// The balance, or what is wrong. `with_held` says whether there has to be `held`.
    async fn read_balance(&self, whose: As, with_held: bool) -> Result<Balance, String> {
        let send = Sending {
            path: "balance".to_owned(),
            whose,
            ..Sending::default()
        };
        let scope = Scope::default();
        let request = Request::of(&send, &scope);
        let mut ends = self.ends(slice::from_ref(&request)).await;
        let end = ends.pop().unwrap_or(Err(Silence::GivenUp));
        let mut body = BTreeMap::from([
            ("balance".to_owned(), json!({ "is": "points" })),
            ("version".to_owned(), json!({ "is": "version" })),
        ]);
        if with_held {
            body.insert("held".to_owned(), json!({ "is": "points" }));
        }
        let expect = Expect {
            status: Some(Status::Among(vec![json!(200)])),
            body: Some(body),
            ..Expect::default()
        };
        if let Some(wrong) = wrong_with(&request, &end, &Expects::One(Box::new(expect)), &scope) {
            return Err(wrong);
        }
        let json = end.ok().and_then(|answer| answer.json);
        let member = |name| json.as_ref().and_then(|json| member_at(json, name));
        let whole = |name| member(name).and_then(Value::as_u64).unwrap_or_default();
        Ok(Balance {
            balance: whole("balance"),
            version: whole("version"),
            held: member("held").cloned(),
        })
    }

    async fn balance_at_start(&self, whose: As) -> Result<Balance, CannotRun> {
        let read = self.read_balance(whose, false).await;
        read.map_err(|wrong| CannotRun(format!("with --{}, {wrong}", option(whose))))
    }

    /// Whether the server takes batches: they are optional, and it says so where it takes none.
    async fn asks_for_batches(&self) -> bool {
        let send = Sending {
            method: Some("POST".to_owned()),
            path: "charges/batch".to_owned(),
            text: Some("{}".to_owned()),
            ..Sending::default()
        };
        let end = self.answer_to(&Request::of(&send, &Scope::default())).await;
        !end.is_ok_and(|answer| matches!(answer.status, 404 | 405 | 501))
    }

    async fn purse(&self, whose: As, needed: u64) -> Result<Purse, CannotRun> {
        let mut there = self.balance_at_start(whose).await?.free();
        if there < needed && self.options.top_up_cmd.is_some() {
            self.top_up(whose, needed - there).await?;
            there = self.balance_at_start(whose).await?.free();
        }
        if there < needed {
            return Err(CannotRun(format!(
                "the account of --{} has {there} points, and the rules may take {needed}",
                option(whose)
            )));
        }
        Ok(Purse { needed, there })
    }

    async fn top_up(&self, whose: As, points: u64) -> Result<(), CannotRun> {
        let variables = [("TOLLBOX_POINTS", points.to_string())];
        let command = self.options.top_up_cmd.as_deref();
        self.command("top-up", command, whose, &variables).await
    }

    async fn command(
        &self,
        name: &str,
        command: Option<&str>,
        whose: As,
        variables: &[(&str, String)],
    ) -> Result<(), CannotRun> {
        let (shell, flag) = if cfg!(windows) {
            ("cmd", "/C")
        } else {
            ("sh", "-c")
        };
        let token = match whose {
            As::Other => self.options.other_token.as_deref().unwrap_or_default(),
            As::Own | As::Unknown | As::Nobody => &self.options.token,
        };
        let status = Command::new(shell)
            .args([flag, command.unwrap_or_default()])
            .env("TOLLBOX_TOKEN", token)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .await;
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(_) | Err(_) => Err(CannotRun(format!("the command of --{name}-cmd failed"))),
        }
    }
}

fn is_put_off(answer: &Answer) -> bool {
    matches!(answer.status, 429 | 503)
}

/// How long the server asks for; an HTTP date counts from that of the answer.
fn time_to_wait(answer: &Answer) -> Duration {
    let header = |name| answer.headers.get(name).map_or("", String::as_str);
    if let Ok(seconds) = header("retry-after").parse() {
        return Duration::from_secs(seconds);
    }
    let from = parse_http_date(header("date")).unwrap_or_else(|_| SystemTime::now());
    match parse_http_date(header("retry-after")) {
        Ok(until) => until.duration_since(from).unwrap_or_default(),
        Err(_) => Duration::from_secs(1),
    }
}

fn option(whose: As) -> &'static str {
    match whose {
        As::Other => "other-token",
        As::Own | As::Unknown | As::Nobody => "token",
    }
}

fn ascending(all: &[Value], scope: &Scope) -> Result<(), End> {
    let all: Vec<Option<Value>> = all.iter().map(|one| scope.value(one)).collect();
    let number = |value: &Option<Value>| value.as_ref().and_then(Value::as_u64);
    let is_good = all.iter().all(|one| is_whole(one.as_ref()))
        && all
            .windows(2)
            .all(|pair| number(&pair[0]) < number(&pair[1]));
    if is_good {
        return Ok(());
    }
    let told: Vec<String> = all.iter().map(|one| shown(one.as_ref())).collect();
    Err(End::Broken(format!(
        "the version was {}",
        told.join(", then ")
    )))
}

/// A member of an answer, `header:NAME` or `status`.
fn saved(end: &Exchange, what: &str) -> Option<Value> {
    let answer = end.as_ref().ok()?;
    if what == "status" {
        return Some(answer.status.into());
    }
    match what.strip_prefix("header:") {
        Some(name) => answer.headers.get(name).map(|value| value.as_str().into()),
        None => member_at(answer.json.as_ref()?, what).cloned(),
    }
}
