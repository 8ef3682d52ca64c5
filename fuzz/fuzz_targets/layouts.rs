//! Any layout, separator and quote is refused with a place in it, or reads any line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_normalizer::{Config, Stream};

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(4, |b| *b == 0);
    let mut part = || parts.next().and_then(|p| std::str::from_utf8(p).ok());
    let (Some(layout), Some(separator), Some(quote)) = (part(), part(), part()) else { return };
    let some = |s: &str| (!s.is_empty()).then(|| s.to_owned());
    let config = Config {
        from: Some("baidu-flow".into()),
        layout: some(layout),
        separator: some(separator),
        quote: some(quote),
        ..Config::default()
    };
    match Stream::new(&config) {
        Err(e) => assert!(!e.to_string().is_empty() && e.offset().is_none_or(|o| o <= layout.len())),
        Ok(mut stream) => {
            let mut lines = 0;
            let input = parts.next().unwrap_or_default();
            stream.push(input, |_, o| lines += o.normalized + o.rejected);
            stream.finish(|_, o| lines += o.normalized + o.rejected);
            assert!(lines as usize <= input.len());
        }
    }
});
