//! The command line.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::LazyLock;

use clap::Parser;
use hyper::Uri;
use regex_lite::{Match, Regex};

use crate::catalogue::profiles;

/// Runs the charge protocol against a billing server, rule by rule, and says which it keeps.
///
/// It charges the account for real, a point at a time: give it an account that nobody else uses
/// meanwhile. Exit code: 0 all rules are kept, 1 one is broken, 2 they can't be run.
#[derive(Clone, Debug, Parser)]
// An option that is given again counts the last time, as in the runner in Node.js.
#[command(version, args_override_self = true)]
pub struct Options {
    /// Where the protocol is, such as http://localhost:8787/billing/v1
    #[arg(long, value_name = "URL", value_parser = base_url)]
    pub base_url: BaseUrl,

    /// A token of the account that is charged
    #[arg(long, value_name = "T", value_parser = token)]
    pub token: String,

    /// A token of another account
    #[arg(long, value_name = "U", value_parser = token)]
    pub other_token: Option<String>,

    /// The account of --token, as Billing-Account names it
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,

    /// The feature that is charged; a task of it must cost 1 point, or what is asked for
    #[arg(long, value_name = "NAME", default_value = "conformance", value_parser = feature)]
    pub feature: String,

    /// A shell command that adds $TOLLBOX_POINTS points to the account of $TOLLBOX_TOKEN
    #[arg(long, value_name = "COMMAND")]
    pub top_up_cmd: Option<String>,

    /// A shell command that sets the price of $TOLLBOX_TASK_ID to $TOLLBOX_PRICE, for the account of
    /// $TOLLBOX_TOKEN
    #[arg(long, value_name = "COMMAND")]
    pub price_cmd: Option<String>,

    /// A server that differs on purpose; may be given more than once
    #[arg(long = "profile", value_name = "NAME", value_parser = profile)]
    pub profiles: Vec<String>,

    /// Where the pages are that may use the server
    #[arg(long, value_name = "ORIGIN", default_value = "https://shop.example", value_parser = origin)]
    pub origin: String,

    /// A rule or a topic, such as replay; may be given more than once
    #[arg(long, value_name = "RULE")]
    pub only: Vec<String>,

    /// How long an answer may take
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=9999))]
    pub answer_within: u64,

    /// How long a body that never ends may be waited for
    #[arg(long, value_name = "SECONDS", default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..=9999))]
    pub body_within: u64,

    /// Names the keys of this run, up to 12 digits; the same again finds them used
    #[arg(long, value_name = "HEX", value_parser = run_name, default_value_t = random_run(), hide_default_value = true)]
    pub run: String,

    /// Print the results as JSON
    #[arg(long)]
    pub json: bool,

    /// Write them to a file, as JUnit has them
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
}

impl Options {
    /// Checks what clap would print where it is wrong: the URL may have a password.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn check(&self) -> Result<(), String> {
        match self.base_url.uri.host() {
            Some(_) => Ok(()),
            None => Err(format!("--base-url must be {A_BASE_URL}")),
        }
    }
}

/// Where the protocol is.
#[derive(Clone, Debug)]
pub struct BaseUrl {
    /// As it was given, without a slash at its end.
    pub text: String,
    /// Without a host where it is none.
    pub uri: Uri,
}

const A_BASE_URL: &str = "an http or https URL of ASCII characters, without a user and a query";

/// What the runner in Node.js takes for a URL too, and without a password that would be printed.
const BASE_URL: &str =
    r"(?i)^https?://(?:[0-9a-z_.-]+|\[[0-9a-f:.]+\])(?::([0-9]+))?(?:/[!$-;=@-Z_a-z~]*)?$";

fn base_url(given: &str) -> Result<BaseUrl, Infallible> {
    static URL: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(BASE_URL).expect("the pattern is a constant"));
    let text = given.trim_end_matches('/').to_owned();
    let has_port = |port: Match<'_>| port.as_str().parse::<u16>().is_ok();
    let is_url = URL
        .captures(&text)
        .is_some_and(|parts| parts.get(1).is_none_or(has_port));
    let uri = text.parse().ok().filter(|_| is_url).unwrap_or_default();
    Ok(BaseUrl { text, uri })
}

fn token(given: &str) -> Result<String, String> {
    if !given.is_empty() && given.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(given.to_owned())
    } else {
        Err("it must be of printable ASCII characters".to_owned())
    }
}

fn feature(given: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    if !given.is_empty() && given.bytes().all(is_plain) {
        Ok(given.to_owned())
    } else {
        Err("it must be of letters, digits and _ . : -".to_owned())
    }
}

fn origin(given: &str) -> Result<String, String> {
    let host = ["http://", "https://"]
        .iter()
        .find_map(|scheme| given.strip_prefix(scheme));
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"/?".contains(&byte);
    if host.is_some_and(|host| !host.is_empty() && host.bytes().all(is_plain)) {
        Ok(given.to_owned())
    } else {
        Err("it must be http or https and a host, as https://shop.example".to_owned())
    }
}

fn profile(given: &str) -> Result<String, String> {
    let known = profiles();
    if known.contains_key(given) {
        return Ok(given.to_owned());
    }
    let known: Vec<String> = known
        .iter()
        .map(|(name, what)| format!("{name} ({what})"))
        .collect();
    Err(format!("there is {}", known.join("; ")))
}

fn run_name(given: &str) -> Result<String, String> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if (1..=12).contains(&given.len()) && given.bytes().all(is_digit) {
        Ok(given.to_owned())
    } else {
        Err("it must be up to 12 digits of hexadecimal, in lower case".to_owned())
    }
}

fn random_run() -> String {
    format!("{:012x}", fastrand::u64(..1 << 48))
}
