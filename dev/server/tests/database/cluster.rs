//! A real PostgreSQL in a folder of its own, which ends with this process however that ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, geteuid};
use tempfile::TempDir;

/// Waits for the end of its input, which this process holds open, then stops PostgreSQL and deletes
/// the folder. Signals to the group are for the tests.
const KEEPER: &str = r#"trap '' INT TERM HUP; cat > /dev/null
"$0/pg_ctl" stop --pgdata "$1/db" --mode immediate --wait > /dev/null 2>&1; rm -rf "$1""#;

const RESTART_WITHIN: Duration = Duration::from_secs(60);

/// How durable its commits are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commits {
    /// On the disk, as PostgreSQL has it by default.
    Synced,
    /// In the system's memory: quicker, and lost with the computer only.
    Unsynced,
}

/// A running PostgreSQL, reached by a Unix socket.
pub struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
    commits: Commits,
    /// Its standard input is what it waits for.
    _keeper: Child,
}

impl Cluster {
    /// Makes one and starts it. `programs` is the folder of initdb and pg_ctl, as in
    /// /usr/lib/postgresql/15/bin.
    pub fn start(programs: &Path, commits: Commits) -> Self {
        let folder = TempDir::with_prefix("tollbox-pg-").unwrap().keep();
        if let Some(owner) = owner() {
            let (uid, gid) = (owner.uid.as_raw(), owner.gid.as_raw());
            std::os::unix::fs::chown(&folder, Some(uid), Some(gid)).unwrap();
        }
        let keeper = command(Path::new("sh"))
            .args(["-c", KEEPER])
            .args([programs, &folder])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let cluster = Self {
            programs: programs.to_owned(),
            folder,
            commits,
            _keeper: keeper,
        };
        let made = command(&programs.join("initdb"))
            .args(["--pgdata", &cluster.path("db")])
            .args(["--username", "postgres", "--auth", "trust", "--no-sync"])
            .args(["--encoding", "UTF8", "--locale", "C"])
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        cluster.go_on();
        cluster
    }

    /// Starts it again after it was killed, and waits until it takes connections.
    pub fn go_on(&self) {
        let fsync = match self.commits {
            Commits::Synced => "on",
            Commits::Unsynced => "off",
        };
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories='{}' -c max_connections=400 \
             -c shared_buffers=64MB -c fsync={fsync}",
            self.folder.display()
        );
        let start = || {
            command(&self.programs.join("pg_ctl"))
                .args(["start", "--wait", "--timeout", "120", "--silent"])
                .args(["--pgdata", &self.path("db"), "--log", &self.path("log")])
                .args(["--options", &options])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .unwrap()
                .success()
        };
        // It refuses to start while a process of the killed one is left.
        let deadline = Instant::now() + RESTART_WITHIN;
        while !start() {
            let log = || fs::read_to_string(self.path("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "{}", log());
            sleep(Duration::from_millis(50));
        }
    }

    /// Kills it outright: all its processes but the first notice that by themselves.
    pub fn kill(&self) {
        let noted = fs::read_to_string(self.folder.join("db/postmaster.pid")).unwrap();
        let pid = noted.lines().next().unwrap().parse().unwrap();
        kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    }

    /// The address of one of its databases.
    pub fn url(&self, database: &str) -> String {
        format!(
            "postgres://postgres@localhost/{database}?host={}",
            self.folder.display()
        )
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }
}

/// PostgreSQL doesn't run as root; Debian's package has made a user for it.
fn owner() -> Option<User> {
    geteuid().is_root().then(|| {
        let user = User::from_name("postgres").unwrap();
        user.expect("there is a user postgres")
    })
}

fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/");
    if let Some(owner) = owner() {
        std::os::unix::process::CommandExt::uid(&mut command, owner.uid.as_raw());
        std::os::unix::process::CommandExt::gid(&mut command, owner.gid.as_raw());
    }
    command
}
