//! Whether a transport does what its [`Options`](crate::Options) say, and all that every transport must do.

/// Expands to the tests of [`sync::conformance`] for a transport that is made of [`Options`](crate::Options), those with
/// certificates and proxies included.
///
/// `new` makes a transport, such as `HyperTransport::new`; `run` runs a future to its end. The caller has `sync`, and
/// `graph-sim` with its server, among its dependencies: the simulator is the https server.
///
/// ```
/// # fn main() {} // A doctest has no tests to run.
/// # mod my {
/// #     use transport_common::{BuildError, Options};
/// #     pub fn block_on<F: Future>(_: F) -> F::Output { unimplemented!() }
/// #     pub fn transport(_: Options) -> Result<impl sync::Transport, BuildError> {
/// #         Ok(sync::transport_fn(|_| async { Ok(http::Response::default()) }))
/// #     }
/// # }
/// transport_common::options_conformance! { run: my::block_on, new: my::transport }
/// ```
#[macro_export]
macro_rules! options_conformance {
    (run: $run:expr, new: $new:expr $(,)?) => {
        sync::transport_conformance! {
            run: $run,
            make: |limits| {
                $new($crate::Options { limits, proxies: $crate::Proxies::None, ..Default::default() }).unwrap()
            }
        }

        /// A server whose authority nobody knows.
        async fn https_server() -> graph_sim::server::Server {
            let simulator = graph_sim::Simulator::new(graph_sim::SimulatorOptions::new());
            let options = graph_sim::server::ServerOptions::new().tls_self_signed();
            graph_sim::server::Server::bind("127.0.0.1:0", simulator, options).await.unwrap()
        }

        /// A transport that trusts it.
        fn trusting(server: &graph_sim::server::Server, proxies: $crate::Proxies) -> Box<dyn sync::Transport> {
            let extra_roots = $crate::certificates_from_pem(server.certificate_pem().unwrap().as_bytes()).unwrap();
            Box::new($new($crate::Options { proxies, extra_roots, ..Default::default() }).unwrap())
        }

        #[test]
        fn an_unknown_authority_is_refused_and_a_given_one_is_trusted() {
            $run(async {
                let server = https_server().await;
                let make = |limits| -> Box<dyn sync::Transport> {
                    Box::new(
                        $new($crate::Options { limits, proxies: $crate::Proxies::None, ..Default::default() }).unwrap(),
                    )
                };
                let root = server.graph_root();
                sync::conformance::an_unknown_authority_is_refused(&make, &root).await;
                let request = sync::conformance::request(&root);
                let response = trusting(&server, $crate::Proxies::None).send(request).await.unwrap();
                assert_eq!(format!("{:?}", response.version()), "HTTP/2.0");
            });
        }

        #[test]
        fn https_goes_through_the_proxy() {
            $run(async {
                let server = https_server().await;
                let make = |url: &str| trusting(&server, $crate::Proxies::https(url).unwrap());
                sync::conformance::https_goes_through_the_proxy(&make, server.local_addr()).await;
                sync::conformance::a_proxy_that_refuses_is_a_failed_connection(&make).await;
            });
        }
    };
}
