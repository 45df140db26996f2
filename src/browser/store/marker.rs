//! What localStorage knows of the journal in IndexedDB, so that its loss is noticed: the user may
//! clear the one storage, or a browser evict or restore it, and leave the other.

use crate::browser::entries;
use crate::browser::names::Names;
use crate::core::charge::Key;
use crate::core::engine::OpenCharges;
use crate::core::json::{FromJson, Json, Misfit, ToJson};
use crate::core::snapshot::QueueCounts;

/// So many keys are told to people one by one.
const TOLD_LIMIT: usize = 5;

/// What is known of a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Names it; another one has taken its place if it changes.
    pub id: Option<String>,
    /// How many transactions have been committed to it that no crash undoes.
    pub commits: u64,
    /// How many have written rows.
    pub changes: u64,
    /// Whether it has just been made.
    pub is_new: bool,
}

/// What was noted of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// Names the database.
    id: String,
    /// How many charges were open in it, as far as its last writer knew.
    open: usize,
    /// At least so many transactions had been committed by then.
    commits: u64,
    /// The keys of those charges, or of some.
    keys: Vec<String>,
    /// Its queue, when it was last known to be at rest.
    rest: Option<Rest>,
}

json_members! { to Marker { id, open, commits, keys, rest } }

impl FromJson for Marker {
    fn from_json(json: &Json<'_>) -> Result<Marker, Misfit> {
        Ok(Marker {
            id: json.member("id")?,
            open: json.member("open")?,
            commits: json.member("commits")?,
            keys: json.member("keys")?,
            // It only spares time.
            rest: json.member("rest").unwrap_or_default(),
        })
    }
}

/// A queue at rest. It is what the journal has as long as nobody has changed that: nothing that is
/// there is left alone, unread.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rest {
    commits: u64,
    changes: u64,
    queue: QueueCounts,
}

json_members! { to and from Rest { commits, changes, queue } }

/// What has become of the journal since it was noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Past {
    /// Nothing that was noted is missing.
    Whole,
    /// Another database is in its place.
    Gone(Marker),
    /// It is as it was before something that was committed.
    Older(Marker),
}

impl Marker {
    /// The charges that were open, as far as they were noted by name.
    pub fn keys(&self) -> Vec<Key> {
        let keys = self.keys.iter();
        keys.filter_map(|key| Key::new(key.as_str()).ok()).collect()
    }

    /// Whether any charge was open.
    pub fn any_open(&self) -> bool {
        self.open > 0
    }

    /// At least so many transactions had been committed.
    pub fn commits(&self) -> u64 {
        self.commits
    }

    /// How many charges were open, and which; for people.
    pub fn told(&self) -> String {
        let named = self.keys.iter().take(TOLD_LIMIT);
        let named = named.map(String::as_str).collect::<Vec<&str>>().join(", ");
        let more = self.open.saturating_sub(self.keys.len().min(TOLD_LIMIT));
        let charges = match self.open {
            1 => "1 charge was".to_owned(),
            open => format!("{open} charges were"),
        };
        match (named.is_empty(), more) {
            (true, _) => format!("{charges} open"),
            (false, 0) => format!("{charges} open: {named}"),
            (false, more) => format!("{charges} open: {named} and {more} more"),
        }
    }
}

/// What the database holds, measured by what was noted of the journal; notes the database that is
/// there.
pub fn check(names: &Names, database: &Identity) -> Past {
    let before = read(names);
    let same = before
        .as_ref()
        .is_some_and(|before| Some(&before.id) == database.id.as_ref());
    match before {
        Some(before) if same && before.commits > database.commits => Past::Older(before),
        Some(_) if same => Past::Whole,
        Some(before) => Past::Gone(before),
        None => {
            write(names, database, &OpenCharges::default());
            Past::Whole
        }
    }
}

/// Notes which charges are open. Of a database without a name nothing is noted.
pub fn write(names: &Names, database: &Identity, open: &OpenCharges) {
    let Some(id) = database.id.clone() else {
        return entries::remove(&names.marker());
    };
    let before = read(names);
    let same = before.as_ref().filter(|before| before.id == id);
    let keys = open.keys.iter().map(|key| key.as_str().to_owned());
    let rest = open.at_rest.map(|queue| Rest {
        commits: database.commits,
        changes: database.changes,
        queue,
    });
    // What another tab has noted may still be so; if not, nobody believes it.
    let rest = rest.or_else(|| same.and_then(|same| same.rest.clone()));
    // More is held than that while tasks are at work.
    let rest = rest.filter(|_| !open.at_work);
    let marker = Marker {
        // Another tab may have noted a later state.
        commits: same.map_or(0, |same| same.commits).max(database.commits),
        id,
        open: open.count,
        keys: keys.collect(),
        rest,
    };
    if before.as_ref() != Some(&marker) {
        // A full localStorage leaves the old one: a loss may go unnoticed, or be told of though
        // nothing was open, and nothing else.
        drop(entries::write(&names.marker(), &marker.to_json().to_text()));
    }
}

/// The queue that is in this database, where it was noted and nobody has changed anything since.
pub fn queue(names: &Names, database: &Identity) -> Option<QueueCounts> {
    let noted = read(names).filter(|noted| Some(&noted.id) == database.id.as_ref())?;
    let rest = noted.rest?;
    let is_still_so = rest.commits == database.commits && rest.changes == database.changes;
    is_still_so.then_some(rest.queue)
}

/// What was noted last.
pub fn read(names: &Names) -> Option<Marker> {
    let text = entries::read(&names.marker())?;
    Marker::from_json(&Json::parse(&text)?).ok()
}
