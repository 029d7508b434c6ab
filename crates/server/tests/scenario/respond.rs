//! People answer notices: what is done, what the second one finds, what can be taken back, what waits for a review.

use mandate_core::plan::Why;
use mandate_server::input::Input;
use mandate_testkit::world::{Answer, Setup, World, deploy, scenario_everywhere, until};
use serde_json::{Value, json};

/// A world in which a team owns payments, `@bob` leads it, and flagged alarms are due at once.
fn owned_by_a_team() -> Setup {
    let mut setup = Setup::default();
    let ownership = setup.files["ownership.yaml"]
        .replace("teams:\n", "teams:\n  - {handle: \"@payments-team\", members: [\"@alice\"], lead: \"@bob\"}\n")
        .replace("primary: \"@alice\"}", "primary: \"@alice\", team: \"@payments-team\"}")
        + "agents:\n  - {id: \"deployer\", team: \"@payments-team\"}\n";
    setup.files.insert("ownership.yaml".to_owned(), ownership);
    let rules =
        setup.files["rules/scenario.yaml"].replace("urgency: critical", "urgency: critical\n    review_within: 1s");
    setup.files.insert("rules/scenario.yaml".to_owned(), rules);
    setup
}

async fn key_of(world: &World, person: &str) -> String {
    world.key_with(&json!({"scope": "respond", "person": person})).await.0
}

/// The notice about a new deployment of payments, arrived at `@alice`'s hook, and the event's id.
async fn noticed(world: &World, key: &str) -> (String, String) {
    let receipts = world.accept(&[deploy("deployer", "payments", key)]).await;
    let notice = world.notice(&receipts[0]["seq"], "ops-hook", "delivered").await;
    (notice["id"].as_str().unwrap().to_owned(), receipts[0]["id"].as_str().unwrap().to_owned())
}

async fn press(world: &World, notice: &str, key: &str, body: Value) -> Answer {
    world.call("POST", &format!("/v1/notifications/{notice}/responses"), key, Some(&body)).await
}

async fn pressed(world: &World, notice: &str, key: &str, verb: &str) -> Value {
    let answer = press(world, notice, key, json!({"intervention": verb})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

async fn undo(world: &World, response: &Value, key: &str) -> Answer {
    let id = response["response"]["id"].as_str().unwrap();
    world.call("POST", &format!("/v1/responses/{id}/undo"), key, None).await
}

#[test]
fn the_second_press_finds_what_the_first_one_did() {
    scenario_everywhere(Setup::default(), async |world| {
        let (alice, bob) = (key_of(world, "@alice").await, key_of(world, "@bob").await);
        let (notice, event) = noticed(world, "k1").await;
        let body = json!({"intervention": "pause_agent", "preview": true});
        let preview = press(world, &notice, &alice, body).await.json();
        assert_eq!((&preview["said"], &preview["agents"]), (&json!("deployer would be paused"), &json!(1)));
        assert!(preview["response"].is_null() && preview["agent"]["state"] == "running", "{preview}");

        let body =
            json!({"intervention": "pause_agent", "note": "wrong bucket, token sk_live_4eC39HqLyjWDarjtT1zdp7dc"});
        let first = press(world, &notice, &alice, body).await.json();
        assert_eq!((&first["said"], &first["effect"]), (&json!("deployer is paused"), &json!("paused")));
        assert_eq!((&first["response"]["by"], &first["response"]["first"]), (&json!("@alice"), &json!(true)));
        assert!(first["response"]["since_sent_ms"].as_i64().unwrap() >= 0, "{first}");
        let state = world.get("/v1/agents/deployer/control?once=1").await.json();
        assert_eq!((&state["state"], &state["by"]), (&json!("paused"), &json!("@alice")));
        let reason = state["reason"].as_str().unwrap();
        assert!(reason.starts_with("wrong bucket") && !reason.contains("4eC39"), "{reason}");

        let second = pressed(world, &notice, &bob, "pause_agent").await;
        assert_eq!(second["effect"], "unchanged");
        let said = second["said"].as_str().unwrap();
        assert!(said.contains("paused already") && said.contains("@alice, who paused deployer"), "{said}");
        assert_eq!((&second["response"]["first"], &second["first"]["by"]), (&json!(false), &json!("@alice")));
        assert_eq!(world.get("/v1/agents/deployer").await.json()["by"], "@alice", "nothing was changed");

        let shown = world.get(&format!("/v1/events/{event}")).await.json();
        assert_eq!(shown["first_responder"], "@alice");
        let did: Vec<_> = shown["responses"].as_array().unwrap().iter().map(|one| one["did"].clone()).collect();
        assert_eq!(did, ["paused deployer", "paused deployer"]);
        let shown = world.get(&format!("/v1/notifications/{notice}")).await.json();
        assert_eq!(shown["responses"].as_array().unwrap().len(), 2);
        assert_eq!(shown["why"], "you own service:payments (explicit)");

        // What the second one did not do, taking it back does not undo.
        let taken = undo(world, &second, &bob).await;
        assert_eq!((taken.status, &taken.json()["effect"]), (200, &json!("noted")));
        let refused = undo(world, &first, &alice).await;
        assert_eq!((refused.status, refused.code().as_str()), (403, "forbidden"));
        let taken = undo(world, &first, &world.admin).await.json();
        assert_eq!(
            (&taken["said"], &taken["agent"]["state"]),
            (
                &json!("deployer is running again; the first to answer was @alice, who paused deployer"),
                &json!("running")
            )
        );
        let again = undo(world, &first, &world.admin).await;
        assert_eq!((again.status, again.code().as_str()), (409, "conflict"));

        let entry = world.expect_audited("response.pause_agent", "ok", &notice).await;
        assert!(entry["content"]["note"].as_str().unwrap().starts_with("wrong bucket"), "{entry}");
        assert!(entry["actor"].as_str().unwrap().starts_with("person:"));
        world.expect_audited("agent.pause", "ok", "agent:deployer").await;
        world.expect_audited("response.undo", "ok", &notice).await;
        world.restart().await;
        let shown = world.get(&format!("/v1/events/{event}")).await.json();
        assert_eq!(shown["responses"].as_array().unwrap().len(), 4, "it holds over a restart");
    });
}

#[test]
fn what_cannot_be_answered_says_why() {
    scenario_everywhere(Setup::default(), async |world| {
        let (respond, _) = world.key("respond", None).await;
        let (read, _) = world.key("read", None).await;
        let (notice, _) = noticed(world, "k1").await;
        let cases = [
            (&read, json!({"intervention": "acknowledge"}), 403, "forbidden", "`respond` or `admin`"),
            (&respond, json!({"intervention": "resume_agent"}), 403, "forbidden", "`admin`"),
            (&respond, json!({"intervention": "pause_agnet"}), 400, "invalid_request", "did you mean `pause_agent`?"),
            (&respond, json!({"intervention": "ask_question"}), 400, "invalid_request", "takes a `note`"),
            (&respond, json!({"intervention": "assign_owner"}), 400, "invalid_request", "takes `to`"),
            (&respond, json!({"intervention": "looks_ok", "to": "@bob"}), 400, "invalid_request", "leave it out"),
            (
                &respond,
                json!({"intervention": "assign_owner", "to": "@bobb"}),
                422,
                "unprocessable",
                "did you mean `@bob`?",
            ),
            (&respond, json!({"intervention": "looks_ok", "why": 1}), 400, "invalid_request", "unknown field"),
            (&respond, json!({"intervention": "looks_ok", "note": "x".repeat(501)}), 400, "invalid_request", "500"),
        ];
        for (key, body, status, code, part) in cases {
            let answer = press(world, &notice, key, body).await;
            assert_eq!((answer.status, answer.code().as_str()), (status, code), "{answer:?}");
            assert!(answer.json()["detail"].as_str().unwrap().contains(part), "{part}: {answer:?}");
        }
        let nowhere = "01970000-0000-7000-8000-000000000000";
        for path in [format!("/v1/notifications/{nowhere}/responses"), "/v1/notifications/x/responses".to_owned()] {
            assert_eq!(world.post(&path, &json!({"intervention": "looks_ok"})).await.status, 404, "{path}");
        }
        assert_eq!(world.post(&format!("/v1/responses/{nowhere}/undo"), &json!({})).await.status, 404);
        assert_eq!(world.get("/v1/notifications?recipient=me").await.status, 400, "the key speaks for nobody");
    });
}

#[test]
fn a_repeated_press_is_one_press() {
    scenario_everywhere(Setup::default(), async |world| {
        let (notice, event) = noticed(world, "k1").await;
        let path = format!("/v1/notifications/{notice}/responses");
        let body = json!({"intervention": "flag_for_review", "note": "later"}).to_string();
        let headers = [("idempotency-key", "press-1"), ("content-type", "application/json")];
        let first = world.post_raw(&path, &world.admin, &headers, body.as_bytes()).await.json();
        let again = world.post_raw(&path, &world.admin, &headers, body.as_bytes()).await.json();
        assert_eq!(first["response"]["id"], again["response"]["id"], "{again}");
        assert_eq!((&again["effect"], &again["said"]), (&first["effect"], &first["said"]));
        // The same again under another name is another press, and the first name still stands for the first.
        let second = [("idempotency-key", "press-2"), ("content-type", "application/json")];
        let second = world.post_raw(&path, &world.admin, &second, body.as_bytes()).await.json();
        assert_eq!(second["effect"], "unchanged");
        let again = world.post_raw(&path, &world.admin, &headers, body.as_bytes()).await.json();
        assert_eq!(first["response"]["id"], again["response"]["id"], "{again}");
        let other = body.replace("later", "now");
        let refused = world.post_raw(&path, &world.admin, &headers, other.as_bytes()).await;
        assert_eq!((refused.status, refused.code().as_str()), (409, "conflict"));
        let shown = world.get(&format!("/v1/events/{event}")).await.json();
        assert_eq!(shown["responses"].as_array().unwrap().len(), 2);
    });
}

#[test]
fn two_at_once_have_one_first() {
    scenario_everywhere(Setup::default(), async |world| {
        let (notice, event) = noticed(world, "k1").await;
        let mut keys = Vec::new();
        for person in ["@alice", "@bob"] {
            keys.push(key_of(world, person).await);
        }
        let one = pressed(world, &notice, &keys[0], "pause_agent");
        let (one, two) = tokio::join!(one, pressed(world, &notice, &keys[1], "pause_agent"));
        let mut effects = [one["effect"].as_str().unwrap(), two["effect"].as_str().unwrap()];
        effects.sort_unstable();
        assert_eq!(effects, ["paused", "unchanged"]);
        assert_eq!(one["first"]["id"], two["first"]["id"]);
        let agent = world.get("/v1/agents/deployer").await.json();
        assert_eq!((&agent["version"], &agent["by"]), (&json!(1), &one["first"]["by"]));
        assert_eq!(world.get(&format!("/v1/events/{event}")).await.json()["first_responder"], one["first"]["by"]);
    });
}

#[test]
fn what_is_flagged_waits_until_somebody_looks() {
    scenario_everywhere(Setup::default(), async |world| {
        let mut alarm = deploy("deployer", "payments", "a1");
        alarm["action"]["type"] = json!("alarm");
        let receipts = world.accept(&[alarm]).await;
        let flagged = world.notice(&receipts[0]["seq"], "ops-hook", "delivered").await["id"].clone();
        let (calm, _) = noticed(world, "k1").await;
        let queue = async |state: &str| {
            let page = world.get(&format!("/v1/reviews?state={state}")).await.json();
            page["items"].as_array().unwrap().iter().map(|one| one["event_seq"].as_i64().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!((queue("open").await, queue("overdue").await, queue("closed").await), (vec![1], vec![], vec![]));
        let opened = world.get("/v1/reviews").await.json()["items"][0].clone();
        assert_eq!((&opened["opened_by"], &opened["state"]), (&json!("rule:alarms"), &json!("open")));

        let closed = pressed(world, flagged.as_str().unwrap(), &world.admin, "looks_ok").await;
        assert_eq!((&closed["said"], &closed["review"]["state"]), (&json!("its review is closed"), &json!("closed")));
        assert_eq!((queue("open").await, queue("closed").await), (vec![], vec![1]));
        assert_eq!(undo(world, &closed, &world.admin).await.json()["review"]["state"], "open");

        let flag = pressed(world, &calm, &world.admin, "flag_for_review").await;
        assert_eq!(flag["said"], "the action is in the review queue; deployer goes on");
        assert_eq!(pressed(world, &calm, &world.admin, "flag_for_review").await["effect"], "unchanged");
        assert_eq!(queue("open").await, [1, 2]);
        let state = world.get("/v1/agents/deployer/control?once=1").await.json();
        assert_eq!(state["state"], "running", "a flag stops nothing");
        let page = world.get("/v1/reviews?limit=1").await.json();
        let next = page["next_cursor"].as_str().unwrap();
        let rest = world.get(&format!("/v1/reviews?limit=1&cursor={next}")).await.json();
        assert_eq!(rest["items"][0]["event_seq"], 2);
        assert_eq!(undo(world, &flag, &world.admin).await.json()["effect"], "review_closed");
        assert_eq!(queue("open").await, [1]);
        for path in ["/v1/reviews?state=lost", "/v1/reviews?cursor=x", "/v1/reviews?limit=0"] {
            assert_eq!(world.get(path).await.status, 400, "{path}");
        }
    });
}

#[test]
fn an_overdue_review_is_told_to_the_lead_once() {
    scenario_everywhere(owned_by_a_team(), async |world| {
        let mut alarm = deploy("deployer", "payments", "a1");
        alarm["action"]["type"] = json!("alarm");
        let receipts = world.accept(&[alarm]).await;
        let told = world.notice(&receipts[0]["seq"], "other-hook", "delivered").await;
        assert_eq!((&told["recipient"], &told["reason"][0]["code"]), (&json!("@bob"), &json!("review_overdue")));
        assert_eq!(told["why"], "nobody reviewed it in time, and you lead the team that owns it");
        world.expect_audited("review.overdue", "ok", "event:").await;
        let overdue = world.get("/v1/reviews?state=overdue").await.json();
        assert!(overdue["items"][0]["escalated_at"].is_i64(), "{overdue}");
        world.restart().await;
        for _ in 0..3 {
            world.tenant().intake.push_control(Input::Tick).expect("the server runs");
        }
        // It is made after time has passed.
        world.key("read", None).await;
        let sent = world.get("/v1/notifications?channel=other-hook").await.json();
        let overdue: Vec<_> = sent["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one["reason"][0]["code"] == "review_overdue")
            .collect();
        assert_eq!(overdue.len(), 1, "{sent}");
    });
}

#[test]
fn a_question_goes_to_the_agents_team_and_an_assignment_to_its_owner() {
    scenario_everywhere(owned_by_a_team(), async |world| {
        let (bob, (notice, event)) = (key_of(world, "@bob").await, noticed(world, "k1").await);
        let body = json!({"intervention": "ask_question", "note": "why at night?"});
        let asked = press(world, &notice, &bob, body).await.json();
        assert_eq!((&asked["said"], &asked["effect"]), (&json!("those who own deployer are asked"), &json!("asked")));
        let body = json!({"intervention": "assign_owner", "to": "@bob"});
        let assigned = press(world, &notice, &world.admin, body).await.json();
        assert_eq!(
            (&assigned["response"]["to"], &assigned["response"]["did"]),
            (&json!("@bob"), &json!("assigned it to @bob"))
        );
        let told = until("both are told", async || {
            let shown = world.get(&format!("/v1/events/{event}")).await.json();
            let notices = shown["notifications"].as_array().unwrap().clone();
            (notices.len() == 3 && notices.iter().all(|one| one["state"] == "delivered")).then_some(notices)
        });
        let told = told.await;
        let to = |code: &str| told.iter().find(|one| one["reason"][0]["code"] == code).unwrap()["recipient"].clone();
        assert_eq!((to("asked"), to("assigned")), (json!("@alice"), json!("@bob")));
        let received = world.hook.received();
        let question = received.iter().map(|one| String::from_utf8_lossy(&one.body).into_owned());
        assert!(question.into_iter().any(|text| text.contains("@bob: “why at night?”")), "the words are in the notice");
    });
}

#[test]
fn in_app_notices_arrive_with_their_event() {
    let mut setup = Setup::default();
    let ownership = setup.files["ownership.yaml"].replacen("{channel: ops-hook}", "{channel: in-app}", 1);
    setup.files.insert("ownership.yaml".to_owned(), ownership);
    scenario_everywhere(setup, async |world| {
        let alice = key_of(world, "@alice").await;
        let mut stream = world.stream("/v1/stream/sse?channels=notifications", &alice, None).await;
        world.accept(&[deploy("deployer", "payments", "k1")]).await;
        let frame = loop {
            let frame = stream.next().await.unwrap();
            if !frame.data["data"]["notification"].is_null() || !frame.data["notification"].is_null() {
                break frame.data;
            }
        };
        let mine = world.call("GET", "/v1/notifications?recipient=me", &alice, None).await.json();
        let notice = &mine["items"][0];
        assert!(frame.to_string().contains(notice["id"].as_str().unwrap()), "{frame}");
        assert_eq!(
            (&notice["channel"], &notice["state"], &notice["attempts"]),
            (&json!("in-app"), &json!("delivered"), &json!(0))
        );
        let answer = pressed(world, notice["id"].as_str().unwrap(), &alice, "acknowledge").await;
        assert!(answer["response"]["since_sent_ms"].as_i64().unwrap() >= 0);
        let heard = loop {
            let frame = stream.next().await.unwrap();
            if frame.data.to_string().contains("\"response\"") {
                break frame.data.to_string();
            }
        };
        assert!(heard.contains("saw it") && heard.contains("@alice"), "{heard}");
        assert_eq!(world.hook.distinct(), 0, "nothing was sent");
        world.advance(11_000);
        let answers = until("the answer in the figures", async || {
            let status = world.get("/v1/status").await.json();
            (status["answers"]["answered"] == 1).then(|| status["answers"].clone())
        });
        let answers = answers.await;
        assert_eq!((&answers["told"], &answers["share"]), (&json!(1), &json!(1.0)));
        assert!(answers["p95_ms"].is_i64() && answers["pause_p95_target_ms"] == 10_000, "{answers}");
        let metrics = world.get("/metrics").await;
        assert!(String::from_utf8_lossy(&metrics.body).contains("mandate_tti_p50_seconds"));
    });
}

#[test]
fn a_notice_about_mandate_itself_is_answered_too() {
    scenario_everywhere(Setup::default(), async |world| {
        world.tenant().intake.push_control(Input::Alert(Why::QueueFull)).expect("the server runs");
        let notice = world.notice(&Value::Null, "ops-hook", "delivered").await["id"].clone();
        let notice = notice.as_str().unwrap();
        for verb in ["pause_agent", "flag_for_review"] {
            let refused = press(world, notice, &world.admin, json!({"intervention": verb})).await;
            assert_eq!((refused.status, refused.code().as_str()), (422, "unprocessable"), "{refused:?}");
            assert!(refused.json()["detail"].as_str().unwrap().contains("about Mandate itself"), "{refused:?}");
        }
        let answer = pressed(world, notice, &world.admin, "investigate").await;
        assert_eq!((&answer["response"]["did"], &answer["response"]["first"]), (&json!("is on it"), &json!(true)));
        assert!(answer["agent"].is_null() && answer["response"]["event_seq"].is_null(), "{answer}");
        let taken = undo(world, &answer, &world.admin).await.json();
        assert!(taken["said"].as_str().unwrap().starts_with("the answer is taken back; the first"), "{taken}");
    });
}

#[test]
fn another_tenant_answers_nothing_of_ours() {
    scenario_everywhere(Setup::default(), async |world| {
        let theirs = world.other_tenant("acme", "admin").await;
        let (notice, _) = noticed(world, "k1").await;
        let flag = pressed(world, &notice, &world.admin, "flag_for_review").await;
        let refused = press(world, &notice, &theirs, json!({"intervention": "pause_agent"})).await;
        assert_eq!(refused.status, 404, "{refused:?}");
        assert_eq!(undo(world, &flag, &theirs).await.status, 404);
        assert_eq!(world.call("GET", "/v1/reviews", &theirs, None).await.json()["items"], json!([]));
        assert_eq!(world.get("/v1/agents/deployer").await.json()["state"], "running");
    });
}
