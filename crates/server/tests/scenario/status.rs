//! The figures of `/v1/status` and `/metrics`.

use mandate_testkit::world::{Setup, World, deploy, look, scenario, until};
use serde_json::Value;

/// Waits until the server has counted so many actions of the last hour, and holds that it never counts more.
async fn expect_actions(world: &World, count: u64) {
    until("the last hour's actions", async || {
        let counted = world.get("/v1/status").await.json()["last_hour"]["actions"].as_u64().unwrap();
        assert!(counted <= count, "{counted} actions");
        (counted == count).then_some(())
    })
    .await;
}

#[test]
fn the_last_hour_is_whole_after_a_restart() {
    scenario(Setup::default(), async |world| {
        // More than are counted in one step, so that some are left for later.
        for batch in 0..21 {
            let events: Vec<Value> = (0..1_000).map(|n| look(&format!("looker-{batch}"), &n.to_string())).collect();
            world.accept(&events).await;
        }
        world.restart().await;
        expect_actions(world, 21_000).await;
    });
}

#[test]
fn what_waits_and_what_fails_can_be_watched() {
    scenario(Setup::default(), async |world| {
        world.hook_answers("500");
        world.accept(&[deploy("deployer", "payments", "k1")]).await;
        let gauge = async |name: &str| {
            let text = world.get("/metrics").await.text();
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap().to_owned();
            line.parse::<f64>().unwrap()
        };
        until("a failing lane", async || (gauge("mandate_lanes_failing").await == 1.0).then_some(())).await;
        world.advance(90_000);
        until("an old notification", async || (gauge("mandate_outbox_oldest_seconds").await >= 90.0).then_some(()))
            .await;
        world.hook_answers("200");
        until("a lane that goes on", async || (gauge("mandate_lanes_failing").await == 0.0).then_some(())).await;
        until("an empty outbox", async || (gauge("mandate_outbox_oldest_seconds").await == 0.0).then_some(())).await;
    });
}
