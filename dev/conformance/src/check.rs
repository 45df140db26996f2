//! What is wrong with an answer, in one sentence.

use std::sync::LazyLock;

use regex_lite::Regex;
use serde_json::Value;

use crate::catalogue::{Expect, Expects, Status, StatusKind};
use crate::exchange::{Answer, Exchange, Silence};
use crate::request::Request;
use crate::scope::Scope;

const MOST: f64 = 9_007_199_254_740_991.0;

/// Statuses that say nothing against the request itself; 409 may.
const NOT_REFUSED: [u16; 5] = [401, 402, 408, 425, 429];

static INSTANT: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|\+00:00)$",
    )
});
static ENTITY_TAG: LazyLock<Regex> = LazyLock::new(|| regex(r#"^(?:W/)?"[^"]*"$"#));
static SECONDS: LazyLock<Regex> = LazyLock::new(|| regex("^[0-9]+$"));
static HTTP_DATE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        "^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT$",
    )
});

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is a constant")
}

/// Whether another request with the key is under way.
pub fn is_busy(answer: &Answer) -> bool {
    answer.status == 409 && answer.text.contains("request-in-progress\"")
}

/// What is wrong with what came of a request; `None` where nothing is.
pub fn wrong_with(
    request: &Request,
    exchange: &Exchange,
    expects: &Expects,
    scope: &Scope,
) -> Option<String> {
    let one = |expect| wrong(request, exchange, expect, scope);
    match expects {
        Expects::One(expect) => one(expect),
        Expects::OneOf(all) => {
            let wrongs: Option<Vec<String>> = all.iter().map(one).collect();
            wrongs?.into_iter().next()
        }
    }
}

fn wrong(request: &Request, exchange: &Exchange, expect: &Expect, scope: &Scope) -> Option<String> {
    let title = request.title();
    match exchange {
        Err(Silence::Gone) => None,
        Err(Silence::Closed) if expect.closed => None,
        Err(silence) => Some(format!("{title} was not answered: {}", silence.text())),
        Ok(answer) if expect.closed => Some(format!("{title} was answered {}", answer.status)),
        Ok(answer) => wrong_status(&title, answer, expect, scope)
            .or_else(|| wrong_time(&title, answer, expect))
            .or_else(|| wrong_problem(&title, answer, expect))
            .or_else(|| wrong_headers(&title, answer, expect, scope))
            .or_else(|| wrong_body(&title, answer, expect, scope)),
    }
}

fn wrong_status(title: &str, answer: &Answer, expect: &Expect, scope: &Scope) -> Option<String> {
    let status = answer.status;
    let is_4xx = (400..500).contains(&status);
    let answered = format!("{title} was answered {status}");
    match expect.status.as_ref()? {
        Status::Among(wanted) => {
            let wanted: Vec<Value> = wanted.iter().filter_map(|one| scope.value(one)).collect();
            let all: Vec<String> = wanted.iter().map(Value::to_string).collect();
            let is_among = wanted.contains(&status.into());
            (!is_among).then(|| format!("{answered}, not {}", all.join(" or ")))
        }
        Status::Kind(StatusKind::ClientError) => (!is_4xx).then(|| format!("{answered}, not 4xx")),
        Status::Kind(StatusKind::Refused) => {
            (!is_4xx || NOT_REFUSED.contains(&status) || is_busy(answer))
                .then(|| format!("{answered}, not a 4xx that says the request is wrong"))
        }
        Status::Kind(StatusKind::NoRedirect) => (300..400)
            .contains(&status)
            .then(|| format!("{answered}, a redirect")),
    }
}

fn wrong_time(title: &str, answer: &Answer, expect: &Expect) -> Option<String> {
    let within_s = expect.within_s?;
    (answer.took.as_secs_f64() > within_s as f64)
        .then(|| format!("{title} was answered after more than {within_s} s"))
}

fn wrong_problem(title: &str, answer: &Answer, expect: &Expect) -> Option<String> {
    let problem = expect.problem.as_ref()?;
    let content_type = answer
        .headers
        .get("content-type")
        .map_or("", String::as_str);
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let members = answer.json.as_ref().and_then(Value::as_object);
    let members = match members {
        Some(members) if media_type.eq_ignore_ascii_case("application/problem+json") => members,
        _ => {
            let status = answer.status;
            return Some(format!(
                "{title} was answered {status} without a problem document"
            ));
        }
    };
    // One that names no type has that of its status (RFC 9457, section 4.2.1).
    let given = members.get("type").cloned().unwrap_or_else(|| "".into());
    let told = format!("{title}: the problem's type is {}", shown(Some(&given)));
    let Some(end) = given.as_str().map(last_part) else {
        return Some(format!("{told}, not a text"));
    };
    if let Some(wanted) = problem.as_str()
        && wanted != end
    {
        return Some(format!("{told}, not \"{wanted}\""));
    }
    (problem.get("not").and_then(Value::as_str) == Some(end)).then_some(told)
}

fn wrong_headers(title: &str, answer: &Answer, expect: &Expect, scope: &Scope) -> Option<String> {
    expect.headers.iter().find_map(|(name, matcher)| {
        let given = answer
            .headers
            .get(name)
            .map(|value| Value::from(value.as_str()));
        (!matches(given.as_ref(), matcher, scope)).then(|| {
            let wanted = called(matcher, scope);
            format!(
                "{title}: the header {name} is {}, not {wanted}",
                shown(given.as_ref())
            )
        })
    })
}

fn wrong_body(title: &str, answer: &Answer, expect: &Expect, scope: &Scope) -> Option<String> {
    let body = expect.body.as_ref()?;
    let Some(json @ Value::Object(_)) = &answer.json else {
        let status = answer.status;
        let encoding = answer.headers.get("content-encoding");
        let encoding = encoding.map(|name| format!(": it has the content-encoding {name}"));
        let encoding = encoding.unwrap_or_default();
        return Some(format!(
            "{title} was answered {status} without a JSON object{encoding}"
        ));
    };
    body.iter().find_map(|(path, matcher)| {
        let given = member_at(json, path);
        (!matches(given, matcher, scope)).then(|| {
            let wanted = called(matcher, scope);
            format!("{title}: {path} is {}, not {wanted}", shown(given))
        })
    })
}

/// The member at a path: names and places, with points between.
pub fn member_at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |at, name| match at {
        Value::Object(members) => members.get(name),
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}

fn matches(value: Option<&Value>, matcher: &Value, scope: &Scope) -> bool {
    let Value::Object(how) = matcher else {
        return scope.value(matcher).as_ref() == value;
    };
    if let Some(kind) = text(how.get("is")) {
        return is_kind(value, kind);
    }
    if let Some(other) = how.get("not") {
        return !matches(value, other, scope);
    }
    if let Some(Value::Array(all)) = how.get("one_of") {
        return all.iter().any(|one| matches(value, one, scope));
    }
    if let Some(end) = text(how.get("ends")) {
        return last_part(text(value).unwrap_or_default()) == end;
    }
    if let Some(length) = how.get("length").and_then(Value::as_u64) {
        return value
            .and_then(Value::as_array)
            .is_some_and(|items| items.len() as u64 == length);
    }
    if let Some(least) = how.get("at_least") {
        let number = |value: Option<&Value>| value.and_then(Value::as_f64);
        return is_whole(value) && number(value) >= number(scope.value(least).as_ref());
    }
    let given = text(value).unwrap_or_default();
    let lower = given.to_lowercase();
    // A header counts in upper and lower case, a method doesn't. A star stands for all of them but this
    // one (Fetch, CORS protocol).
    let given: Vec<&str> = given
        .split(',')
        .chain(lower.split(','))
        .map(str::trim)
        .collect();
    lists(how.get("lists"))
        .all(|name| given.contains(&name) || (given.contains(&"*") && name != "authorization"))
}

/// Whether it is a value of that kind.
fn is_kind(value: Option<&Value>, kind: &str) -> bool {
    let string = text(value).unwrap_or_default();
    match kind {
        "points" | "version" => is_whole(value),
        "text" => !string.is_empty(),
        "instant" => INSTANT.is_match(string),
        "entity tag" => ENTITY_TAG.is_match(string),
        "seconds or an HTTP date" => SECONDS.is_match(string) || HTTP_DATE.is_match(string),
        "object" => value.is_some_and(Value::is_object),
        "missing" => value.is_none(),
        _ => panic!("the catalogue names a kind {kind}, which there is not"),
    }
}

fn kind_called(kind: &str) -> &str {
    match kind {
        "points" | "version" => "a whole number from 0 to 2^53-1",
        "text" => "a text",
        "instant" => "an instant in UTC (RFC 3339)",
        "entity tag" => "an entity tag",
        "object" => "an object",
        other => other,
    }
}

fn called(matcher: &Value, scope: &Scope) -> String {
    let Value::Object(how) = matcher else {
        return shown(scope.value(matcher).as_ref());
    };
    if let Some(kind) = text(how.get("is")) {
        return kind_called(kind).to_owned();
    }
    if let Some(other) = how.get("not") {
        return format!("anything but {}", called(other, scope));
    }
    if let Some(Value::Array(all)) = how.get("one_of") {
        let all: Vec<String> = all.iter().map(|one| called(one, scope)).collect();
        return all.join(" or ");
    }
    if let Some(end) = text(how.get("ends")) {
        return format!("\"{end}\"");
    }
    if let Some(length) = how.get("length") {
        return format!("a list of {length}");
    }
    if let Some(least) = how.get("at_least") {
        return format!("at least {}", shown(scope.value(least).as_ref()));
    }
    let names: Vec<&str> = lists(how.get("lists")).collect();
    format!("a list with {}", names.join(", "))
}

/// A value as a sentence has it.
pub fn shown(value: Option<&Value>) -> String {
    match value {
        None => "missing".to_owned(),
        Some(Value::Array(items)) => format!("a list of {}", items.len()),
        Some(Value::Object(_)) => "an object".to_owned(),
        Some(value) => value.to_string(),
    }
}

/// The name of a problem's type: all of it, or the end of a URI.
fn last_part(kind: &str) -> &str {
    kind.rsplit(['/', ':', '#']).next().unwrap_or_default()
}

fn lists(names: Option<&Value>) -> impl Iterator<Item = &str> {
    names
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

fn text(value: Option<&Value>) -> Option<&str> {
    value.and_then(Value::as_str)
}

/// Whether it is a whole number from 0 to 2^53-1.
pub fn is_whole(value: Option<&Value>) -> bool {
    value
        .and_then(Value::as_f64)
        .is_some_and(|number| number.fract() == 0.0 && (0.0..=MOST).contains(&number))
}
