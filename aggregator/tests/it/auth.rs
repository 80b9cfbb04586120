//! A service with a token: requests with it are served, others learn how to send it, and the token
//! is never shown.

use reqwest::{Method, Response, StatusCode};
use serde_json::Value;

use crate::database::Database;
use crate::in_time;
use crate::program::{Program, command};
use crate::target::{Client, Target, event};

const TOKEN: &str = "s3cret-t0ken";

async fn ask(client: &Client, method: Method, path: &str, authorization: Option<&str>) -> Response {
    let mut request = client.request(method, path).body(event("t", "1").to_string());
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    request.send().await.unwrap()
}

#[tokio::test]
async fn only_requests_with_the_token_are_served() {
    let database = Database::sqlite();
    let target = Target::start_with(&database, |settings| {
        settings.auth_token = Some(TOKEN.parse().unwrap());
    })
    .await;
    let right = format!("Bearer {TOKEN}");
    in_time(async {
        for (method, path) in [
            (Method::POST, "/publish"),
            (Method::GET, "/events"),
            (Method::GET, "/stats"),
            (Method::GET, "/metrics"),
        ] {
            for wrong in [None, Some("Bearer "), Some("Bearer other"), Some("Basic czNjcmV0"), Some(TOKEN)] {
                let response = ask(&target.client, method.clone(), path, wrong).await;
                assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path} {wrong:?}");
                assert_eq!(response.headers()["www-authenticate"], "Bearer");
                let answer: Value = response.json().await.unwrap();
                assert!(answer["detail"].as_str().unwrap().contains("Bearer"), "{answer}");
            }
            let response = ask(&target.client, method, path, Some(&right)).await;
            assert_eq!(response.status(), StatusCode::OK, "{path}");
        }
        // The events of refused requests are not stored.
        let stats: Value =
            ask(&target.client, Method::GET, "/stats", Some(&right)).await.json().await.unwrap();
        assert_eq!(stats["received"], 1);
        assert_eq!(target.client.get("/health").await.status(), StatusCode::OK);
        assert_eq!(target.client.get("/nowhere").await.status(), StatusCode::NOT_FOUND);
    })
    .await;
    target.stop().await;
}

#[tokio::test]
async fn the_program_reads_the_token_from_a_file_and_never_prints_it() {
    let database = Database::sqlite();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let variables = [("AUTH_TOKEN_FILE", file.to_str().unwrap())];
    in_time(async {
        let program = Program::start_with(&database, &variables).await;
        assert_eq!(program.client.get("/stats").await.status(), StatusCode::UNAUTHORIZED);
        let right = format!("Bearer {TOKEN}");
        let response = ask(&program.client, Method::GET, "/stats", Some(&right)).await;
        assert_eq!(response.status(), StatusCode::OK);

        let help = command(&database.url())
            .env("AUTH_TOKEN", TOKEN)
            .arg("--help")
            .stdout(std::process::Stdio::piped())
            .output()
            .await
            .unwrap();
        let text = String::from_utf8(help.stdout).unwrap();
        assert!(text.contains("AUTH_TOKEN"));
        assert!(!text.contains(TOKEN), "{text}");
    })
    .await;
}
