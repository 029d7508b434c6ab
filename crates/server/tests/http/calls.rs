//! What calls do when all is well, and who may make them.

use mandate_server::settings::Limits;
use serde_json::json;

use crate::world::{World, event};

#[tokio::test]
async fn an_event_is_recorded_once_and_read_back() {
    let mut world = World::start().await;
    let sent = world.post("/v1/events", &event("ci/build@host:1", "k1")).await;
    assert_eq!(sent.status, 202, "{sent:?}");
    let receipt = sent.json()["results"][0].clone();
    assert_eq!((receipt["status"].as_str(), receipt["seq"].as_i64()), (Some("accepted"), Some(1)));
    assert_eq!(receipt["routing"]["decision"], "monitored");

    let again = world.post("/v1/events", &event("ci/build@host:1", "k1")).await.json()["results"][0].clone();
    assert_eq!(again["status"], "duplicate");
    for member in ["id", "seq", "hash", "routing"] {
        assert_eq!(again[member], receipt[member], "a repeat gets the first answer");
    }

    let id = receipt["id"].as_str().unwrap();
    let read = world.get(&format!("/v1/events/{id}")).await.json();
    assert_eq!(read["integrity"]["hash"], receipt["hash"]);
    assert_eq!(read["notifications"], json!([]));
    let why = world.get(&format!("/v1/events/{id}/explain")).await.json();
    assert_eq!((why["decision"].as_str(), why["in_force"].as_bool()), (Some("monitored"), Some(true)));
    let radius = world.get(&format!("/v1/events/{id}/blast-radius")).await.json();
    assert_eq!(radius["definite"]["resources"][0]["reason"], "declared");
    assert_eq!(radius["possible"], json!({"resources": [], "owners": [], "more": false}));

    let outcome = json!({"status": "failed", "error": "no route", "duration_ms": 5});
    let path = format!("/v1/events/{id}/outcome");
    assert_eq!(world.post(&path, &outcome).await.json(), json!({"recorded": true}));
    assert_eq!(world.post(&path, &outcome).await.json(), json!({"recorded": false}));
    assert_eq!(world.get(&format!("/v1/events/{id}")).await.json()["outcome"]["error"], "no route");

    for (filter, expect) in [
        ("actor=ci/build@host:1", 1),
        ("actor=other", 0),
        ("resource=service:payments&type=deploy", 1),
        ("path=src/pay.rs", 0),
        ("until=5", 0),
    ] {
        let page = world.get(&format!("/v1/events?{filter}")).await.json();
        assert_eq!(page["items"].as_array().unwrap().len(), expect, "{filter}");
    }
    let exported = world.get("/v1/export/events").await;
    let lines: Vec<serde_json::Value> =
        String::from_utf8(exported.body).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["integrity"], read["integrity"]);
    world.stop().await;
}

#[tokio::test]
async fn a_header_gives_items_their_keys() {
    let mut world = World::start().await;
    let body = json!({"events": [{"actor": {"id": "a"}}, {"actor": {"id": "a"}}]}).to_string();
    let send = || world.send("POST", "/v1/events", &world.admin, "idempotency-key: flush-7\r\n", body.as_bytes());
    let (first, second) = (send().await.json(), send().await.json());
    let statuses = |answer: &serde_json::Value| -> Vec<String> {
        answer["results"].as_array().unwrap().iter().map(|item| item["status"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(statuses(&first), ["accepted", "accepted"]);
    assert_eq!(statuses(&second), ["duplicate", "duplicate"]);
    let id = first["results"][1]["id"].as_str().unwrap();
    let read = world.get(&format!("/v1/events/{id}")).await.json();
    assert_eq!(read["action"]["idempotency_key"], "flush-7#1");
    world.stop().await;
}

#[tokio::test]
async fn keys_open_what_their_scope_says_and_nothing_once_revoked() {
    let mut world = World::start().await;
    let (ingest, _) = world.key(json!({"scope": "ingest"})).await;
    let (read, _) = world.key(json!({"scope": "read"})).await;
    let (respond, id) = world.key(json!({"scope": "respond"})).await;
    let body = event("a", "k").to_string();
    let calls = [
        ("POST", "/v1/events", body.as_bytes(), [202, 403, 403]),
        ("GET", "/v1/events", b"".as_slice(), [403, 200, 200]),
        ("GET", "/v1/status", b"", [403, 200, 200]),
        ("POST", "/v1/agents/a/pause", b"", [403, 403, 200]),
        ("POST", "/v1/agents/pause", b"{\"preview\":true}", [403, 403, 200]),
        ("GET", "/v1/agents/a/control?once=1", b"", [200, 200, 200]),
        ("GET", "/v1/keys", b"", [403, 403, 403]),
        ("GET", "/v1/export/audit", b"", [403, 403, 403]),
    ];
    for (method, path, body, expect) in calls {
        for (key, status) in [&ingest, &read, &respond].into_iter().zip(expect) {
            let answer = world.send(method, path, key, "", body).await;
            assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        }
    }
    let denied = world.send("GET", "/v1/keys", &read, "", b"").await.json();
    assert_eq!(denied["detail"], "this call takes a key with scope `admin`; this one has `read`");

    assert_eq!(world.send("GET", "/v1/events", "", "", b"").await.status, 401);
    assert_eq!(world.send("GET", "/v1/events", "mk_wrong", "", b"").await.status, 401);
    assert_eq!(world.send("DELETE", &format!("/v1/keys/{id}"), &world.admin, "", b"").await.status, 200);
    let revoked = world.send("GET", "/v1/events", &respond, "", b"").await;
    assert_eq!((revoked.status, revoked.header("www-authenticate")), (401, Some("Bearer realm=\"mandate\"")));
    assert!(revoked.json()["detail"].as_str().unwrap().contains("revoked"));
    let listed = world.get("/v1/keys").await;
    assert!(!String::from_utf8_lossy(&listed.body).contains(&read), "texts of keys are not kept");
    let (mut paged, mut path) = (Vec::new(), "/v1/keys?limit=3".to_owned());
    loop {
        let mut page = world.get(&path).await.json();
        paged.append(page["items"].as_array_mut().unwrap());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/keys?limit=3&cursor={cursor}");
    }
    assert_eq!(json!(paged), listed.json()["items"]);
    world.stop().await;
}

#[tokio::test]
async fn a_bound_key_speaks_for_its_agents_alone() {
    let mut world = World::start().await;
    let (key, _) = world.key(json!({"scope": "ingest", "agent": "ci/*"})).await;
    let send = |body: serde_json::Value| {
        let (world, key) = (&world, &key);
        async move { world.send("POST", "/v1/events", key, "", body.to_string().as_bytes()).await }
    };
    assert_eq!(send(event("ci/1", "k")).await.status, 202);
    let refused = send(json!({"events": [event("ci/1", "k2"), event("deployer", "k")]})).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "identity_mismatch"));
    assert_eq!(refused.json()["errors"][0]["pointer"], "/events/1/actor/id");
    assert_eq!(world.get("/v1/events").await.json()["items"].as_array().unwrap().len(), 1, "nothing was taken");
    assert_eq!(world.send("GET", "/v1/agents/ci%2F1/control?once=1", &key, "", b"").await.status, 200);
    assert_eq!(world.send("GET", "/v1/agents/deployer/control?once=1", &key, "", b"").await.status, 403);

    // What is refused is written down by the writer, in its turn; making a key waits for that turn.
    world.key(json!({"scope": "read"})).await;
    let audit = String::from_utf8(world.get("/v1/export/audit").await.body).unwrap();
    let mismatch = audit.lines().find(|line| line.contains("identity_mismatch")).expect("it is audited");
    assert!(mismatch.contains("agent:deployer") && mismatch.contains("refused"), "{mismatch}");
    world.key(json!({"scope": "read"})).await;
    let audit = String::from_utf8(world.get("/v1/export/audit").await.body).unwrap();
    assert!(audit.contains("audit.read"), "reading the audit log is audited");
    world.stop().await;
}

#[tokio::test]
async fn too_much_is_told_to_wait_and_nothing_of_it_is_taken() {
    let limits = Limits { actor_per_second: 1, actor_burst: 2, unauthenticated_per_minute: 3, ..Limits::default() };
    let mut world = World::with(limits).await;
    let send = |actor: &str, key: &str| {
        let (world, body) = (&world, event(actor, key).to_string());
        async move { world.send("POST", "/v1/events", &world.admin, "", body.as_bytes()).await }
    };
    assert_eq!(send("flood", "1").await.status, 202);
    assert_eq!(send("flood", "2").await.status, 202);
    let refused = send("flood", "3").await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "rate_limited"));
    assert!(refused.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
    assert_eq!(send("quiet", "1").await.status, 202, "others go on");
    assert_eq!(world.get("/v1/events").await.json()["items"].as_array().unwrap().len(), 3);

    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(world.send("GET", "/v1/events", "mk_guess", "", b"").await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 429]);
    assert_eq!(world.get("/v1/events").await.status, 200, "a key that opens something is not held up");
    world.stop().await;
}

#[tokio::test]
async fn the_server_says_how_it_does() {
    let mut world = World::start().await;
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json"] {
        let answer = world.send("GET", path, "", "", b"").await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
    world.post("/v1/events", &event("a", "1")).await;
    let metrics = String::from_utf8(world.get("/metrics").await.body).unwrap();
    assert!(metrics.contains("mandate_events_total{result=\"accepted\"} 1"), "{metrics}");
    for gauge in ["mandate_outbox_oldest_seconds 0", "mandate_lanes_failing 0"] {
        assert!(metrics.contains(&format!("\n{gauge}\n")), "{metrics}");
    }
    let status = world.get("/v1/status").await.json();
    assert_eq!((status["ready"].as_bool(), status["tenant"].as_str()), (Some(true), Some("default")));
    assert!(status["position"].as_i64().unwrap() >= 1);
    let owner = world.get("/v1/owners?resource=service:payments").await.json();
    assert_eq!((owner["step"].as_str(), owner["unowned"].as_bool()), (Some("fallback"), Some(true)));
    let radius = world.get("/v1/blast-radius?resource=service:payments").await.json();
    assert_eq!(radius["definite"]["resources"][0]["resource"], "service:payments");
    assert_eq!(radius["likely"], json!({"resources": [], "owners": [], "more": false}));
    let config = world.get("/v1/config").await.json();
    assert!(config["hash"].as_str().unwrap().starts_with("sha256:"));
    let planned = world.post("/v1/rules/explain", &json!({"event": event("a", "1")})).await.json();
    assert_eq!(planned["decision"], "monitored");
    world.stop().await;
}

#[tokio::test]
async fn a_page_under_another_name_gets_nothing() {
    let mut world = World::start().await;
    let request = "GET /healthz HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n";
    let answer = world.raw(request.as_bytes()).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "unknown_host"));
    for host in ["localhost", "LOCALHOST:1", "[::1]:7878", "127.0.0.1"] {
        let request = format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        assert_eq!(world.raw(request.as_bytes()).await.status, 200, "{host}");
    }
    world.stop().await;
}
