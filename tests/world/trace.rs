//! The trace: the steps of a run, in words. Lines are made only if they will be read.

use std::collections::VecDeque;

use tollbox::core::engine::{CallRequest, Effect, Event, Notice};
use tollbox::core::journal::{Applied, Op};
use tollbox::core::protocol::Response;
use tollbox::core::record::Record;

#[derive(Default)]
pub struct Trace {
    lines: VecDeque<String>,
    /// The number of lines to keep; 0 for an unwatched run.
    limit: usize,
}

impl Trace {
    pub fn of(limit: usize) -> Trace {
        Trace {
            lines: VecDeque::new(),
            limit,
        }
    }

    pub fn is_on(&self) -> bool {
        self.limit > 0
    }

    pub fn note(&mut self, at_ms: u64, line: impl FnOnce() -> String) {
        if self.limit == 0 {
            return;
        }
        if self.lines.len() >= self.limit {
            self.lines.pop_front();
        }
        self.lines.push_back(format!("{at_ms:>9} {}", line()));
    }

    pub fn text(&self) -> String {
        let lines: Vec<&str> = self.lines.iter().map(String::as_str).collect();
        lines.join("\n")
    }
}

pub fn event(event: &Event) -> String {
    match event {
        Event::Call {
            id,
            request: CallRequest::Charge(charge),
        } => format!("Charge {} {} (call {id})", charge.key, charge.amount),
        Event::Journaled(result) => format!("Journaled {}", self::result(result)),
        Event::Loaded(Ok(records)) => format!("Loaded {} records", records.len()),
        Event::Loaded(Err(error)) => format!("Loaded nothing: {error}"),
        Event::Answered { send, response } => {
            format!("Answered #{send} {}", self::response(response))
        }
        Event::Peer { keys, confirmed } => format!(
            "Peer {:?}, balance {:?}",
            keys.iter().map(ToString::to_string).collect::<Vec<_>>(),
            confirmed
                .as_ref()
                .map(|known| (known.balance.get(), known.version))
        ),
        other => cut(other),
    }
}

/// `None` for steps that are not shown.
pub fn effect(trace: &Trace, effect: &Effect) -> Option<String> {
    if !trace.is_on() {
        return None;
    }
    match effect {
        Effect::Journal { ops, .. } => {
            let ops: Vec<String> = ops.iter().map(op).collect();
            Some(format!("Journal {}", ops.join("; ")))
        }
        Effect::Send {
            send,
            request,
            refresh_token,
            ..
        } => {
            let token = if *refresh_token { ", new token" } else { "" };
            let (_, keys) = super::server::kind_and_keys(request);
            let (method, path) = (request.method, &request.path);
            Some(format!("Send #{send} {method:?} {path} {keys:?}{token}"))
        }
        Effect::Notice(Notice::Alert(alert)) => {
            Some(format!("ALERT {:?}: {}", alert.kind, alert.detail))
        }
        Effect::Notice(Notice::Charge(record)) => {
            Some(format!("tells {} {:?}", record.key, record.status))
        }
        Effect::Notice(_)
        | Effect::Announce { .. }
        | Effect::AnnounceFlush(_)
        | Effect::AskTasks
        | Effect::SaveBalance(_) => None,
        other => Some(cut(other)),
    }
}

pub fn op(op: &Op) -> String {
    match op {
        Op::Enqueue {
            charge,
            admission,
            claim,
            ..
        } => {
            let admitted = if admission.is_ok() { "" } else { ", refused" };
            let claimed = if claim.is_some() { ", claimed" } else { "" };
            format!(
                "Enqueue {} {}{admitted}{claimed}",
                charge.key, charge.amount
            )
        }
        Op::Begin { key, purpose, .. } => format!("Begin {purpose:?} {key}"),
        Op::Conclude {
            charge,
            attempt,
            conclusion,
            ..
        } => format!("Conclude {} {attempt:?} {}", charge.key, cut(conclusion)),
        Op::Reopen { key } => format!("Reopen {key}"),
        Op::ReopenOnce { key } => format!("ReopenOnce {key}"),
        Op::Cancel { key, .. } => format!("Cancel {key}"),
        Op::LoseAge { key } => format!("LoseAge {key}"),
        Op::Adopt { record } => format!("Adopt {}", self::record(record)),
        Op::Forget { key } => format!("Forget {key}"),
        Op::Read { key } => format!("Read {key}"),
    }
}

pub fn result(result: &Result<Vec<Applied>, String>) -> String {
    match result {
        Err(error) => format!("FAILS: {error}"),
        Ok(applied) => {
            let records = applied.iter().map(|applied| {
                let done = if applied.done { "" } else { "not done, " };
                let record = applied.record.as_ref().map_or("nothing".to_owned(), record);
                format!("{done}{record}")
            });
            format!("commits: {}", records.collect::<Vec<_>>().join("; "))
        }
    }
}

pub fn record(record: &Record) -> String {
    let charge = record.charge();
    let (attempts, state) = (record.attempts(), cut(record.state()));
    format!(
        "{} {} attempts {attempts} {state}",
        charge.key, charge.amount
    )
}

pub fn response(response: &Response) -> String {
    let retry_after = match &response.retry_after {
        Some(retry_after) => format!(" Retry-After: {retry_after}"),
        None => String::new(),
    };
    format!("{}{retry_after} {}", response.status, cut(&response.body))
}

fn cut(thing: &impl std::fmt::Debug) -> String {
    let text = format!("{thing:?}");
    match text.char_indices().nth(220) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
