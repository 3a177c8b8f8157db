//! What the functions cost before they do anything: their size, the time until they ask for the first event, their memory.
//!
//! They are started as Lambda starts them, against a Runtime API on loopback. Every service is at an address that takes
//! connections and refuses TLS after the client's first words, so that everything is in the figures but AWS's part of a
//! handshake, which can't be had here.

mod aws;
mod stub;

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    Extent,
    figures::number,
    row::{Aim, Row},
    trouble::Trouble,
};
use aws::Aws;
use stub::{RuntimeApi, Services};

/// Where `cargo xtask bench` has built the functions.
const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/release");

/// Each function with an event that it takes, where [`Aws`] has none that gives it more to do.
const FUNCTIONS: [(&str, &str); 11] = [
    ("audit", "{}"),
    ("on-account-event", r#"{"source":"none"}"#),
    ("on-group-event", r#"{"source":"none"}"#),
    ("on-permission-set-event", r#"{"source":"none"}"#),
    ("on-rules-change", r#"{"source":"none","detail-type":"none","detail":{}}"#),
    ("poll-provisioning", r#"{"Records":[]}"#),
    ("provision", r#"{"Records":[]}"#),
    ("reconcile", r#"{"Records":[]}"#),
    ("reprovision", "{}"),
    ("sweep", "{}"),
    ("tick", "{}"),
];

/// How often each is started; the median counts.
const STARTS: usize = 15;

/// How many events each has had when its memory is looked at. Each loads what it works with anew, at the function's share of AWS's rates.
const EVENTS: usize = 3;

/// The part of a core that a function with 128 MB has, in microseconds of every period: 7 %.
const SHARE: (u32, u32) = (1_400, 20_000);

/// Where Linux may keep a group of processes to that part, in the first and in the second version of its control groups.
const GROUPS: [&str; 2] = ["/sys/fs/cgroup/cpu/usher-bench", "/sys/fs/cgroup/usher-bench"];

const MIB: f64 = 1_048_576.0;

pub(crate) fn measure(extent: Extent) -> Result<Vec<Row>, Trouble> {
    let starts = if extent == Extent::Quick { 3 } else { STARTS };
    let slow = slow_group();
    let events = if extent == Extent::Quick { 1 } else { EVENTS };
    let rows = FUNCTIONS.iter().map(|(name, event)| function(name, event, (starts, events), slow)).collect();
    if let Some(group) = slow {
        // Nobody is in it any more; if it stays, the next run uses it.
        let _ = fs::remove_dir(group);
    }
    rows
}

fn function(
    name: &str,
    event: &str,
    (starts, events): (usize, usize),
    slow: Option<&Path>,
) -> Result<Row, Trouble> {
    let program = Path::new(PROGRAMS).join(name);
    let broken = Trouble::while_doing("starting a function; build them with `cargo build --release`");
    let sizes = sizes(&program).map_err(broken)?;
    let measuring = |group| -> io::Result<Vec<Started>> {
        (0..starts).map(|_| start(&program, event, None, group)).collect()
    };
    let mut quick = measuring(None).map_err(Trouble::while_doing("starting a function"))?;
    let aws = Arc::new(Aws::new()?);
    let given = aws.event(name)?;
    let given = given.as_deref().unwrap_or(event);
    let steady = start(&program, given, Some((&aws, events)), None);
    let steady = steady.map_err(Trouble::while_doing("giving it events"))?;
    let row = Row::new(name)
        .figure("program (MiB)", sizes.0)
        .aimed("zip (MiB)", sizes.1, Aim::AtMost(3.0))
        .aimed("start (ms)", median(&mut quick, |it| it.took), Aim::AtMost(6.0))
        .figure("of a core (ms)", median(&mut quick, |it| it.on_core));
    let row = if slow.is_some() {
        let mut slow = measuring(slow).map_err(Trouble::while_doing("starting a function slowly"))?;
        row.aimed("start at 7 % (ms)", median(&mut slow, |it| it.took), Aim::AtMost(30.0))
    } else {
        // Where no share can be set, it is the time on a core that takes so much longer.
        let (quota, period) = SHARE;
        let slow = median(&mut quick, |it| it.on_core) * f64::from(period) / f64::from(quota);
        row.aimed("start at 7 % (ms), reckoned", slow, Aim::AtMost(30.0))
    };
    Ok(row.aimed("memory (MiB)", steady.resident, Aim::AtMost(24.0)).aimed(
        "failed events",
        number(steady.failed),
        Aim::AtMost(0.0),
    ))
}

/// One start of a function.
#[derive(Debug, Clone, Copy)]
struct Started {
    /// Until it asked for its first event.
    took: Duration,
    /// Of that, what it was on a core.
    on_core: Duration,
    /// What it holds after its events, in MiB.
    resident: f64,
    /// Of its events.
    failed: usize,
}

/// Starts a function, and gives it so many events where there is something to work with.
fn start(
    program: &Path,
    event: &str,
    work: Option<(&Arc<Aws>, usize)>,
    group: Option<&Path>,
) -> io::Result<Started> {
    let services = Services::start(work.map(|(aws, _)| aws))?;
    let events = work.map_or(0, |(_, events)| events);
    let runtime = RuntimeApi::start(event, events)?;
    let mut command = match group {
        None => Command::new(program),
        Some(group) => {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", r#"echo $$ > "$0/cgroup.procs" && exec "$1""#]).arg(group).arg(program);
            command
        }
    };
    command.env_clear().envs(environment(&services, &runtime)).stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    let mut child = command.spawn()?;
    let asked = runtime.first_asked();
    let on_core = on_core(&child);
    let last = if events == 0 { Ok(()) } else { runtime.all_taken() };
    let resident = resident(&child);
    // It waits for an event that never comes.
    let _ = child.kill();
    child.wait()?;
    last?;
    Ok(Started {
        took: asked?.saturating_duration_since(started),
        on_core: on_core.unwrap_or_default(),
        resident: resident.unwrap_or_default(),
        failed: runtime.failed(),
    })
}

/// What Lambda sets, and what a function needs of us.
fn environment(services: &Services, runtime: &RuntimeApi) -> Vec<(&'static str, String)> {
    let fixed = [
        ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_SESSION_TOKEN", "session"),
        ("USHER_LEDGER_TABLE", "usher-ledger"),
        ("USHER_RULES_BUCKET", "usher-rules"),
        ("USHER_REPORTS_BUCKET", "usher-reports"),
        ("USHER_INBOX_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/111122223333/inbox.fifo"),
        ("USHER_WAKE_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/111122223333/wake"),
        ("USHER_POLL_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/111122223333/polls"),
        ("USHER_OUTCOME_BUS", "usher-outcomes"),
        ("USHER_PARKED_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/111122223333/parked"),
    ];
    fixed
        .into_iter()
        .map(|(variable, value)| (variable, value.to_owned()))
        .chain([("AWS_LAMBDA_RUNTIME_API", runtime.address()), ("AWS_ENDPOINT_URL", services.url())])
        .collect()
}

/// The program and its zip, in MiB. What compresses a zip is what `gzip` does.
fn sizes(program: &Path) -> io::Result<(f64, f64)> {
    let size = fs::metadata(program)?.len();
    let zipped = Command::new("gzip").args(["-9", "-c"]).arg(program).output()?;
    Ok((in_mib(size), in_mib(zipped.stdout.len().try_into().unwrap_or(u64::MAX))))
}

#[expect(clippy::cast_precision_loss, reason = "sizes of programs are far below 2^52")]
fn in_mib(bytes: u64) -> f64 {
    bytes as f64 / MIB
}

/// The group that keeps its processes to the share, if this machine lets us make one, as it lets root.
fn slow_group() -> Option<&'static Path> {
    let (quota, period) = SHARE;
    GROUPS.iter().map(Path::new).find(|group| {
        // It may be there from a run before.
        let _ = fs::create_dir(group);
        let first = || {
            fs::write(group.join("cpu.cfs_period_us"), period.to_string())?;
            fs::write(group.join("cpu.cfs_quota_us"), quota.to_string())
        };
        fs::write(group.join("cpu.max"), format!("{quota} {period}")).or_else(|_| first()).is_ok()
    })
}

/// How long all threads of a process were on a core. A process that waits is counted to the nanosecond.
fn on_core(child: &Child) -> Option<Duration> {
    let tasks = fs::read_dir(format!("/proc/{}/task", child.id())).ok()?;
    let times = tasks.flatten().filter_map(|task| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
    });
    Some(times.sum())
}

/// What a process holds in memory, in MiB.
fn resident(child: &Child) -> Option<f64> {
    let status = fs::read_to_string(PathBuf::from(format!("/proc/{}/status", child.id()))).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u32 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(f64::from(kib) / 1024.0)
}

/// The median in milliseconds.
fn median(starts: &mut [Started], time: impl Fn(&Started) -> Duration) -> f64 {
    starts.sort_by_key(&time);
    starts.get(starts.len() / 2).map(time).unwrap_or_default().as_secs_f64() * 1e3
}
