//! What `pkg/lib/journal` does: connections and transactions. What is written is decided here.
//!
//! The paths are those of a server at the root of the project, where the tests of the shell run;
//! `cargo xtask build` makes those of the package of them.

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::*;

#[wasm_bindgen(raw_module = "/pkg/lib/journal/database.js")]
extern "C" {
    /// The journal's database, opened anew when somebody else has closed it.
    #[derive(Debug)]
    pub type Database;

    /// The database of this name, not opened yet.
    #[wasm_bindgen(constructor)]
    pub fn new(name: &str) -> Database;

    #[wasm_bindgen(method, getter, js_name = isOpen)]
    pub fn is_open(this: &Database) -> bool;

    /// Connects, where it is not connected. The database gets this name if it has none.
    #[wasm_bindgen(method)]
    pub fn connect(this: &Database, name: &str) -> Promise;

    /// Forgets the connection, which is of no use any more.
    #[wasm_bindgen(method)]
    pub fn disconnect(this: &Database);

    /// Closes it for good, when what is under way has ended.
    #[wasm_bindgen(method)]
    pub fn close(this: &Database);

    /// What the database calls itself.
    #[wasm_bindgen(method, getter)]
    pub fn id(this: &Database) -> Option<String>;

    /// How many transactions that no crash undoes are known to have been committed.
    #[wasm_bindgen(method, getter)]
    pub fn commits(this: &Database) -> f64;

    /// How many are known to have written rows.
    #[wasm_bindgen(method, getter)]
    pub fn changes(this: &Database) -> f64;

    /// Whether it had just been made.
    #[wasm_bindgen(method, getter, js_name = isNew)]
    pub fn is_new(this: &Database) -> bool;

    /// The latest mark of a sign-out that was read.
    #[wasm_bindgen(method, getter)]
    pub fn mark(this: &Database) -> f64;

    /// Whether any record is known to be lost.
    #[wasm_bindgen(method, getter)]
    pub fn lost(this: &Database) -> bool;

    /// The module knows everything that is there after so many changes.
    #[wasm_bindgen(method, js_name = isKnownAt)]
    pub fn is_known_at(this: &Database, changes: f64);

    /// Whether the module knows everything that is there, as far as was last seen.
    #[wasm_bindgen(method, getter, js_name = seemsKnown)]
    pub fn seems_known(this: &Database) -> bool;

    /// Resolves with whether nothing has been changed since by anybody of whom it does not know.
    #[wasm_bindgen(method, js_name = isKnown)]
    pub fn is_known(this: &Database) -> Promise;

    /// Whether another database has taken its place since this was last asked.
    #[wasm_bindgen(method, js_name = takeWiped)]
    pub fn take_wiped(this: &Database) -> bool;

    /// Whether the browser has thrown a damaged one away since this was last asked.
    #[wasm_bindgen(method, js_name = takeRemade)]
    pub fn take_remade(this: &Database) -> bool;
}

#[wasm_bindgen(raw_module = "/pkg/lib/journal/assumed.js")]
extern "C" {
    /// Writes the rows of these texts, made by `rows::text`, strictly. Resolves with whether they fit:
    /// no row is under the keys of those that are added, and no record is lost; nobody has changed
    /// the journal since `Database::seems_known`, where others are changed or claimed; and no sign-out
    /// was after `mark`. Nothing is written otherwise.
    pub fn write(
        database: &Database,
        added: &str,
        changed: &str,
        claimed: &str,
        mark: f64,
    ) -> Promise;
}

#[wasm_bindgen(raw_module = "/pkg/lib/journal/transaction.js")]
extern "C" {
    /// A transaction that reads, and then writes all at once.
    pub type Transaction;

    /// Begins one that reads the rows of these keys, or those that the text names. `counts` where no
    /// crash undoes it; `is_told` where the core learns of everything that it changes.
    #[wasm_bindgen(catch)]
    pub fn begin(
        database: &Database,
        asked: &JsValue,
        durability: &str,
        sets_aside: bool,
        counts: bool,
        is_told: bool,
    ) -> Result<Transaction, JsValue>;

    /// Resolves when it has read. Until the next turn something can be written.
    #[wasm_bindgen(method, getter)]
    pub fn reading(this: &Transaction) -> Promise;

    /// The rows that were asked for.
    #[wasm_bindgen(method, getter)]
    pub fn rows(this: &Transaction) -> Rows;

    /// Whether it is noted of the key in this place that its record is lost.
    #[wasm_bindgen(method, js_name = isLost)]
    pub fn is_lost(this: &Transaction, place: usize) -> bool;

    /// The mark of the last sign-out.
    #[wasm_bindgen(method, getter)]
    pub fn mark(this: &Transaction) -> f64;

    /// How many transactions that no crash undoes had been committed.
    #[wasm_bindgen(method, getter)]
    pub fn commits(this: &Transaction) -> f64;

    #[wasm_bindgen(method, js_name = setMark)]
    pub fn set_mark(this: &Transaction, mark: f64);

    /// Whether claims of a batch are there, and damaged: any charge may be among them.
    #[wasm_bindgen(method, getter, js_name = hasLostClaims)]
    pub fn has_lost_claims(this: &Transaction) -> bool;

    /// Damaged claims are of no use any more: everything is in doubt now.
    #[wasm_bindgen(method, js_name = forgetLostClaims)]
    pub fn forget_lost_claims(this: &Transaction);

    #[wasm_bindgen(method, js_name = setCommits)]
    pub fn set_commits(this: &Transaction, commits: f64);

    /// Writes the rows of this text, made by `rows::text`.
    #[wasm_bindgen(method)]
    pub fn put(this: &Transaction, rows: &str);

    #[wasm_bindgen(method)]
    pub fn remove(this: &Transaction, key: &JsValue);

    /// Notes that the record of this charge is lost.
    #[wasm_bindgen(method)]
    pub fn lose(this: &Transaction, key: &JsValue, why: &str);

    #[wasm_bindgen(method, js_name = setAside)]
    pub fn set_aside(this: &Transaction, row: &JsValue, why: &str, found_at_ms: f64);

    /// Whether it was begun with too little for what is to be written.
    #[wasm_bindgen(method, getter, js_name = isTooNarrow)]
    pub fn is_too_narrow(this: &Transaction) -> bool;

    /// Writes; resolves when that has been committed.
    #[wasm_bindgen(method)]
    pub fn commit(this: &Transaction) -> Promise;

    /// Nothing of it happens.
    #[wasm_bindgen(method)]
    pub fn undo(this: &Transaction);
}

#[wasm_bindgen(raw_module = "/pkg/lib/journal/pages.js")]
extern "C" {
    /// A reading of the journal, a page at a time.
    pub type Pages;

    /// Begins to read everything, or what may have something left to do.
    #[wasm_bindgen(catch)]
    pub fn read(database: &Database, all: bool) -> Result<Pages, JsValue>;

    /// Resolves with the next [`Rows`], in a task of its own; with `undefined` after the last.
    #[wasm_bindgen(method)]
    pub fn next(this: &Pages) -> Promise;

    /// After the last page: whether claims of a batch are there, and damaged. Then it was the only one.
    #[wasm_bindgen(method, getter, js_name = hasLostClaims)]
    pub fn has_lost_claims(this: &Pages) -> bool;

    /// After the last page: how many changes there had been.
    #[wasm_bindgen(method, getter)]
    pub fn changes(this: &Pages) -> f64;

    /// After the last page: the keys of charges whose records are lost, where everything was read.
    #[wasm_bindgen(method, getter)]
    pub fn lost(this: &Pages) -> Array;
}

#[wasm_bindgen(raw_module = "/pkg/lib/journal/rows.js")]
extern "C" {
    /// Rows that have been read.
    pub type Rows;

    /// All of them, as `rows::read_all` reads them.
    #[wasm_bindgen(method)]
    pub fn text(this: &Rows) -> Vec<u8>;

    /// The row in this place, `undefined` where there is none.
    #[wasm_bindgen(method)]
    pub fn at(this: &Rows, place: usize) -> JsValue;

    /// The keys of those that are there.
    #[wasm_bindgen(method)]
    pub fn keys(this: &Rows) -> Array;
}

#[wasm_bindgen(raw_module = "/pkg/lib/journal/row.js")]
extern "C" {
    #[wasm_bindgen(js_name = keyOf)]
    pub fn key_of(row: &JsValue) -> JsValue;

    #[wasm_bindgen(js_name = stateOf)]
    pub fn state_of(row: &JsValue) -> Option<String>;

    #[wasm_bindgen(js_name = sequenceOf)]
    pub fn sequence_of(row: &JsValue) -> Option<f64>;

    #[wasm_bindgen(js_name = formatOf)]
    pub fn format_of(row: &JsValue) -> Option<u32>;

    #[wasm_bindgen(js_name = checkOf)]
    pub fn check_of(row: &JsValue) -> Option<u32>;

    #[wasm_bindgen(js_name = bodyOf)]
    pub fn body_of(row: &JsValue) -> Option<String>;
}

#[wasm_bindgen(raw_module = "/pkg/lib/journal/quarantine.js")]
extern "C" {
    /// A record that was set aside.
    pub type Aside;

    /// Resolves with an array of them, oldest first.
    #[wasm_bindgen(js_name = allAside)]
    pub fn all_aside(database: &Database) -> Promise;

    #[wasm_bindgen(method, getter)]
    pub fn key(this: &Aside) -> String;

    #[wasm_bindgen(method, getter)]
    pub fn why(this: &Aside) -> String;

    #[wasm_bindgen(method, getter, js_name = foundAtMs)]
    pub fn found_at_ms(this: &Aside) -> f64;

    #[wasm_bindgen(method, getter)]
    pub fn stored(this: &Aside) -> String;
}

#[wasm_bindgen(raw_module = "/pkg/lib/journal/trouble.js")]
extern "C" {
    /// What kind of trouble this error is.
    #[wasm_bindgen(js_name = kindOf)]
    pub fn kind_of(error: &JsValue) -> String;

    /// The same for people.
    #[wasm_bindgen(js_name = detailOf)]
    pub fn detail_of(error: &JsValue) -> String;
}

#[wasm_bindgen(raw_module = "/pkg/lib/journal/schema.js")]
extern "C" {
    /// Resolves with whether the browser says that there is a database of this name.
    #[wasm_bindgen(js_name = isListed)]
    pub fn is_listed(name: &str) -> Promise;
}
