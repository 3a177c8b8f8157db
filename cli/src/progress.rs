//! How far long work is: a bar where one can move, else a line now and then. It goes to the standard error and stops nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use shared::{
    domain::{AccountId, OuId, ParentId, Tags},
    engine::Steps,
    ports::{AccountRecord, Clock, OrganizationFacts, OrganizationReader, PortError},
};

use crate::{Failure, Screen, screen::count};

/// How often the progress is looked at.
pub(crate) const GLANCE: Duration = Duration::from_millis(250);
/// How often it is told where no bar can move.
const TELL: jiff::SignedDuration = jiff::SignedDuration::from_secs(5);

/// What is counted, and what is done with it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    one: &'static str,
    many: &'static str,
    done: &'static str,
}

/// Assignments that reach their end.
pub(crate) const ASSIGNMENTS: Counted = Counted { one: "assignment", many: "assignments", done: "done" };
/// Accounts of which state, place and tags are known.
const ACCOUNTS: Counted = Counted { one: "account", many: "accounts", done: "read" };

/// How far the work is, on the screen.
#[derive(Debug)]
pub(crate) struct Progress {
    counted: Counted,
    total: usize,
    bar: Option<ProgressBar>,
    told: Option<(usize, Timestamp)>,
    said: BTreeSet<&'static str>,
}

impl Progress {
    /// Begins to show it.
    pub(crate) fn begin(total: usize, counted: Counted, screen: &Screen<'_>) -> Self {
        let bar = (screen.progress_bar && total > 0).then(|| {
            let bar = ProgressBar::with_draw_target(
                Some(u64::try_from(total).unwrap_or(u64::MAX)),
                ProgressDrawTarget::stderr(),
            );
            let template = format!("  {{bar:40}} {{pos}} of {{len}} {}, {{elapsed}}", counted.many);
            if let Ok(style) = ProgressStyle::with_template(&template) {
                bar.set_style(style);
            }
            bar
        });
        Self { counted, total, bar, told: None, said: BTreeSet::new() }
    }

    /// How many are done when so many are left.
    pub(crate) fn done_of(&self, left: usize) -> usize {
        self.total.saturating_sub(left)
    }

    /// Shows how many are done, if it is time to.
    pub(crate) fn update(
        &mut self,
        done: usize,
        now: Timestamp,
        screen: &mut Screen<'_>,
    ) -> Result<(), Failure> {
        if let Some(bar) = &self.bar {
            bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
            return Ok(());
        }
        let is_time = self.told.is_none_or(|(told, at)| told != done && at + TELL <= now);
        if is_time {
            self.told = Some((done, now));
            write(&self.line(done), screen)?;
        }
        Ok(())
    }

    /// Says something once.
    pub(crate) fn say(&mut self, text: &'static str, screen: &mut Screen<'_>) -> Result<(), Failure> {
        if !self.said.insert(text) {
            return Ok(());
        }
        match &self.bar {
            Some(bar) => {
                bar.println(format!("  {text}"));
                Ok(())
            }
            None => write(text, screen),
        }
    }

    /// Says how many are done at the end.
    pub(crate) fn end(self, done: usize, screen: &mut Screen<'_>) -> Result<(), Failure> {
        if self.total == 0 {
            return Ok(());
        }
        match &self.bar {
            Some(bar) => {
                bar.finish_and_clear();
                Ok(())
            }
            None => write(&self.line(done), screen),
        }
    }

    fn line(&self, done: usize) -> String {
        let Counted { one, many, done: word } = self.counted;
        format!("{done} of {} {word}", count(self.total, one, many))
    }
}

fn write(text: &str, screen: &mut Screen<'_>) -> Result<(), Failure> {
    // Progress that nobody reads any more stops nothing.
    match writeln!(screen.err, "  {text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Output(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// How many accounts there are, and of how many all is known.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    listed: AtomicUsize,
    read: AtomicUsize,
}

/// An organization whose reading is counted. It answers as the one behind it does.
pub(crate) struct CountedOrganization {
    organization: Arc<dyn OrganizationReader>,
    counts: Arc<Counts>,
}

impl CountedOrganization {
    pub(crate) fn new(organization: Arc<dyn OrganizationReader>, counts: Arc<Counts>) -> Self {
        Self { organization, counts }
    }
}

#[async_trait::async_trait]
impl OrganizationReader for CountedOrganization {
    async fn organization(&self) -> Result<OrganizationFacts, PortError> {
        self.organization.organization().await
    }

    async fn account(&self, id: &AccountId) -> Result<Option<AccountRecord>, PortError> {
        self.organization.account(id).await
    }

    async fn accounts(&self) -> Result<Vec<AccountRecord>, PortError> {
        let accounts = self.organization.accounts().await?;
        self.counts.listed.store(accounts.len(), Ordering::Relaxed);
        Ok(accounts)
    }

    async fn account_tags(&self, id: &AccountId) -> Result<Option<Tags>, PortError> {
        let tags = self.organization.account_tags(id).await;
        self.counts.read.fetch_add(1, Ordering::Relaxed);
        tags
    }

    async fn tags_in_bulk(&self) -> Result<BTreeMap<AccountId, Tags>, PortError> {
        let tags = self.organization.tags_in_bulk().await?;
        self.counts.read.fetch_add(tags.len(), Ordering::Relaxed);
        Ok(tags)
    }

    async fn ous_below(&self, parent: &ParentId) -> Result<Option<BTreeMap<OuId, String>>, PortError> {
        self.organization.ous_below(parent).await
    }

    async fn ou_name(&self, id: &OuId) -> Result<Option<String>, PortError> {
        self.organization.ou_name(id).await
    }
}

/// Waits for an audit, and tells now and then how far it is. What ends soon is not told of at all.
pub(crate) async fn while_auditing<T>(
    work: impl Future<Output = T>,
    steps: &Steps,
    clock: &dyn Clock,
    screen: &mut Screen<'_>,
) -> Result<T, Failure> {
    let mut work = pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return Ok(done),
            () = clock.sleep(TELL.unsigned_abs()) => {}
        }
        let (done, of) = steps.done_of();
        write(&format!("{done} of {of} permission sets, principals and places read"), screen)?;
    }
}

/// Waits for something that reads many accounts, and shows how far it is. What ends soon is not told of at all.
pub(crate) async fn while_reading<T>(
    work: impl Future<Output = T>,
    counts: &Counts,
    clock: &dyn Clock,
    screen: &mut Screen<'_>,
) -> Result<T, Failure> {
    let mut work = pin!(work);
    let mut progress: Option<Progress> = None;
    let done = loop {
        tokio::select! {
            biased;
            done = &mut work => break done,
            () = clock.sleep(GLANCE) => {}
        }
        let (listed, read) = (counts.listed.load(Ordering::Relaxed), counts.read.load(Ordering::Relaxed));
        if listed == 0 {
            continue;
        }
        let shown = progress.get_or_insert_with(|| {
            let begun = Progress::begin(listed, ACCOUNTS, screen);
            Progress { told: Some((0, clock.now())), ..begun }
        });
        shown.update(read.min(listed), clock.now(), screen)?;
        let is_slow = shown.bar.is_some() || shown.told.is_some_and(|(told, _)| told > 0);
        if read >= listed && is_slow {
            shown.say("all accounts are read; now their assignments", screen)?;
        }
    };
    if let Some(bar) = progress.and_then(|progress| progress.bar) {
        bar.finish_and_clear();
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// A clock that moves on when somebody sleeps.
    struct Hurried(Mutex<Timestamp>);

    #[async_trait::async_trait]
    impl Clock for Hurried {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }

        async fn sleep(&self, duration: Duration) {
            *self.0.lock().unwrap() += duration;
            tokio::task::yield_now().await;
        }
    }

    /// The lines that are written while accounts are read one after each glance.
    async fn told(accounts: usize) -> String {
        let counts = Counts::default();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let clock = Hurried(Mutex::new(Timestamp::UNIX_EPOCH));
        let reading = async {
            counts.listed.store(accounts, Ordering::Relaxed);
            for read in 1..=accounts {
                counts.read.store(read, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
            7
        };
        let mut screen = Screen::plain(&mut out, &mut err);
        let done = while_reading(reading, &counts, &clock, &mut screen).await.unwrap();
        assert_eq!((done, out.len()), (7, 0));
        String::from_utf8(err).unwrap()
    }

    #[tokio::test]
    async fn what_takes_long_is_told_now_and_then_and_what_does_not_is_not() {
        assert_eq!(told(3).await.lines().filter(|line| line.contains(" of ")).count(), 0);
        let long = told(100).await;
        let lines: Vec<&str> = long.lines().filter(|line| line.contains(" of 100 accounts read")).collect();
        assert!((2..=6).contains(&lines.len()), "{long}");
    }
}
