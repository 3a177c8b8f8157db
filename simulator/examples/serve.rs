//! Serves an organization on a loopback port: the embedded example, or the YAML file given as the second argument.
//!
//! `cargo run -p simulator --example serve -- 4580 [organization.yaml]`, then for instance
//! `aws --endpoint-url http://127.0.0.1:4580 sso-admin list-instances`.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::Timestamp;
use shared::ports::Clock;
use simulator::{EXAMPLE, Settings, World, http};

/// The clock on the wall.
struct WallClock;

#[async_trait::async_trait]
impl Clock for WallClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::causes::WithCauses> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().map_or(Ok(4580), |port| port.parse())?;
    let yaml = arguments.next().map_or_else(|| Ok(EXAMPLE.to_owned()), std::fs::read_to_string)?;
    let world = World::from_yaml(&yaml, Settings::default())?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let world = Arc::new(Mutex::new(world));
    http::serve(listener, world, Arc::new(WallClock), http::Callers::default(), std::future::pending())
        .await?;
    Ok(())
}
