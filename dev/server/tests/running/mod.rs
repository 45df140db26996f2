//! The server as a program; or that of `TOLLBOX_SERVER_COMMAND`.

// Each test program uses its own part of it.
#![allow(dead_code)]

use std::env;
use std::process::{ExitStatus, Stdio};

use crate::client::{LIMIT, Site};
use crate::database::{Database, is_postgres};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A running binary, killed when it is dropped.
pub struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    log: Option<Log>,
    pub site: Site,
}

/// What a server has logged until now, and the task that reads it.
struct Log {
    text: watch::Receiver<String>,
    reading: JoinHandle<()>,
}

impl Log {
    fn read(stderr: ChildStderr) -> Self {
        let (sender, text) = watch::channel(String::new());
        let reading = tokio::spawn(async move {
            let mut lines = BufReader::new(stderr).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                sender.send_modify(|text| {
                    text.push_str(&line);
                    text.push('\n');
                });
            }
        });
        Self { text, reading }
    }
}

/// The program with these flags.
pub fn command(flags: &[&str]) -> Command {
    let named = env::var("TOLLBOX_SERVER_COMMAND");
    let named = named
        .as_deref()
        .unwrap_or(env!("CARGO_BIN_EXE_tollbox-server"));
    let mut words = named.lines();
    let mut command = Command::new(words.next().unwrap());
    command
        .args(words)
        .args(flags)
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}

impl Running {
    /// Starts it on a free port, and waits until it listens.
    pub async fn start(flags: &[&str]) -> Self {
        let mut flags = flags.to_vec();
        let place;
        if is_postgres() && !flags.contains(&"--database") {
            place = Database::new().await.place();
            flags.extend(["--database", &place]);
        }
        if env::var("TOLLBOX_SERVER_COMMAND").is_err() {
            flags.extend(["--log-level", "warn"]);
        }
        Self::run(command(&flags)).await
    }

    /// The same, and keeps its log.
    pub async fn start_logging(flags: &[&str]) -> Self {
        let mut command = command(flags);
        command.stderr(Stdio::piped());
        Self::run(command).await
    }

    async fn run(mut command: Command) -> Self {
        let mut child = command.args(["--port", "0"]).spawn().unwrap();
        let log = child.stderr.take().map(Log::read);
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).await.unwrap();
        let base = line.strip_prefix("listening on ").unwrap().trim_end();
        assert!(base.starts_with("http://127.0.0.1:"), "{base}");
        Self {
            site: Site::new(base),
            child,
            stdout,
            log,
        }
    }

    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }

    /// Waits for its end, and checks that it has printed nothing more.
    pub async fn end(mut self) -> ExitStatus {
        let mut rest = String::new();
        let ended = async {
            self.stdout.read_to_string(&mut rest).await.unwrap();
            self.child.wait().await.unwrap()
        };
        let status = timeout(LIMIT, ended).await.expect("it ends");
        assert_eq!(rest, "");
        status
    }

    /// Waits for a line with this beginning in its log, and gives the rest of the line.
    pub async fn logged(&self, beginning: &str) -> String {
        let mut text = self.log.as_ref().unwrap().text.clone();
        let found = |text: &String| text.contains(beginning);
        let seen = timeout(LIMIT, text.wait_for(found)).await;
        let text = seen.expect("it is logged").unwrap();
        let (_, rest) = text.split_once(beginning).unwrap();
        rest.lines().next().unwrap().to_owned()
    }

    /// How often it tried a transaction again for this reason. It has `--metrics`.
    pub async fn retries(&self, reason: &str) -> u64 {
        let address = self.logged("metrics at ").await;
        let base = address.strip_suffix("/metrics").unwrap();
        let text = Site::new(base).get("/metrics").await.text;
        let series = format!("tollbox_database_retries_total{{reason=\"{reason}\"}} ");
        let value = text.lines().find_map(|line| line.strip_prefix(&series));
        value.unwrap().parse().unwrap()
    }

    /// Waits for its end, and gives its whole log.
    pub async fn end_with_log(mut self) -> String {
        let log = self.log.take().unwrap();
        self.end().await;
        log.reading.await.unwrap();
        log.text.borrow().clone()
    }
}
