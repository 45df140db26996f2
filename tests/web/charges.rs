//! Charges and operations to test with.

use tollbox::browser::names::Names;
use tollbox::browser::store::{Choice, JournalStore, News, Scope, SetAside};
use tollbox::core::charge::{Charge, ChargeRequest, Key};
use tollbox::core::engine::OpenCharges;
use tollbox::core::journal::{Applied, ApplyAt, Op};
use tollbox::core::points::Points;
use tollbox::core::record::{Claim, Purpose, Receipt, Record, Verdict};
use tollbox::core::session::Session;

/// The time of all tests here, in milliseconds since the Unix epoch.
pub const NOW_MS: u64 = 1_800_000_000_000;
/// The namespace of all tests here.
pub const NAMESPACE: &str = "server";
/// The length of all claims here.
pub const CLAIM_MS: u64 = 15_000;

pub const AT: ApplyAt = ApplyAt {
    wall_ms: NOW_MS,
    session: Session::since(0),
    mark: 0,
};

/// A name that no other test uses.
pub fn fresh(name: &str) -> String {
    format!("{name}-{:016x}", tollbox::browser::clock::random_u64())
}

pub fn key(key: &str) -> Key {
    Key::new(key).unwrap()
}

pub fn charge(key: &str) -> Charge {
    charge_with(key, &[])
}

pub fn charge_with(key: &str, metadata: &[(&str, &str)]) -> Charge {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let request = ChargeRequest {
        task_id: key.to_owned(),
        amount: 3.0,
        feature: "cloud_trans".to_owned(),
        key: Some(key.to_owned()),
        metadata: metadata.iter().map(owned).collect(),
    };
    request.into_charge(NOW_MS).unwrap()
}

pub fn enqueue(key: &str) -> Op {
    enqueue_charge(charge(key))
}

pub fn enqueue_charge(charge: Charge) -> Op {
    Op::Enqueue {
        charge,
        sequence: 1,
        admission: Ok(()),
        claim: None,
        may_have_left: false,
        may_arrive_for_ms: 0,
    }
}

pub fn begin(of: &str, tab: &str) -> Op {
    Op::Begin {
        over: None,
        seen: None,
        key: key(of),
        purpose: Purpose::Send,
        claim: claim(tab),
    }
}

pub fn claim(tab: &str) -> Claim {
    Claim {
        tab: tab.to_owned(),
        until_ms: NOW_MS + CLAIM_MS,
        length_ms: CLAIM_MS,
    }
}

pub fn read(of: &str) -> Op {
    Op::Read { key: key(of) }
}

pub fn charged() -> Verdict {
    Verdict::Charged(Receipt {
        charge_id: "c-1".to_owned(),
        charged_at: "2027-01-15T08:00:00Z".to_owned(),
        balance: Points::new(117).unwrap(),
        version: 2,
        held: None,
        replayed: false,
    })
}

/// Opens a store, and checks that it has no news.
pub async fn open_store(account: &str, choice: Choice) -> JournalStore {
    let (store, news) = open_with_news(account, choice).await;
    assert_eq!(news, []);
    store
}

/// Opens a store, and gives its news.
pub async fn open_with_news(account: &str, choice: Choice) -> (JournalStore, Vec<News>) {
    let mut news = Vec::new();
    let store = JournalStore::open(&names(account), choice, AT, &mut news).await;
    (store, news)
}

/// The names that an account's client uses with the namespace of these tests.
pub fn names(account: &str) -> Names {
    Names::new(NAMESPACE, account)
}

/// The prefix of an account's localStorage entries.
pub fn all_entries(account: &str) -> String {
    format!("{}:", database(account))
}

/// The name of an account's journal database.
pub fn database(account: &str) -> String {
    names(account).database()
}

/// Applies the operations strictly, and checks that there is no news.
pub async fn apply(store: &JournalStore, ops: &[Op]) -> Vec<Applied> {
    let (applied, news) = apply_with_news(store, ops).await;
    assert_eq!(news, []);
    applied.unwrap()
}

/// Applies the operations strictly, and gives the news.
pub async fn apply_with_news(
    store: &JournalStore,
    ops: &[Op],
) -> (Result<Vec<Applied>, String>, Vec<News>) {
    let mut news = Vec::new();
    (
        store.apply(ops, false, AT, &|_| None, &mut news).await,
        news,
    )
}

/// A count of open charges, without their keys.
pub fn open_charges(count: usize) -> OpenCharges {
    OpenCharges {
        count,
        ..OpenCharges::default()
    }
}

/// All records in the store, by key; checks that there is no news.
pub async fn load(store: &JournalStore) -> Vec<Record> {
    let (records, news) = load_with_news(store, Scope::All).await;
    assert_eq!(news, []);
    records.unwrap()
}

/// The quarantined records, in the store and in localStorage; checks that there is no news.
pub async fn set_aside(store: &JournalStore) -> Vec<SetAside> {
    let mut news = Vec::new();
    let mut aside = store.set_aside(AT, &mut news).await.unwrap();
    assert_eq!(news, []);
    aside.extend(store.set_aside_locally());
    aside
}

/// The records in the store, by key, and the news of reading them, but for the lost charges, which
/// are reported at each read: see [`lost`].
pub async fn load_with_news(
    store: &JournalStore,
    scope: Scope,
) -> (Result<Vec<Record>, String>, Vec<News>) {
    let mut news = Vec::new();
    let records = store.load(scope, AT, &mut news).await;
    news.retain(|news| !matches!(news, News::Lost(_)));
    (records.map(sorted), news)
}

/// The charges that the store reports as lost.
pub async fn lost(store: &JournalStore) -> Vec<Key> {
    let mut news = Vec::new();
    let _ = store.load(Scope::All, AT, &mut news).await;
    let lost = news.into_iter().filter_map(|news| match news {
        News::Lost(keys) => Some(keys),
        News::SetAside(_)
        | News::LeftAlone(_)
        | News::Wiped { .. }
        | News::SetBack { .. }
        | News::Moved { .. } => None,
    });
    lost.flatten().collect()
}

pub fn sorted(mut records: Vec<Record>) -> Vec<Record> {
    records.sort_by(|one, other| one.charge().key.cmp(&other.charge().key));
    records
}

pub fn keys(records: &[Record]) -> Vec<&str> {
    let keys = records.iter().map(|record| record.charge().key.as_str());
    keys.collect()
}
