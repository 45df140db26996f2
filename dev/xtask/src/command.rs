//! Runs child programs, reports how long they took, and ends them all when xtask is stopped.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// The exit code of a program ended by Ctrl-C: 128 + SIGINT.
pub const STOPPED_BY_USER: u8 = 130;

/// How long children may take to end by themselves after Ctrl-C.
const GRACE: Duration = Duration::from_secs(10);

/// The longest display of a command, in bytes.
const NAME_LENGTH: usize = 80;

static STOPPED: AtomicBool = AtomicBool::new(false);
/// The running children. Each leads its own process group, which has the child's id.
static RUNNING: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// Runs `work` between two lines, one with its title and one with the time it took.
pub fn step<T>(label: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("▶ {label} …");
    let start = Instant::now();
    let done = work().with_context(|| label.to_owned())?;
    println!("✓ {label}, {}", seconds(start.elapsed()));
    Ok(done)
}

/// Runs a command to its end, its output going where xtask's goes.
pub fn run(command: &mut Command) -> Result<()> {
    let mut child = Running::spawn(command)?;
    child.wait(command)
}

/// As [`run`], and gives the lines of its standard output back, which are shown as they come.
pub fn run_and_read(command: &mut Command, lines: &mut Vec<String>) -> Result<()> {
    let mut child = Running::spawn(command.stdout(Stdio::piped()))?;
    child.read_lines(|line| lines.push(line.to_owned()))?;
    child.wait(command)
}

/// As [`run_and_read`], but kills the command after `limit`. False if it was killed.
pub fn run_and_read_within(
    command: &mut Command,
    limit: Duration,
    lines: &mut Vec<String>,
) -> Result<bool> {
    let mut child = Running::spawn(command.stdout(Stdio::piped()))?;
    let id = child.0.id();
    let (ended, end) = std::sync::mpsc::channel();
    let watch = std::thread::spawn(move || {
        let is_late = end.recv_timeout(limit).is_err();
        if is_late {
            kill(id);
        }
        is_late
    });
    let read = child.read_lines(|line| lines.push(line.to_owned()));
    // The watch has ended by itself if it was late.
    ended.send(()).ok();
    if watch.join().unwrap_or(false) {
        return Ok(false);
    }
    read?;
    child.wait(command)?;
    Ok(true)
}

/// A child that ends with this value or with xtask, whichever ends first.
pub struct Running(Child);

impl Running {
    pub fn spawn(command: &mut Command) -> Result<Self> {
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let mut running = running();
        ensure!(!stopped(), "stopped");
        let child = command
            .spawn()
            .with_context(|| format!("{} can't be run", name(command)))?;
        running.push(child.id());
        Ok(Self(child))
    }

    /// Shows and reads the child's piped standard output until it ends.
    pub fn read_lines(&mut self, mut each: impl FnMut(&str)) -> Result<()> {
        let Some(output) = self.0.stdout.take() else {
            return Ok(());
        };
        for line in BufReader::new(output).split(b'\n') {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            let mut stdout = std::io::stdout().lock();
            writeln!(stdout, "{line}")?;
            stdout.flush()?;
            each(&line);
        }
        Ok(())
    }

    /// Reads the first line of the child's piped standard output, and no more.
    pub fn first_line(&mut self) -> Result<String> {
        let output = self.0.stdout.take().context("no output to read")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        ensure!(line.ends_with('\n'), "it ended before it said anything");
        Ok(line.trim_end().to_owned())
    }

    /// Waits for the child's end, which must be a success.
    pub fn wait(&mut self, command: &Command) -> Result<()> {
        let status = self.0.wait()?;
        if stopped() {
            bail!("stopped");
        }
        ensure!(status.success(), "{} failed: {status}", name(command));
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !matches!(self.0.try_wait(), Ok(Some(_))) {
            kill(self.0.id());
            // The child may have ended meanwhile: either way it is gone.
            self.0.kill().ok();
            self.0.wait().ok();
        }
        running().retain(|id| *id != self.0.id());
    }
}

/// Makes Ctrl-C and SIGTERM end the children first, then xtask.
pub fn stop_children_on_ctrl_c() -> Result<()> {
    ctrlc::set_handler(|| {
        let ids = {
            let running = running();
            STOPPED.store(true, Ordering::SeqCst);
            running.clone()
        };
        if ids.is_empty() {
            std::process::exit(STOPPED_BY_USER.into());
        }
        ids.into_iter().for_each(terminate);
        std::thread::sleep(GRACE);
        running().iter().copied().for_each(kill);
    })
    .context("Ctrl-C can't be watched for")
}

/// True once the user has asked xtask to stop.
pub fn stopped() -> bool {
    STOPPED.load(Ordering::SeqCst)
}

/// "9.3 s", "2 min 03 s".
pub fn seconds(time: Duration) -> String {
    if time < Duration::from_secs(60) {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {:02} s", time.as_secs() / 60, time.as_secs() % 60)
    }
}

fn running() -> std::sync::MutexGuard<'static, Vec<u32>> {
    // A list of numbers is whole even if its last writer panicked.
    RUNNING
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The command as its user would type it, cut where it gets long.
fn name(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut name = program
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    for arg in command.get_args() {
        if name.len() > NAME_LENGTH {
            return name + " …";
        }
        name = format!("{name} {}", arg.to_string_lossy());
    }
    name
}

#[cfg(unix)]
fn signal(id: u32, signal: nix::sys::signal::Signal) {
    if let Ok(id) = i32::try_from(id) {
        // Fails if the group has ended already, as it should.
        nix::sys::signal::killpg(nix::unistd::Pid::from_raw(id), signal).ok();
    }
}

#[cfg(unix)]
fn terminate(id: u32) {
    signal(id, nix::sys::signal::Signal::SIGTERM);
}

#[cfg(unix)]
fn kill(id: u32) {
    signal(id, nix::sys::signal::Signal::SIGKILL);
}

// Windows sends Ctrl-C to every program of the console, so the children have got it already.
#[cfg(not(unix))]
fn terminate(_id: u32) {}

#[cfg(not(unix))]
fn kill(_id: u32) {}
