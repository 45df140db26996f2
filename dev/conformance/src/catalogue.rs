//! The rules, as `pkg/conformance/rules/*.json` has them: one file a topic, in the order of
//! `index.json`. `docs/conformance.md` has the format.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

macro_rules! rules {
    ($($topic:literal)*) => {
        [$(($topic, include_str!(concat!("../../../pkg/conformance/rules/", $topic, ".json")))),*]
    };
}

/// The topics and their files, as `index.json` lists them.
const TOPICS: [(&str, &str); 15] = rules![
    "balance" "charge" "replay" "reuse" "keys" "malformed" "accounts" "problems" "batch" "lookup"
    "cors" "robustness" "declines" "hooks" "holds"
];

const PROFILES: &str = include_str!("../../../pkg/conformance/rules/profiles.json");

/// The profiles, and what a server does that has one.
pub fn profiles() -> BTreeMap<String, String> {
    read(PROFILES)
}

/// All rules, in order.
pub fn catalogue() -> Vec<Rule> {
    TOPICS
        .iter()
        .flat_map(|(_, text)| read::<Vec<Rule>>(text))
        .collect()
}

fn read<T: for<'de> Deserialize<'de>>(text: &str) -> T {
    serde_json::from_str(text).expect("the catalogue is well-formed: a test reads it")
}

/// One duty, and the steps that try it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub id: String,
    #[serde(flatten)]
    pub usual: Variant,
    /// Where the protocol says so.
    pub source: String,
    #[serde(default)]
    pub needs: Vec<Need>,
    /// The most that it takes of the account.
    #[serde(default)]
    pub points: u64,
    /// The most that it holds there beside that, until its end.
    #[serde(default)]
    pub holding: u64,
    /// The most that it takes or holds of the other account.
    #[serde(default)]
    pub other_points: u64,
    #[serde(default)]
    pub profiles: BTreeMap<String, InProfile>,
}

/// What a rule asks for.
#[derive(Debug, Deserialize)]
pub struct Variant {
    pub duty: String,
    pub steps: Vec<Step>,
}

/// What becomes of a rule for a server with a profile.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum InProfile {
    Other(Variant),
    Skipped {
        #[allow(dead_code)]
        skip: bool,
    },
}

/// What a rule can't be tried without.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    OtherToken,
    Account,
    Batch,
    Holds,
    TopUp,
    Price,
}

/// Whose token goes with a request.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum As {
    #[default]
    Own,
    Other,
    /// A token that nobody has.
    Unknown,
    /// None.
    Nobody,
}

/// How a request is sent, where its body does not go at once and in full, and its answer is not waited
/// for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub enum Delivery {
    #[serde(rename = "in pieces")]
    InPieces,
    #[serde(rename = "without end")]
    WithoutEnd,
    #[serde(rename = "gone in the body")]
    GoneInTheBody,
    #[serde(rename = "gone before the answer")]
    GoneBeforeTheAnswer,
    #[serde(rename = "in the background")]
    InTheBackground,
}

/// One request. Texts are templates: `{a}` is a fresh key, other names are what was saved before.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sending {
    /// `POST charges` under this key.
    pub charge: Option<String>,
    /// `GET charges` of this key.
    pub lookup: Option<String>,
    /// `POST charges/batch` of these.
    pub batch: Option<Vec<Item>>,
    /// `POST charges/batch` of so many, under `key`.
    pub batch_of: Option<u64>,
    #[serde(default)]
    pub key: String,
    /// `POST holds` under this key.
    pub hold: Option<String>,
    /// `DELETE holds` of this key.
    pub release: Option<String>,
    pub method: Option<String>,
    /// Below the base URL.
    #[serde(default)]
    pub path: String,
    /// More headers; null leaves one out.
    #[serde(default)]
    pub headers: BTreeMap<String, Option<String>>,
    /// Members of the charge or hold in place of the usual ones.
    #[serde(default, rename = "with")]
    pub members: Map<String, Value>,
    /// Members that are left out.
    #[serde(default)]
    pub without: Vec<String>,
    /// The body, in place of the charge or hold.
    pub text: Option<String>,
    #[serde(default, rename = "as")]
    pub whose: As,
    pub delivery: Option<Delivery>,
}

/// One charge of a batch.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    pub key: String,
    #[serde(default, rename = "with")]
    pub members: Map<String, Value>,
    #[serde(default)]
    pub without: Vec<String>,
}

/// What an answer must be.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    pub status: Option<Status>,
    /// A problem document, of this type.
    pub problem: Option<Value>,
    #[serde(default)]
    pub headers: BTreeMap<String, Value>,
    /// Members by path, such as `results.0.status`.
    pub body: Option<BTreeMap<String, Value>>,
    pub within_s: Option<u64>,
    /// No answer, but a closed connection.
    #[serde(default)]
    pub closed: bool,
}

/// One of these, or one of a kind.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Status {
    Among(Vec<Value>),
    Kind(StatusKind),
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub enum StatusKind {
    #[serde(rename = "4xx")]
    ClientError,
    /// A 4xx that says that the request is wrong.
    #[serde(rename = "refused")]
    Refused,
    #[serde(rename = "no redirect")]
    NoRedirect,
}

/// One expectation, or several of which one has to be met.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Expects {
    OneOf(Vec<Expect>),
    One(Box<Expect>),
}

/// One step of a rule: the member that is there says which.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub send: Option<Sending>,
    pub expect: Option<Expects>,
    /// Sends it so many times at once; `{n}` is the number of each.
    pub at_once: Option<u64>,
    /// How many of the answers have which status.
    #[serde(default)]
    pub count: BTreeMap<String, usize>,
    /// Members that are the same in all answers of 200 and 201.
    #[serde(default)]
    pub same: Vec<String>,
    /// Members that differ in all of them.
    #[serde(default)]
    pub different: Vec<String>,
    /// Members: those of them that have the same first have the same second.
    pub agree: Option<(String, String)>,
    /// Names for members of the answer, `header:NAME`, `status`, and for how many of all answers have
    /// a status, `count:STATUS`.
    #[serde(default)]
    pub save: BTreeMap<String, String>,
    /// Reads the balance, and saves it as NAME.balance, NAME.version, NAME.held, and NAME.free, which
    /// is what may be spent.
    pub balance: Option<String>,
    /// The points that are gone since a balance was read.
    pub taken: Option<Taken>,
    #[serde(default)]
    pub since: String,
    /// The points that are held more than when a balance was read.
    pub held: Option<Value>,
    /// How long `held` may take to become so.
    #[serde(default)]
    pub within_s: u64,
    /// `any` where the version may be lower though nothing was taken.
    pub version: Option<String>,
    #[serde(default, rename = "as")]
    pub whose: As,
    /// Each is greater than the one before.
    pub ascending: Option<Vec<Value>>,
    pub equal: Option<(Value, Value)>,
    /// What `equal` compares.
    #[serde(default)]
    pub named: String,
    /// Points for the command of `--top-up-cmd`.
    pub top_up: Option<Value>,
    /// The price that the command of `--price-cmd` gives to `task_id`.
    pub price: Option<u64>,
    #[serde(default)]
    pub task_id: String,
    /// Looks at every answer of the run with one of these statuses.
    pub seen: Option<Vec<u16>>,
}

/// A number of points, or the least and the most.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
pub enum Taken {
    Just(i64),
    Between(i64, i64),
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn topics_are_those_of_the_index() {
        let index = include_str!("../../../pkg/conformance/rules/index.json");
        let index: Vec<String> = serde_json::from_str(index).unwrap();
        let topics: Vec<&str> = TOPICS.iter().map(|(topic, _)| *topic).collect();
        assert_eq!(index, topics);
    }

    #[test]
    fn each_rule_has_an_id_of_its_own_that_begins_with_its_topic() {
        let mut ids = BTreeSet::new();
        for (topic, text) in TOPICS {
            for rule in read::<Vec<Rule>>(text) {
                assert!(rule.id.starts_with(&format!("{topic}/")), "{}", rule.id);
                assert!(rule.usual.duty.ends_with('.'), "{}", rule.id);
                assert!(ids.insert(rule.id.clone()), "{}", rule.id);
            }
        }
    }

    #[test]
    fn rules_name_known_profiles() {
        let known = profiles();
        for rule in catalogue() {
            for name in rule.profiles.keys() {
                assert!(known.contains_key(name), "{}: {name}", rule.id);
            }
        }
    }
}
