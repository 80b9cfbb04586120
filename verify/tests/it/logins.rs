//! Sessions that end while `verify` sends keys again.

use truth::target::Template;

use crate::again::{choose, in_doubt, target, wish};
use crate::binary::{saved, stderr, stdout, verify_at};
use crate::stub::Published;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ends_while_keys_are_sent_again_is_opened_again() {
    let out = tempfile::tempdir().expect("a folder");
    let mut forge = in_doubt();
    let login = "path = \"/login\"\nkeep = { token = \"/token\" }";
    forge.scenario.target.before.push(toml::from_str(login).expect("a login"));
    let header = Template::parse("Bearer {{kept.token}}").expect("a template");
    forge.scenario.target.headers.insert("authorization".to_owned(), header);
    let forged = forge.run();
    let lists = choose(&wish(true, Some("1")), &forged.evidence());
    let is_over = |nth| if matches!(nth, 2 | 3) { Published::Unauthorized } else { Published::Soundly };
    let stub = target(&forged, is_over).await;
    let folder = forged.write(out.path());
    let output = verify_at(&stub, &folder, &["--resolve", "--replay", "--run-commands"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    let verdict = saved(&folder);
    assert_eq!(verdict.resolved.expect("a list").reported_new, lists.resolve.len() as u64);
    let replayed = verdict.replayed.expect("a list");
    let keys = lists.replay.len() as u64;
    assert_eq!((replayed.keys, replayed.reported_duplicate), (keys, keys), "each key counts once");
    let requests = |keys: &[u64]| keys.len().div_ceil(16);
    assert_eq!(stub.published(), requests(&lists.resolve) + requests(&lists.replay) + 2);
    let tokens: Vec<String> = stub
        .posted()
        .iter()
        .filter_map(|head| Some(head.get("authorization")?.to_str().ok()?.to_owned()))
        .collect();
    assert!(tokens.first() != tokens.last(), "{tokens:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_no_login_helps_is_refused_for_good() {
    let out = tempfile::tempdir().expect("a folder");
    let mut forge = in_doubt();
    let login = "path = \"/login\"\nkeep = { token = \"/token\" }";
    forge.scenario.target.before.push(toml::from_str(login).expect("a login"));
    let forged = forge.run();
    let stub = target(&forged, |_| Published::Unauthorized).await;
    let folder = forged.write(out.path());
    let output = verify_at(&stub, &folder, &["--resolve", "--run-commands"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    let resolved = saved(&folder).resolved.expect("a list");
    assert_eq!((resolved.reported_new, resolved.accepted), (0, 0));
    assert_eq!(resolved.rejected, resolved.keys, "{resolved:?}");
}
