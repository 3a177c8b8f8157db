//! `usher run`: the service in one process, without Lambda.

mod begin;
mod opening;

use std::{pin::pin, sync::Arc, time::Duration};

use futures::{FutureExt as _, future::join4};
use shared::{ledger::Row, ports::Clock};
use tokio::{sync::mpsc::UnboundedReceiver, time::Instant};

use crate::{
    Ending, Failure, Machine, Paint, Screen,
    args::{ConnectionArgs, RunArgs},
    local_runtime::{InHand, LocalRuntime, News},
    stop::Stop,
    telling::{
        self, Cast, Remembered, Telling, Totals,
        lines::{self, Line},
    },
};
use begin::Service;

/// The pause between two looks at whether what the first sweep has found is done.
const GLANCE: Duration = Duration::from_secs(2);
/// Names are not learned anew sooner than this.
const LEARNED: Duration = Duration::from_secs(10);
/// How long the end waits for what is in hand: longer than any call may take, and shorter than those who stop services wait.
const PATIENCE: Duration = Duration::from_secs(25);

/// Runs until somebody asks it to end.
pub(crate) async fn run(
    arguments: &RunArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let mut stop = Stop::new()?;
    let service = tokio::select! {
        // Rules may be in force by now, and that is all.
        () = stop.asked() => return Ok(Ending::Good),
        service = Box::pin(Service::begin(arguments, connection, machine)) => service?,
    };
    opening::tell(arguments, &service, machine.clock.now(), screen)?;
    let Service { runtime, news, names, events, sweep_every, left, alone: _alone, .. } = service;
    let mut play = Play {
        runtime: &runtime,
        clock: machine.clock.as_ref(),
        telling: (!arguments.json).then(|| telling(&names, left.as_deref())),
        learned: Instant::now(),
        looked: Instant::now(),
        names,
        news,
    };
    let told = {
        let mut functions = pin!(join4(
            runtime.run().boxed_local(),
            runtime.sweep_every(sweep_every).boxed_local(),
            reports(&runtime, arguments).boxed_local(),
            hear(&runtime, events.as_deref()).boxed_local(),
        ));
        let told = tokio::select! {
            told = play.until(&mut stop, screen) => told,
            _ = &mut functions => Ok(()),
        };
        runtime.halt();
        let finished = async {
            tokio::select! {
                _ = &mut functions => {}
                () = tokio::time::sleep(PATIENCE) => {}
                () = stop.asked() => {}
            }
        };
        match told {
            Ok(()) => play.finish(finished, screen).await,
            Err(failure) => {
                finished.await;
                Err(failure)
            }
        }
    };
    // What was broken off is as a crash would leave it, but for what others would wait for.
    runtime.let_go(events.as_deref()).await;
    told?;
    play.closing(screen)?;
    Ok(Ending::Good)
}

/// What tells people. Of a ledger that has something already no sweep is the first.
fn telling(names: &Arc<Remembered>, left: Option<&[Row]>) -> Telling {
    let cast = Arc::clone(names) as Arc<dyn Cast>;
    match left {
        Some(under_way) => Telling::going_on(cast, under_way),
        None => Telling::new(cast),
    }
}

/// Makes reports, if a folder is named for them.
async fn reports(runtime: &LocalRuntime, arguments: &RunArgs) {
    if let Some(folder) = &arguments.reports {
        runtime.audit_every(folder, arguments.audit_every).await;
    }
}

/// Hears events, if there is a queue of them.
async fn hear(runtime: &LocalRuntime, events: Option<&InHand>) {
    if let Some(queue) = events {
        runtime.run_events(queue).await;
    }
}

/// What tells, beside the functions.
struct Play<'a> {
    runtime: &'a LocalRuntime,
    clock: &'a dyn Clock,
    news: UnboundedReceiver<News>,
    names: Arc<Remembered>,
    /// None where lines are JSON.
    telling: Option<Telling>,
    /// When names were last learned.
    learned: Instant,
    /// When the first sweep's work was last looked at.
    looked: Instant,
}

impl Play<'_> {
    /// Tells what happens until somebody asks to end it.
    async fn until(&mut self, stop: &mut Stop, screen: &mut Screen<'_>) -> Result<(), Failure> {
        loop {
            tokio::select! {
                () = stop.asked() => return Ok(()),
                done = self.turn(screen) => done?,
            }
        }
    }

    async fn turn(&mut self, screen: &mut Screen<'_>) -> Result<(), Failure> {
        let news = tokio::select! {
            news = self.news.recv() => news,
            () = tokio::time::sleep(GLANCE) => None,
        };
        if let Some(news) = &news {
            self.tell(news, screen)?;
        }
        // Neither is worth an error: without its name somebody is told by the id, and a look that failed comes again.
        let is_swept = matches!(news, Some(News::Swept { .. }));
        if is_swept || (self.names.is_behind() && self.learned.elapsed() >= LEARNED) {
            self.learned = Instant::now();
            let _ = self.names.learn(self.runtime.ledger()).await;
        }
        if self.telling.as_ref().is_some_and(Telling::is_settling) && self.looked.elapsed() >= GLANCE {
            self.looked = Instant::now();
            let quiet = self.news.is_empty() && self.runtime.is_quiet().await.unwrap_or_default();
            if let Some(telling) = &mut self.telling {
                telling.rest(self.clock.now(), quiet, screen)?;
            }
        }
        Ok(())
    }

    fn tell(&mut self, news: &News, screen: &mut Screen<'_>) -> Result<(), Failure> {
        match &mut self.telling {
            Some(telling) => telling.news(news, screen),
            None => lines::news(news, screen),
        }
    }

    /// Tells what happens while what is in hand is finished.
    async fn finish(
        &mut self,
        finished: impl Future<Output = ()>,
        screen: &mut Screen<'_>,
    ) -> Result<(), Failure> {
        let now = self.clock.now();
        if self.telling.is_some() {
            let text =
                format!("what is in hand is finished first, for {} seconds at most", PATIENCE.as_secs());
            telling::tell(now, ("ending", Paint::Heading), &text, screen)?;
        } else {
            lines::tell(now, &Line::Ending, screen)?;
        }
        finished.await;
        while let Ok(news) = self.news.try_recv() {
            self.tell(&news, screen)?;
        }
        Ok(())
    }

    fn closing(&mut self, screen: &mut Screen<'_>) -> Result<(), Failure> {
        while let Ok(news) = self.news.try_recv() {
            self.tell(&news, screen)?;
        }
        let Some(telling) = &self.telling else {
            return lines::tell(self.clock.now(), &Line::Ended, screen);
        };
        let Totals { granted, revoked, failed } = telling.totals();
        let text = format!("\nEnded: {granted} granted, {revoked} revoked, {failed} failed.");
        writeln!(screen.out, "{text}").and_then(|()| screen.out.flush()).map_err(Failure::Output)
    }
}
