//! Who may do what: keys that open nothing, keys of others, keys bound to an agent (SEC-1).

use mandate_testkit::world::{Setup, look, scenario_everywhere};
use serde_json::{Value, json};

#[test]
fn a_key_that_opens_nothing_takes_nothing() {
    scenario_everywhere(Setup::default(), async |world| {
        let (revoked, id) = world.key("ingest", None).await;
        assert_eq!(world.call("DELETE", &format!("/v1/keys/{id}"), &world.admin, None).await.status, 200);
        let wish = json!({"scope": "ingest", "expires_at": world.now() + 60_000});
        let (expiring, _) = world.key_with(&wish).await;
        let (read, _) = world.key("read", None).await;
        let (respond, _) = world.key("respond", None).await;
        let (bound, _) = world.key("ingest", Some("ci/*")).await;
        let event = look("deployer", "k1");
        assert_eq!(world.call("POST", "/v1/events", &expiring, Some(&event)).await.status, 202, "not yet");
        world.advance(120_000);

        let wrong = format!("mk_{}", "0".repeat(64));
        let event = look("deployer", "k2");
        for (name, key, status, code) in [
            ("none", "", 401, "unauthenticated"),
            ("not a key", "hello", 401, "unauthenticated"),
            ("wrong", &wrong, 401, "unauthenticated"),
            ("revoked", &revoked, 401, "unauthenticated"),
            ("expired", &expiring, 401, "unauthenticated"),
            ("for reading", &read, 403, "forbidden"),
            ("for answering", &respond, 403, "forbidden"),
            ("of another agent", &bound, 403, "identity_mismatch"),
        ] {
            let answer = world.call("POST", "/v1/events", key, Some(&event)).await;
            assert_eq!((answer.status, answer.code().as_str()), (status, code), "{name}: {answer:?}");
            assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{name}");
            assert_eq!(answer.header("www-authenticate").is_some(), status == 401, "{name}");
            assert!(!answer.json()["detail"].as_str().unwrap().is_empty(), "{name}");
        }
        assert_eq!(world.events().await, 1);
        world.expect_audited("key.create", "ok", "key:").await;
        world.expect_audited("key.revoke", "ok", &id).await;
        world.expect_audited("access.refused", "refused", "events.submit").await;
        world.expect_audited("identity_mismatch", "refused", "agent:deployer").await;
        let person = json!({"actor": {"type": "human", "id": "alice@example.com"}, "action": {"type": "deploy"}});
        assert_eq!(world.call("POST", "/v1/events", &bound, Some(&person)).await.status, 403);
        world.expect_audited("identity_mismatch", "refused", "agent:person:").await;
        world.expect_audited("key.use", "refused", &id).await;
        world.restart().await;
        for key in [&revoked, &expiring] {
            assert_eq!(world.call("POST", "/v1/events", key, Some(&event)).await.status, 401, "after a restart too");
        }
    });
}

#[test]
fn each_scope_opens_its_own_calls() {
    scenario_everywhere(Setup::default(), async |world| {
        let mut keys = Vec::new();
        for scope in ["ingest", "read", "respond", "admin"] {
            keys.push(world.key(scope, None).await.0);
        }
        let event = look("deployer", "k1");
        let wish = json!({"scope": "read"});
        let nothing = json!({});
        let answer = json!({"intervention": "looks_ok"});
        let calls: [(&str, &str, Option<&Value>, [u16; 4]); 14] = [
            ("POST", "/v1/events", Some(&event), [202, 403, 403, 202]),
            ("GET", "/v1/events", None, [403, 200, 200, 200]),
            ("GET", "/v1/export/events", None, [403, 200, 200, 200]),
            ("GET", "/v1/export/audit", None, [403, 403, 403, 200]),
            ("GET", "/v1/status", None, [403, 200, 200, 200]),
            ("POST", "/v1/agents/deployer/pause", Some(&nothing), [403, 403, 200, 200]),
            ("POST", "/v1/agents/pause", Some(&nothing), [403, 403, 200, 200]),
            ("POST", "/v1/agents/deployer/resume", Some(&nothing), [403, 403, 403, 200]),
            ("POST", "/v1/agents/resume", Some(&nothing), [403, 403, 403, 200]),
            ("POST", "/v1/notifications/x/responses", Some(&answer), [403, 403, 404, 404]),
            ("POST", "/v1/responses/x/undo", Some(&nothing), [403, 403, 404, 404]),
            ("GET", "/v1/reviews", None, [403, 200, 200, 200]),
            ("POST", "/v1/keys", Some(&wish), [403, 403, 403, 201]),
            ("GET", "/v1/keys", None, [403, 403, 403, 200]),
        ];
        for (method, path, body, expect) in calls {
            let mut statuses = Vec::new();
            for key in &keys {
                statuses.push(world.call(method, path, key, body).await.status);
            }
            assert_eq!(statuses, expect, "{method} {path}");
        }
    });
}

#[test]
fn a_bound_key_speaks_for_its_own_agents() {
    scenario_everywhere(Setup::default(), async |world| {
        let (bound, _) = world.key("ingest", Some("ci/*")).await;
        let (other, _) = world.key("ingest", Some("deployer")).await;
        let batch = json!({"events": [look("ci/build", "k1"), look("deployer", "k2"), look("ci/test", "k3")]});
        let answer = world.call("POST", "/v1/events", &bound, Some(&batch)).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "identity_mismatch"));
        assert_eq!(answer.json()["errors"][0]["pointer"], "/events/1/actor/id");
        assert_eq!(world.events().await, 0, "nothing of it was taken");

        let own = world.call("POST", "/v1/events", &bound, Some(&look("ci/build", "k1"))).await;
        assert_eq!(own.status, 202, "{own:?}");
        let path = format!("/v1/events/{}/outcome", own.results()[0]["id"].as_str().unwrap());
        let report = json!({"status": "completed", "duration_ms": 12});
        let answer = world.call("POST", &path, &other, Some(&report)).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "identity_mismatch"), "{answer:?}");
        world.expect_audited("event.outcome", "refused", "event:").await;
        assert_eq!(world.call("POST", &path, &bound, Some(&report)).await.json(), json!({"recorded": true}));
        let unknown = path.replace("/v1/events/0", "/v1/events/1");
        assert_eq!(world.call("POST", &unknown, &bound, Some(&report)).await.status, 404);

        for (agent, status) in [("ci%2Fbuild", 200), ("deployer", 403)] {
            let path = format!("/v1/agents/{agent}/control?once=1");
            assert_eq!(world.call("GET", &path, &bound, None).await.status, status, "{agent}");
        }
    });
}

#[test]
fn a_key_opens_its_own_tenant_and_nothing_of_another() {
    scenario_everywhere(Setup::default(), async |world| {
        let theirs = world.other_tenant("acme", "admin").await;
        let ours = world.accept(&[look("deployer", "k1")]).await.remove(0);
        let (_, key) = world.key("read", None).await;
        world.pause("deployer", "ours").await;
        let id = ours["id"].as_str().unwrap();

        let mut heard = world.stream("/v1/stream/sse?channels=events,agents", &theirs, Some("0")).await;
        let report = json!({"status": "completed"});
        for (method, path, body, status) in [
            ("GET", format!("/v1/events/{id}"), None, 404),
            ("GET", format!("/v1/events/{id}/explain"), None, 404),
            ("GET", format!("/v1/events/{id}/blast-radius"), None, 404),
            ("POST", format!("/v1/events/{id}/outcome"), Some(&report), 404),
            ("DELETE", format!("/v1/keys/{key}"), None, 404),
            ("GET", "/v1/agents/deployer".to_owned(), None, 404),
        ] {
            assert_eq!(world.call(method, &path, &theirs, body).await.status, status, "{method} {path}");
        }
        for list in ["/v1/events", "/v1/agents", "/v1/notifications"] {
            let page = world.call("GET", list, &theirs, None).await.json();
            assert_eq!(page["items"], json!([]), "{list}");
        }
        let control = world.call("GET", "/v1/agents/deployer/control?once=1", &theirs, None).await.json();
        assert_eq!(control["state"], "running");

        // The same agent and the same idempotency key: another tenant's event, at the start of its own chain.
        let answer = world.call("POST", "/v1/events", &theirs, Some(&look("deployer", "k1"))).await;
        assert_eq!((&answer.results()[0]["status"], &answer.results()[0]["seq"]), (&json!("accepted"), &json!(1)));
        let first = heard.next_named("event").await;
        assert_eq!(first.data["event"]["integrity"]["hash"], answer.results()[0]["hash"], "nothing of ours before it");
        assert_eq!(world.events().await, 1);
        assert_eq!(world.call("GET", "/v1/export/events", &theirs, None).await.lines().len(), 1);
        for entry in world.call("GET", "/v1/export/audit", &theirs, None).await.lines() {
            assert_ne!(entry["resource"], "agent:deployer", "{entry}");
        }
    });
}
