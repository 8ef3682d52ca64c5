//! What a configuration is refused for, or warned about, and that the message says where and why.

use weir_normalizer::{Config, Normalizer, limits};

fn with(from: Option<&str>, layout: Option<&str>) -> Config {
    Config { from: from.map(Into::into), layout: layout.map(Into::into), ..Config::default() }
}

fn refused(config: &Config) -> String {
    Normalizer::new(config).unwrap_err().to_string()
}

#[test]
fn products_have_names() {
    assert!(refused(&with(Some("huawei_vpc"), None)).contains("did you mean \"huawei-vpc\"?"));
    assert!(refused(&with(Some("cisco"), None)).contains("known are huawei-vpc, huawei-er"));
}

/// In nanoseconds a time has 64 bits.
#[test]
fn the_time_of_observation_is_one_that_every_schema_can_write() {
    let at = |ms| Config { observed_at_ms: Some(ms), ..Config::default() };
    assert!(Normalizer::new(&at(limits::LATEST_MS)).is_ok());
    let error = refused(&at(limits::LATEST_MS + 1));
    assert_eq!(error, "the time of observation is too late; the latest is 18446744073709, in the year 2554");
}

#[test]
fn a_layout_of_cen_begins_as_the_vendor_asks() {
    let cen = |layout| with(Some("alibaba-cen"), Some(layout));
    for good in
        ["${srcaddr}${dstaddr}${bytes}", "${srcaddr} ${dstaddr}|${bytes}|${cen-id}", "srcaddr,dstaddr,bytes"]
    {
        assert!(Normalizer::new(&cen(good)).is_ok(), "{good}");
    }
    let error = refused(&cen("${srcaddr} ${bytes} ${dstaddr}"));
    assert_eq!(
        error,
        "layout: InvalidParameter.LogFormatString: it must begin with ${srcaddr}${dstaddr}${bytes}; found bytes instead of dstaddr\n\
         \x20 ${srcaddr} ${bytes} ${dstaddr}\n\
         \x20            ^"
    );
    assert!(refused(&cen("${srcaddr}${dstaddr}")).contains("found its end instead of bytes"));
}

#[test]
fn a_layout_that_tells_no_product_needs_one() {
    let error = refused(&with(None, Some("${srcaddr} ${dstaddr} ${bytes}")));
    assert!(error.contains("name it with --from"), "{error}");
    let vpc = "${eni-id},${vswitch-id},${srcaddr},${dstaddr}";
    assert!(Normalizer::new(&with(None, Some(vpc))).is_ok());
}

#[test]
fn unknown_names_in_a_layout_are_warned_about_once() {
    let layout = "${srcaddr} ${dstaddr} ${bytes} ${dstprt} ${colour} ${__time__}";
    let normalizer = Normalizer::new(&with(Some("alibaba-cen"), Some(layout))).unwrap();
    assert_eq!(
        normalizer.warnings(),
        [
            "layout: dstprt is no field of alibaba-cen, so its values go to extra; did you mean dstport?",
            "layout: colour is no field of alibaba-cen, so its values go to extra",
        ]
    );
}

#[test]
fn separators_quotes_and_redaction_are_checked() {
    let separator = Config { separator: Some(",".into()), ..Config::default() };
    assert!(refused(&separator).contains("there is no layout"));
    let quote = Config { quote: Some("`".into()), ..Config::default() };
    assert!(refused(&quote).contains("none of"));
    let vendors =
        Config { drop: vec!["srcaddr".into()], mask: vec!["extra.x/24".into()], ..Config::default() };
    assert!(refused(&vendors).contains("did you mean src_ip?"));
    let drop = |d: &str| Config { drop: vec![d.into()], ..Config::default() };
    assert!(refused(&drop("hst")).contains("did you mean host?"));
    assert!(refused(&Config { keep_raw: true, ..drop("host") }).contains("leave --keep-raw out"));
    assert!(refused(&drop("extra.headers.cookie")).contains("can't be taken out alone"));
    assert!(refused(&drop("extra.n*")).contains("is none of extra.KEY"));
    assert!(refused(&drop("kind")).contains("every record has kind"));
    assert!(Normalizer::new(&drop("extra.\"odd.key\"")).is_ok());
    let mask = |m: &str| Config { mask: vec![m.into()], ..Config::default() };
    for (text, message) in [
        ("src_ip", "is not FIELD/PREFIX"),
        ("src_ip/33", "is not FIELD/PREFIX"),
        ("src_ip/129", "is not FIELD/PREFIX"),
        ("src_ip/33/64", "is not FIELD/PREFIX"),
        ("src_ip/24/64/1", "is not FIELD/PREFIX"),
        ("src_port/8", "src_port is no address"),
        ("src_pi/8", "did you mean src_ip?"),
    ] {
        assert!(refused(&mask(text)).contains(message), "{text}: {}", refused(&mask(text)));
    }
    let own = Config { own: vec!["10.0.0.0/40".into()], ..Config::default() };
    assert!(refused(&own).contains("is no network and no @LIST"));
    let own = Config {
        own: vec!["@offce".into()],
        lists: [("office".into(), "10.0.0.0/8".into())].into(),
        ..Config::default()
    };
    assert!(refused(&own).contains("did you mean @office?"));
}
