//! Requests over TLS.

mod support;

use std::{
    fs,
    io::{Read, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use rcgen::{CertifiedKey, KeyPair};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto::ring};
use support::{Place, line, request, until};

type Made = CertifiedKey<KeyPair>;

fn make() -> Made {
    rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap()
}

/// Puts a certificate in its place, as who renews one does.
fn put(place: &Place, made: &Made) {
    for (name, text) in [("cert.pem", made.cert.pem()), ("key.pem", made.signing_key.serialize_pem())] {
        fs::write(place.path("new"), text).unwrap();
        fs::rename(place.path("new"), place.path(name)).unwrap();
    }
}

fn place(made: &Made, more: &str) -> Place {
    let place = Place::default().with("drain", "listen = \"127.0.0.1:0\"\ndrain");
    let start = place.config.find("[sources.in]").unwrap();
    let end = place.config.find("[pipelines.p]").unwrap();
    put(&place, made);
    let source = format!(
        "[sources.in]\ntype = \"http\"\nlisten = \"127.0.0.1:0\"\n{more}\n\
         tls = {{ cert_file = {:?}, key_file = {:?} }}\n",
        place.path("cert.pem"),
        place.path("key.pem")
    );
    let config = format!("{}{source}{}", &place.config[..start], &place.config[end..]);
    Place { config, ..place }
}

/// A request from somebody who trusts nothing but this certificate; `None` where there is no answer.
fn post(address: SocketAddr, trusted: &Made, body: &str) -> Option<(u16, String)> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tls = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(100))).unwrap();
    let mut stream = StreamOwned::new(tls, stream);
    let length = body.len();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()?;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let status = answer.split(' ').nth(1)?.parse().unwrap();
    Some((status, answer))
}

#[test]
fn records_come_over_tls_and_not_without() {
    let made = make();
    let place = place(&made, "");
    let run = place.start();
    let (address, operation) = (run.address("in"), run.address("operation"));
    let (status, answer) = post(address, &made, &line(0)).unwrap();
    assert_eq!(status, 200, "{answer}");
    assert!(post(address, &make(), &line(1)).is_none(), "it is not trusted");
    let mut plain = TcpStream::connect(address).unwrap();
    plain.write_all(b"POST / HTTP/1.1\r\nhost: weir\r\ncontent-length: 0\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    place.expect(0..1);
    let metrics = request(operation, "GET /metrics HTTP/1.1", b"").1;
    assert!(metrics.contains("weir_source_errors_total{source=\"in\",reason=\"tls\"}"), "{metrics}");
    assert_eq!(run.end(), Default::default());
}

#[test]
fn case_45_a_certificate_that_was_renewed_is_shown_and_a_wrong_one_is_not() {
    let (first, second, third) = (make(), make(), make());
    let place = place(&first, "");
    let run = place.start();
    let (address, operation) = (run.address("in"), run.address("operation"));
    assert_eq!(post(address, &first, &line(0)).unwrap().0, 200);
    put(&place, &second);
    until("the second", || post(address, &second, "").is_some());
    // Half of a file, as somebody may find it who looks while it is written.
    let pem = third.cert.pem();
    fs::write(place.path("cert.pem"), &pem[..pem.len() / 2]).unwrap();
    let mut told = String::new();
    until("it is told", || {
        assert_eq!(post(address, &second, "").unwrap().0, 200);
        told = request(operation, "GET /ready HTTP/1.1", b"").1;
        told.contains("[sources.in]")
    });
    assert!(
        told.contains("cert.pem") && told.contains("cut short") && told.starts_with("HTTP/1.1 503"),
        "{told}"
    );
    // So does a reload, and changes nothing.
    let refused = run.reload(&place).unwrap_err();
    assert!(refused.contains("cert.pem") && refused.contains("cut short"), "{refused}");
    // The certificate without its key.
    fs::write(place.path("cert.pem"), &pem).unwrap();
    assert!(run.reload(&place).unwrap_err().contains("is not the key of"));
    assert_eq!(post(address, &second, &line(1)).unwrap().0, 200);
    put(&place, &third);
    until("the third", || post(address, &third, "").is_some());
    until("it is ready", || request(operation, "GET /ready HTTP/1.1", b"").0 == 200);
    place.expect(0..2);
    assert_eq!(run.end(), Default::default());
}

#[test]
fn case_46_who_does_not_finish_its_handshake_is_given_up() {
    let made = make();
    let place = place(&made, "idle = \"50ms\"\nmax_connections = 2");
    let run = place.start();
    let address = run.address("in");
    // Nothing, the beginning of a hello, and nonsense: more of them than there are places.
    for part in [&b""[..], b"\x16\x03\x01\x02\x00\x01\x00", b"nonsense"] {
        let streams: Vec<_> = (0..5)
            .map(|_| {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.write_all(part).unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(100))).unwrap();
                stream
            })
            .collect();
        for mut stream in streams {
            let _ = stream.read_to_end(&mut Vec::new());
        }
    }
    assert_eq!(post(address, &made, &line(0)).unwrap().0, 200);
    place.expect(0..1);
    assert_eq!(run.end(), Default::default());
}

#[test]
fn tls_comes_and_goes_at_a_reload_on_the_same_port() {
    let made = make();
    let place = place(&made, "");
    let run = place.start();
    let (address, _) = (run.address("in"), run.address("operation"));
    assert_eq!(post(address, &made, &line(0)).unwrap().0, 200);
    let at = place.config.find("tls = ").unwrap();
    let end = at + place.config[at..].find('\n').unwrap();
    let with = place.config.clone();
    let mut place = Place { config: format!("{}{}", &with[..at], &with[end..]), ..place };
    run.reload(&place).unwrap();
    assert_eq!(request(address, "POST / HTTP/1.1", line(1).as_bytes()).0, 200);
    place.config = with;
    run.reload(&place).unwrap();
    assert_eq!(post(address, &made, &line(2)).unwrap().0, 200);
    place.expect(0..3);
    assert_eq!(run.end(), Default::default());
}
