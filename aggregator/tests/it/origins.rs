//! Requests that pages of other sites make.

use reqwest::{Method, StatusCode};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::database::Database;
use crate::target::{Client, Target, event};

async fn publish_from(client: &Client, origin: &str) -> StatusCode {
    let request = client.request(Method::POST, "/publish").header("origin", origin);
    request.body(event("t", "1").to_string()).send().await.unwrap().status()
}

#[tokio::test]
async fn a_page_of_another_site_can_neither_publish_nor_read() {
    let database = Database::sqlite();
    let target = Target::start(&database).await;
    let client = &target.client;
    assert_eq!(publish_from(client, "https://evil.example").await, StatusCode::FORBIDDEN);
    assert_eq!(publish_from(client, "null").await, StatusCode::FORBIDDEN);
    // Another program of this machine, on another port.
    assert_eq!(publish_from(client, "http://127.0.0.1:1").await, StatusCode::FORBIDDEN);
    assert_eq!(client.counters().await.received, 0);
    assert_eq!(publish_from(client, &format!("http://{}", client.address)).await, StatusCode::OK);

    for path in ["/stats", "/events", "/", "/nope"] {
        let response = client.request(Method::GET, path).header("host", "evil.example").send().await.unwrap();
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{path}");
        assert!(
            response.json::<Value>().await.unwrap()["detail"].as_str().unwrap().contains("ALLOWED_HOSTS")
        );
    }
    target.stop().await;
}

#[tokio::test]
async fn a_request_with_two_hosts_is_refused() {
    let database = Database::sqlite();
    let target = Target::start(&database).await;
    let mut connection = TcpStream::connect(target.client.address).await.unwrap();
    let request =
        b"GET /stats HTTP/1.1\r\nhost: localhost\r\nHost: evil.example\r\nconnection: close\r\n\r\n";
    connection.write_all(request).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    target.stop().await;
}

#[tokio::test]
async fn no_response_is_for_a_browser_to_guess() {
    let database = Database::sqlite();
    let target = Target::start(&database).await;
    for path in ["/", "/stats", "/events", "/events?limit=0", "/metrics", "/openapi.json", "/health", "/nope"]
    {
        let response = target.client.get(path).await;
        assert_eq!(response.headers()["x-content-type-options"], "nosniff", "{path}");
    }
    target.stop().await;
}
