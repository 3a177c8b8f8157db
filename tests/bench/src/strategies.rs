//! What simpler programs reach with the same work: they look at each request by itself, once a second, as most others do.
//!
//! They are given their chance: they know the window and never exceed it, they share out the rate evenly so that they meet no throttle of
//! their own making, and whatever is refused all the same they try again. None of them keeps a ledger or restarts.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures::future::{join_all, try_join_all};
use jiff::Timestamp;
use shared::{
    domain::{AssignmentKey, Operation, RequestId},
    ports::{AccessReader as _, AccessWriter as _, Clock as _, PortError, RequestStatus},
};

use crate::{
    Extent,
    engine::{Stage, settings},
    figures::{self, Sent},
    row::Row,
    trouble::Trouble,
    virtual_time::{Measurement, side_by_side, virtually},
    work::{Operations, Organization},
    writes::{Lists, Variant, variants},
};

/// Twenty calls a second are AWS's limit.
const SPACING: Duration = Duration::from_millis(50);

/// How long they wait between two looks at a request.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A simpler way to work off a backlog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strategy {
    /// Sends one, waits for its end, sends the next.
    OneAtATime,
    /// As many workers as the window takes, each as above.
    Pool,
    /// Fills the window, and waits for all of it before it goes on.
    Batches,
}

impl Strategy {
    const ALL: [Self; 3] = [Self::OneAtATime, Self::Pool, Self::Batches];

    fn name(self) -> &'static str {
        match self {
            Self::OneAtATime => "one-at-a-time",
            Self::Pool => "pool",
            Self::Batches => "batches",
        }
    }
}

/// Every strategy with the same work, and with the lists of requests as they are best.
pub(crate) fn measure(extent: Extent) -> Result<Vec<Row>, Trouble> {
    let mut measurements: Vec<Measurement> = Vec::new();
    for strategy in Strategy::ALL {
        for variant in variants(extent) {
            // They never look at a list.
            if variant.lists == Lists::Hostile {
                continue;
            }
            // Whoever sends one at a time has no use for a larger window.
            if strategy == Strategy::OneAtATime && variant.window != 10 {
                continue;
            }
            measurements.push(Box::new(move || virtually(work_off(strategy, variant))));
        }
    }
    side_by_side(measurements)
}

async fn work_off(strategy: Strategy, variant: Variant) -> Result<Row, Trouble> {
    let mut organization = Organization::with(variant.accounts, variant.world())?;
    let accounts = organization.accounts.clone();
    let operations = organization.operations(&accounts, variant.operations, variant.mix);
    let stage = Stage::new(organization, settings(variant.window), Duration::ZERO).await?;
    let began = stage.clock.now();
    let client = Client { stage: &stage, next_call: Mutex::new(began) };
    let work = async {
        match strategy {
            Strategy::OneAtATime => client.pool(&operations, 1).await,
            Strategy::Pool => client.pool(&operations, variant.window).await,
            Strategy::Batches => client.batches(&operations, variant.window).await,
        }
    };
    stage.tidily(work).await?;
    let sent = Sent::of(&stage.calls(), began);
    let world = stage.world();
    let name = format!("{}/{}", strategy.name(), variant.name());
    Ok(variant.figures(name, sent, world.counters().most_outstanding, figures::undone(&world, &operations)))
}

/// A program without an engine.
struct Client<'a> {
    stage: &'a Stage,
    next_call: Mutex<Timestamp>,
}

impl Client<'_> {
    /// Workers that each send one, wait for its end, and take the next.
    async fn pool(&self, operations: &Operations, workers: usize) -> Result<(), Trouble> {
        let waiting = Mutex::new(operations.iter());
        let worker = async || {
            loop {
                let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((operation, key)) = next else { return Ok(()) };
                let request = self.send(*operation, key).await?;
                while !self.has_ended(*operation, &request).await? {}
            }
        };
        try_join_all((0..workers).map(|_| worker())).await.map(drop)
    }

    /// Fills the window, and waits for all of it.
    async fn batches(&self, operations: &Operations, window: usize) -> Result<(), Trouble> {
        for batch in operations.chunks(window) {
            let sent = batch.iter().map(async |(operation, key)| {
                let request = self.send(*operation, key).await?;
                while !self.has_ended(*operation, &request).await? {}
                Ok(())
            });
            join_all(sent).await.into_iter().collect::<Result<(), Trouble>>()?;
        }
        Ok(())
    }

    /// Sends, and tries again as long as AWS refuses for what will pass.
    async fn send(&self, operation: Operation, key: &AssignmentKey) -> Result<RequestId, Trouble> {
        let mut wait = Duration::from_secs(1);
        loop {
            self.turn().await;
            let answer = match operation {
                Operation::Grant => self.stage.face.grant(key).await,
                Operation::Revoke => self.stage.face.revoke(key).await,
            };
            match answer {
                Ok(request) => return Ok(request.id),
                Err(error) => self.pause(error, &mut wait).await?,
            }
        }
    }

    /// Looks a second later whether a request has ended.
    async fn has_ended(&self, operation: Operation, request: &RequestId) -> Result<bool, Trouble> {
        self.stage.clock.sleep(LOOK_EVERY).await;
        let mut wait = Duration::from_secs(1);
        loop {
            self.turn().await;
            match self.stage.face.request(operation, request).await {
                Ok(request) => {
                    return Ok(request.is_none_or(|request| request.status != RequestStatus::InProgress));
                }
                Err(error) => self.pause(error, &mut wait).await?,
            }
        }
    }

    /// Backs off, or gives up on what will not pass.
    async fn pause(&self, error: PortError, wait: &mut Duration) -> Result<(), Trouble> {
        if !error.is_transient() {
            return Err(Trouble::while_doing("calling the simulated AWS")(error));
        }
        self.stage.clock.sleep(*wait).await;
        *wait = (*wait * 2).min(Duration::from_secs(20));
        Ok(())
    }

    /// Waits for the next turn to call.
    async fn turn(&self) {
        let turn = {
            let mut next = self.next_call.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = (*next).max(self.stage.clock.now());
            *next = turn + SPACING;
            turn
        };
        self.stage.sleep_until(turn).await;
    }
}

#[cfg(test)]
mod tests {
    use simulator::Latency;

    use super::*;
    use crate::work::Mix;

    fn row(strategy: Strategy, latency: Latency, operations: usize) -> Row {
        let variant = Variant {
            mix: Mix::Mixed,
            latency,
            window: 10,
            lists: Lists::NewestFirst,
            operations,
            accounts: 100,
        };
        virtually(work_off(strategy, variant)).unwrap()
    }

    #[test]
    fn each_does_all_of_the_work_and_is_refused_nothing() {
        for strategy in Strategy::ALL {
            let row = row(strategy, Latency::Constant(Duration::from_secs(5)), 60);
            for (figure, value) in
                [("operations", 60.0), ("undone", 0.0), ("throttles", 0.0), ("conflicts", 0.0)]
            {
                assert_eq!(row.get(figure), Some(value), "{strategy:?}: {figure}");
            }
            let outstanding = if strategy == Strategy::OneAtATime { 1.0 } else { 10.0 };
            assert_eq!(row.get("most outstanding"), Some(outstanding), "{strategy:?}");
        }
    }

    #[test]
    fn where_some_take_long_batches_waste_more_than_a_pool_and_one_at_a_time_more_than_both() {
        let latency = Latency::LogNormal { median: Duration::from_secs(2), p99: Duration::from_secs(20) };
        let [one, pool, batches] =
            Strategy::ALL.map(|strategy| row(strategy, latency, 400).get("efficiency").unwrap());
        assert!(one < batches && batches < pool && pool < 1.0, "{one} {batches} {pool}");
    }
}
