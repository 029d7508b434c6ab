//! The same input twice is one event (EVT-4).

use mandate_testkit::world::{Setup, World, deploy, look, scenario_everywhere};
use serde_json::{Value, json};

#[test]
fn a_repeat_gets_the_first_answer_before_and_after_a_restart() {
    scenario_everywhere(Setup::default(), async |world| {
        let event = deploy("deployer", "payments", "k1");
        let first = world.accept(std::slice::from_ref(&event)).await.remove(0);
        for restart in [false, true] {
            if restart {
                world.restart().await;
            }
            let again = world.post_event(&event).await;
            assert_eq!((again.status, again.statuses()), (202, vec!["duplicate".to_owned()]));
            for member in ["id", "seq", "hash", "routing"] {
                assert_eq!(again.results()[0][member], first[member], "{member}, restarted: {restart}");
            }
        }
        assert_eq!(world.events().await, 1);
        world.expect_sent(1).await;
    });
}

#[test]
fn a_key_used_for_something_else_is_flagged_and_kept() {
    scenario_everywhere(Setup::default(), async |world| {
        let one = deploy("deployer", "payments", "k1");
        let mut two = one.clone();
        two["action"]["description"] = json!("Something else");
        world.accept(&[one, two.clone()]).await;
        let exported = world.get("/v1/export/events").await.lines();
        assert_eq!(exported.len(), 2);
        assert_eq!(exported[0].get("flags"), None);
        assert_eq!(exported[1]["flags"], json!(["key_reused"]));
        assert_eq!(world.post_event(&two).await.results()[0]["seq"], 2, "its own repeat is known too");
    });
}

#[test]
fn without_a_key_what_is_said_tells_a_repeat() {
    scenario_everywhere(Setup::default(), async |world| {
        let mut event = deploy("deployer", "payments", "");
        event["action"].as_object_mut().unwrap().remove("idempotency_key");
        world.accept(std::slice::from_ref(&event)).await;
        world.restart().await;
        assert_eq!(world.post_event(&event).await.statuses(), ["duplicate"]);
        event["action"]["description"] = json!("Deploy it again");
        assert_eq!(world.post_event(&event).await.statuses(), ["accepted"]);
        event["actor"]["id"] = json!("someone-else");
        assert_eq!(world.post_event(&event).await.statuses(), ["accepted"], "another agent's is another one");
    });
}

#[test]
fn repeats_within_one_request_and_at_once_are_one() {
    scenario_everywhere(Setup::default(), async |world| {
        let event = deploy("deployer", "payments", "k1");
        let answer = world.post_event(&json!({"events": [event, event, event]})).await;
        assert_eq!(answer.statuses(), ["accepted", "duplicate", "duplicate"]);
        let event = deploy("deployer", "payments", "k2");
        let post = || world.post_event(&event);
        let (one, two, three) = tokio::join!(post(), post(), post());
        let mut statuses: Vec<String> = [one, two, three].iter().flat_map(|answer| answer.statuses()).collect();
        statuses.sort();
        assert_eq!(statuses, ["accepted", "duplicate", "duplicate"]);
        assert_eq!(world.events().await, 2);
    });
}

#[test]
fn a_call_under_one_name_is_carried_out_once() {
    scenario_everywhere(Setup::default(), async |world| {
        let receipt = world.accept(&[look("deployer", "k1")]).await.remove(0);
        let bearer = format!("Bearer {}", world.admin);
        let call = async |world: &World, path: &str, name: &str, body: Value| {
            let headers =
                [("authorization", bearer.as_str()), ("content-type", "application/json"), ("idempotency-key", name)];
            world.send("POST", path, &headers, body.to_string().as_bytes()).await.unwrap()
        };
        let pause = "/v1/agents/deployer/pause";
        let first = call(world, pause, "one", json!({"reason": "wrong bucket"})).await.json();
        assert_eq!((&first["state"], &first["version"]), (&json!("paused"), &json!(1)));
        world.post("/v1/agents/deployer/resume", &json!({})).await;
        // The answer to the first was lost: its repeat does not stop again what somebody let go on.
        let again = call(world, pause, "one", json!({"reason": "wrong bucket"})).await;
        assert_eq!((again.status, &again.json()["state"]), (200, &json!("running")), "{again:?}");
        let other = call(world, pause, "one", json!({"reason": "something else"})).await;
        assert_eq!((other.status, other.code().as_str()), (409, "conflict"), "{other:?}");
        assert_eq!(call(world, pause, "two", json!({})).await.json()["state"], "paused");

        let outcome = format!("/v1/events/{}/outcome", receipt["id"].as_str().unwrap());
        let report = json!({"status": "completed"});
        for _ in 0..2 {
            assert_eq!(call(world, &outcome, "o1", report.clone()).await.json(), json!({"recorded": true}));
        }
        assert_eq!(call(world, &outcome, "o2", report).await.json(), json!({"recorded": false}));

        let wish = json!({"scope": "read"});
        assert_eq!(call(world, "/v1/keys", "key", wish.clone()).await.status, 201);
        world.restart().await;
        let made = call(world, "/v1/keys", "key", wish).await;
        assert_eq!((made.status, made.code().as_str()), (409, "conflict"), "{made:?}");
        assert_eq!(world.get("/v1/keys").await.json()["items"].as_array().unwrap().len(), 2, "the admin's and one");
        assert_eq!(call(world, pause, "", json!({})).await.status, 400);
    });
}
