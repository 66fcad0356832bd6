//! Requests and responses pass through untouched.

use http::{Request, StatusCode};

use super::{Make, Server, Then, ask, request, usual};

/// An empty answer.
const EMPTY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// Method, path, query, headers and body arrive; nothing asks for a compressed answer unasked, and nothing is sent twice.
pub async fn a_request_arrives_as_it_was(make: Make<'_>) {
    let transport = usual(make);
    let server = Server::saying(EMPTY, Then::Next);
    ask(&transport, &server).await.unwrap();
    let post = Request::post(format!("{}/v1.0/$batch", server.root()))
        .header("content-type", "application/json")
        .header("prefer", "odata.maxpagesize=2")
        .header("prefer", "outlook.timezone=\"UTC\"")
        .header("user-agent", "contoso/1.0")
        .body(br#"{"requests":[]}"#.to_vec())
        .unwrap();
    transport.send(post).await.unwrap();

    let received = server.received();
    let [get, post] = received.as_slice() else { panic!("{} requests arrived", received.len()) };
    assert!(get.head.starts_with("GET /v1.0/me/calendarView/delta?$deltatoken=SECRET HTTP/1.1\r\n"), "{}", get.head);
    assert_eq!(get.header("authorization"), ["Bearer SECRET"]);
    assert_eq!(get.header("host"), [server.address().to_string()]);
    assert_eq!(get.header("user-agent").len(), 1);
    for unasked in ["accept-encoding", "cookie", "referer"] {
        assert!(get.header(unasked).is_empty(), "{unasked} was sent");
    }
    assert!(post.head.starts_with("POST /v1.0/$batch HTTP/1.1\r\n"), "{}", post.head);
    assert_eq!(post.header("content-type"), ["application/json"]);
    assert_eq!(post.header("prefer"), ["odata.maxpagesize=2", "outlook.timezone=\"UTC\""]);
    assert_eq!(post.header("user-agent"), ["contoso/1.0"]);
    assert_eq!(post.body, br#"{"requests":[]}"#);
}

/// Status, headers, repeated ones too, and body come back.
pub async fn a_response_comes_back_as_it_was(make: Make<'_>) {
    let transport = usual(make);
    let answer = "HTTP/1.1 418 Odd\r\nx-ms-ags-diagnostic: a\r\nretry-after: 7\r\nvia: one\r\nvia: two\r\n\
                  content-length: 15\r\n\r\n{\"value\":[\"\x00\"]}";
    let server = Server::saying(answer, Then::Next);
    let response = ask(&transport, &server).await.unwrap();
    assert_eq!(response.status(), StatusCode::IM_A_TEAPOT);
    assert_eq!(response.headers()["x-ms-ags-diagnostic"], "a");
    assert_eq!(response.headers()["retry-after"], "7");
    assert_eq!(response.headers().get_all("via").iter().collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(response.body().as_ref(), b"{\"value\":[\"\x00\"]}");
}

/// No status is a failure, and none is tried again: what a status means is decided above.
pub async fn any_status_is_a_response(make: Make<'_>) {
    let transport = usual(make);
    for status in [204, 304, 400, 401, 404, 407, 408, 410, 421, 425, 429, 500, 503, 504, 599] {
        let server = Server::saying(format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n"), Then::Next);
        let response = ask(&transport, &server).await.unwrap();
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(server.received().len(), 1, "{status} was tried again");
    }
}

/// A redirect is a response: a token must not go elsewhere, nor to another path.
pub async fn no_redirect_is_followed(make: Make<'_>) {
    let transport = usual(make);
    let elsewhere = Server::saying(EMPTY, Then::Next);
    for status in [301, 302, 303, 307, 308] {
        for location in [elsewhere.root(), "/v1.0/me".to_owned()] {
            let answer = format!("HTTP/1.1 {status} X\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
            let server = Server::saying(answer, Then::Next);
            let response = ask(&transport, &server).await.unwrap();
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(response.headers()["location"], location.as_str());
            assert_eq!(server.received().len(), 1, "a {status} was followed");
        }
    }
    assert_eq!(elsewhere.connections(), 0, "somebody went there");
}

/// A compressed body and what its headers say stay as they are: the engine inflates, with a cap.
pub async fn nothing_is_inflated(make: Make<'_>) {
    let transport = usual(make);
    for encoding in ["gzip", "br", "deflate", "zstd"] {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\ncontent-length: 4\r\n\r\n");
        let server = Server::saying([head.as_bytes(), b"\x1f\x8b\x00\x01"].concat(), Then::Next);
        let mut asking = request(&server.root());
        asking.headers_mut().insert("accept-encoding", encoding.try_into().unwrap());
        let response = transport.send(asking).await.unwrap();
        assert_eq!(response.headers()["content-encoding"], encoding);
        assert_eq!(response.headers()["content-length"], "4");
        assert_eq!(response.body().as_ref(), b"\x1f\x8b\x00\x01");
        assert_eq!(server.received()[0].header("accept-encoding"), [encoding]);
    }
}
