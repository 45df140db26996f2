//! The real binary: its start, stop, restart and death; or that of `TOLLBOX_SERVER_COMMAND`, as in the
//! tests of the protocol.

#[path = "../client/mod.rs"]
mod client;
#[path = "../database/mod.rs"]
mod database;

mod killed;
mod stopping;

use std::env;
use std::process::{ExitStatus, Stdio};

use client::{LIMIT, Site};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// A running binary, killed when it is dropped.
struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    site: Site,
}

fn command(flags: &[&str]) -> Command {
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
    async fn start(flags: &[&str]) -> Self {
        let mut child = command(flags).args(["--port", "0"]).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).await.unwrap();
        let base = line.strip_prefix("listening on ").unwrap().trim_end();
        assert!(base.starts_with("http://127.0.0.1:"), "{base}");
        Self {
            site: Site::new(base),
            child,
            stdout,
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }

    /// Waits for its end, and checks that it has printed nothing more.
    async fn end(mut self) -> ExitStatus {
        let mut rest = String::new();
        let ended = async {
            self.stdout.read_to_string(&mut rest).await.unwrap();
            self.child.wait().await.unwrap()
        };
        let status = timeout(LIMIT, ended).await.expect("it ends");
        assert_eq!(rest, "");
        status
    }
}
