//! `bearer_never_leaves_the_origin`: links that try to lead a token elsewhere, by every way in which a link comes in.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod hostile;

use delta_core::{Checkpoint, DeltaLink, Error, LinkError, Phase, Round, ServiceRoot, Step, Target, Window};
use http::Response;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use serde_json::{Value, json};

use hostile::{BAD_CHARACTERS, DOT_SEGMENTS, NOT_A_LINK, OTHER_ORIGIN, OTHER_VERSION};

const GRAPH: &str = "https://graph.microsoft.com";
const PATH: &str = "/v1.0/me/calendarView/delta?$skiptoken=SECRET";

fn target(root: &str) -> Target {
    let window = Window::parse("2016-12-01", "2016-12-30").unwrap();
    Target::calendar_view(ServiceRoot::parse(root).unwrap(), "me".parse().unwrap(), window).unwrap()
}

fn page(key: &str, link: &str) -> Response<String> {
    Response::new(json!({ "value": [], key: link }).to_string())
}

/// A checkpoint as it would be read from a store in which somebody put another link.
fn tampered(root: &str, link: &str) -> Checkpoint {
    let good = format!("{root}{PATH}");
    let Step::Page { checkpoint, .. } = Round::full(target(root)).receive(page("@odata.nextLink", &good)).unwrap()
    else {
        panic!()
    };
    let mut stored = serde_json::to_value(checkpoint).unwrap();
    let links: Vec<&mut Value> =
        stored.as_object_mut().unwrap().values_mut().filter(|value| **value == json!(good)).collect();
    assert_eq!(links.len(), 1, "a checkpoint has one link");
    for found in links {
        *found = json!(link);
    }
    serde_json::from_value(stored).unwrap()
}

/// The requests that a link leads to, by every way in which it can come in: an error, or what would be sent. A request
/// for the end of a round is that of the round that begins there.
fn outcomes(root: &str, link: &str) -> [Result<String, Error>; 4] {
    let url = |round: &Round| round.request().unwrap().uri().to_string();
    let stored = || serde_json::from_value::<DeltaLink>(json!(link)).unwrap();

    let mut paging = Round::full(target(root));
    let before = url(&paging);
    let next = paging.receive(page("@odata.nextLink", link)).map(drop);
    let next = match next {
        Ok(()) => Ok(url(&paging)),
        Err(error) => {
            assert_eq!((url(&paging), paging.phase()), (before.clone(), Phase::Initial), "an error moves nothing");
            Err(error)
        }
    };

    let mut ending = Round::full(target(root));
    let delta = match ending.receive(page("@odata.deltaLink", link)) {
        Ok(Step::Complete { link, .. }) => Ok(url(&Round::incremental(target(root), &link).unwrap())),
        Ok(other) => panic!("{other:?}"),
        Err(error) => {
            assert_eq!((url(&ending), ending.phase()), (before, Phase::Initial), "an error moves nothing");
            Err(error)
        }
    };

    let incremental = Round::incremental(target(root), &stored()).map(|round| url(&round));
    let resumed = Round::resume(target(root), &tampered(root, link)).map(|round| url(&round));
    [next, delta, incremental, resumed]
}

fn refusal(root: &str, link: &str) -> LinkError {
    let [first, others @ ..] = outcomes(root, link).map(|outcome| match outcome {
        Err(Error::Link(error)) => {
            let printed = format!("{error} {error:?} {} {:?}", Error::from(error.clone()), Error::from(error.clone()));
            assert!(!printed.contains("SECRET"), "{printed}");
            error
        }
        other => panic!("{link:?} gives {other:?}"),
    });
    assert!(others.iter().all(|other| *other == first), "{link:?} is refused for the same reason everywhere");
    first
}

#[test]
fn bearer_never_leaves_the_origin() {
    let tables = [NOT_A_LINK, OTHER_ORIGIN, BAD_CHARACTERS, DOT_SEGMENTS, OTHER_VERSION];
    for (table, links) in tables.into_iter().enumerate() {
        for link in links {
            let found = match refusal(GRAPH, link) {
                LinkError::NotALink => 0,
                LinkError::OtherOrigin { .. } => 1,
                LinkError::BadCharacters => 2,
                LinkError::DotSegments => 3,
                LinkError::OtherVersion => 4,
                other => panic!("{link:?} is refused with {other:?}"),
            };
            assert_eq!(found, table, "{link:?}");
        }
    }
    let mut all: Vec<_> = tables.concat();
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert!(all.len() == count && count >= 60, "{count} links, each once");
}

#[test]
fn a_root_with_a_port_or_an_address_is_an_origin_too() {
    for (root, link) in [
        ("https://sim.contoso.com:8443", "https://sim.contoso.com/v1.0/me?SECRET"),
        ("https://sim.contoso.com:8443", "https://sim.contoso.com:443/v1.0/me?SECRET"),
        ("https://sim.contoso.com:8443", "https://sim.contoso.com:08444/v1.0/me?SECRET"),
        ("http://127.0.0.1:8080", "http://127.0.0.1/v1.0/me?SECRET"),
        ("http://127.0.0.1:8080", "https://127.0.0.1:8080/v1.0/me?SECRET"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8081/v1.0/me?SECRET"),
        ("http://127.0.0.1:8080", "http://127.0.0.2:8080/v1.0/me?SECRET"),
        ("http://127.0.0.1:8080", "http://127.1:8080/v1.0/me?SECRET"),
        ("http://127.0.0.1:8080", "http://localhost:8080/v1.0/me?SECRET"),
        ("http://127.0.0.1:8080", "http://0177.0.0.1:8080/v1.0/me?SECRET"),
        ("http://[::1]:8080", "http://[::2]:8080/v1.0/me?SECRET"),
        ("http://[::1]:8080", "http://[::1]/v1.0/me?SECRET"),
        ("http://[::1]:8080", "http://[0:0:0:0:0:0:0:1]:8080/v1.0/me?SECRET"),
        ("http://[::1]:8080", "http://127.0.0.1:8080/v1.0/me?SECRET"),
    ] {
        assert!(matches!(refusal(root, link), LinkError::OtherOrigin { .. }), "{link}");
    }
}

#[test]
fn a_link_of_any_length_is_answered_with_a_typed_error() {
    let of_length = |length: usize| {
        let start = "https://graph.microsoft.com/v1.0/me?$skiptoken=SECRET";
        format!("{start}{}", "x".repeat(length - start.len()))
    };
    assert!(outcomes(GRAPH, &of_length(60 * 1024)).iter().all(Result::is_ok));
    for length in [60 * 1024 + 1, 65_534, 65_535, 65_536, 1 << 20] {
        assert_eq!(refusal(GRAPH, &of_length(length)), LinkError::TooLong { length });
    }
    // A host that no name server knows is not worth being printed.
    assert_eq!(refusal(GRAPH, &format!("https://{}.example/v1.0/me", "SECRET".repeat(1_000))), LinkError::NotALink);
}

/// What is accepted, and what then goes over the wire: the root's own authority, the link's own path and query.
#[test]
fn a_link_is_rebuilt_byte_for_byte() {
    for (root, authority, rest) in [
        (GRAPH, GRAPH, PATH),
        (GRAPH, "", PATH),
        (GRAPH, "https://graph.microsoft.com:443", PATH),
        (GRAPH, "https://graph.microsoft.com:0443", PATH),
        (GRAPH, "https://GRAPH.Microsoft.COM", PATH),
        (GRAPH, "HTTPS://graph.microsoft.com", PATH),
        (GRAPH, "hTtPs://GRAPH.microsoft.com:443", PATH),
        (GRAPH, GRAPH, "/v1.0/me/calendarview/delta?$skipToken=SECRET"),
        (GRAPH, GRAPH, "/V1.0/me/calendarView/delta?%24skiptoken=SECRET"),
        (GRAPH, GRAPH, "/v1.0/me/calendarView/delta()?$skiptoken=SECRET"),
        (GRAPH, GRAPH, "/v1.0/me/calendarView/microsoft.graph.delta?$skiptoken=SECRET"),
        (GRAPH, GRAPH, "/v1.0/me/calendarView/microsoft.graph.delta()?%24deltatoken=SECRET"),
        (GRAPH, GRAPH, "/v1.0/me/calendarView/delta(deltatoken='SECRET')"),
        (GRAPH, GRAPH, "/v1.0/users('samanthab%40contoso.com')/calendars/A%2Fy=/calendarView/delta?$skiptoken=SECRET"),
        (GRAPH, GRAPH, "/v1.0/users/samanthab@contoso.com/calendarView/delta?$skiptoken=SECRET"),
        (GRAPH, GRAPH, "/v1.0/users/adele#EXT#".split('#').next().unwrap()),
        (GRAPH, GRAPH, "/v1.0/users//calendarView/delta?$skiptoken=SECRET"),
        (GRAPH, GRAPH, "/v1.0/me/calendars/...x/..y/calendarView/delta?$skiptoken=SECRET"),
        (GRAPH, GRAPH, "/v1.0/me?$skiptoken=https://evil.example/../x//y?z@w:1;../"),
        (GRAPH, GRAPH, "/v1.0/me?$skiptoken=a%2Bb%2e%2e%0D%0A&x=%&y=%zz&=&&"),
        (GRAPH, GRAPH, "/v1.0/me?"),
        (GRAPH, GRAPH, "/v1.0/me?$skiptoken=-._~:/?[]@!$&'()*+,;=%20"),
        ("https://sim.contoso.com:8443", "https://SIM.contoso.com:8443", PATH),
        ("https://sim.contoso.com:8443", "", PATH),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", PATH),
        ("http://127.0.0.1:80", "http://127.0.0.1", PATH),
        ("http://127.0.0.1", "http://127.0.0.1:80", PATH),
        ("http://[::1]:8080", "HTTP://[::1]:8080", PATH),
        ("https://graph.microsoft.us", "https://graph.microsoft.us", PATH),
        ("https://dod-graph.microsoft.us", "https://dod-graph.microsoft.us:443", PATH),
        ("https://microsoftgraph.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn", PATH),
    ] {
        let link = format!("{authority}{rest}");
        let expected = format!("{}{rest}", ServiceRoot::parse(root).unwrap());
        for outcome in outcomes(root, &link) {
            assert_eq!(outcome.as_deref(), Ok(expected.as_str()), "{link}");
        }
    }
}

/// `Location` is a link too, and is not followed: not that of a redirect, and not that of a 410.
#[test]
fn a_location_is_never_followed() {
    let good = format!("{GRAPH}{PATH}");
    for location in [NOT_A_LINK, OTHER_ORIGIN, DOT_SEGMENTS, OTHER_VERSION, &[good.as_str()]].concat() {
        let answer = |status: u16| Response::builder().status(status).header("location", location).body("").unwrap();
        let initial = Round::full(target(GRAPH)).request().unwrap().uri().clone();
        for status in [300, 301, 302, 303, 304, 305, 307, 308, 399] {
            let mut round = Round::full(target(GRAPH));
            let error = round.receive(answer(status)).unwrap_err();
            assert!(matches!(error, Error::Redirected { .. }), "{error}");
            assert!(!format!("{error} {error:?}").contains("SECRET"));
            assert_eq!(*round.request().unwrap().uri(), initial);
        }
        let mut round = Round::incremental(target(GRAPH), &DeltaLink::new(good.clone())).unwrap();
        let Step::Restart(restart) = round.receive(answer(410)).unwrap() else { panic!() };
        assert!(!format!("{restart:?}").contains("SECRET"));
        assert_eq!(*round.request().unwrap().uri(), initial);
    }
}

/// The origin that a browser would send a link's request to, resolved against the root.
fn browsers_origin(root: &str, link: &str) -> String {
    let root = url::Url::parse(root).unwrap();
    root.join(link).unwrap().origin().ascii_serialization()
}

/// A piece of a link, good or bad.
fn piece() -> impl Strategy<Value = String> {
    const KNOWN: &[&str] = &[
        "https",
        "http",
        ":",
        "//",
        "/",
        "\\",
        "@",
        "?",
        "#",
        ".",
        "..",
        "%2e",
        "%2F",
        "%40",
        ":443",
        ":8443",
        "[::1]",
        "graph.microsoft.com",
        "GRAPH.microsoft.com",
        "graph",
        "microsoft",
        "evil.example",
        "/v1.0/",
        "v1.0",
        "beta",
        "me",
        "delta?$skiptoken=x",
        "\t",
        "\n",
        " ",
        "\0",
        "\u{3002}",
        "\u{262}",
        "user",
        ";",
        "&",
        "%",
    ];
    prop_oneof![4 => prop::sample::select(KNOWN).prop_map(str::to_owned), 1 => "\\PC{0,3}"]
}

/// A link with a few pieces put in, cut out or put elsewhere.
fn mutated() -> impl Strategy<Value = String> {
    let edit = (any::<prop::sample::Index>(), 0..4_usize, piece());
    (prop::sample::select(&["", GRAPH, "https://graph.microsoft.com:443"][..]), prop::collection::vec(edit, 0..4))
        .prop_map(|(authority, edits)| {
            let mut link: Vec<char> = format!("{authority}/v1.0/me/calendarView/delta?$skiptoken=x").chars().collect();
            for (at, cut, piece) in edits {
                let at = at.index(link.len() + 1);
                let end = (at + cut).min(link.len());
                link.splice(at..end, piece.chars());
            }
            link.into_iter().collect()
        })
}

fn cases() -> u32 {
    std::env::var("CALDELTA_PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2_000)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("proptest-regressions"))),
        ..ProptestConfig::default()
    })]

    /// Whatever is accepted goes to the root, with the end of the link as its path and query; and a browser, which
    /// repairs where we refuse, would have sent it to the same place.
    #[test]
    fn an_accepted_link_leads_to_the_origin_by_any_reading(
        link in prop_oneof![4 => mutated(), 2 => prop::collection::vec(piece(), 0..12).prop_map(|all| all.concat()), 1 => any::<String>()]
    ) {
        for outcome in outcomes(GRAPH, &link) {
            let Ok(url) = outcome else { continue };
            let rest = url.strip_prefix(GRAPH).unwrap();
            prop_assert!(rest.starts_with('/') && link.ends_with(rest), "{link} gives {url}");
            prop_assert_eq!(browsers_origin(GRAPH, &link), GRAPH);
            prop_assert_eq!(browsers_origin(GRAPH, &url), GRAPH);
        }
    }
}
