//! Any input is as many records in each schema as in the flat one, or more of them are rejected; what
//! comes out is JSON, and no record becomes more than its bound.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_normalizer::{Config, Stream, batch, limits, schemas::Schema};

fuzz_target!(|data: &[u8]| {
    let [choice, input @ ..] = data else { return };
    let mut flat = 0;
    for to in [Schema::Flat, Schema::Ocsf, Schema::Ecs, Schema::Otel] {
        let config = Config {
            to,
            observed_at_ms: Some(1_718_000_500_000),
            keep_raw: choice & 1 != 0,
            keep_envelope: choice & 2 != 0,
            ..Config::default()
        };
        let (mut output, mut counts) = (Vec::new(), [0_u32; 3]);
        let mut take = |b: &batch::Batch, o: &batch::Outcome| {
            let most = b.bytes.len() * limits::GROWTH + o.normalized as usize * limits::RECORD_OUTPUT;
            assert!(o.output.len() <= most, "{} of {} bytes", o.output.len(), b.bytes.len());
            output.extend_from_slice(&o.output);
            let more = [o.normalized, o.filtered, o.rejected];
            counts.iter_mut().zip(more).for_each(|(all, n)| *all += n);
        };
        let mut stream = Stream::new(&config).unwrap();
        stream.push(input, &mut take);
        stream.finish(&mut take);
        let [normalized, filtered, rejected] = counts;
        assert_eq!(filtered, 0);
        if to == Schema::Flat {
            flat = normalized + rejected;
        }
        assert_eq!(normalized + rejected, flat, "{to:?}");
        let lines = std::str::from_utf8(&output).unwrap().lines();
        let mut records = 0;
        for line in lines {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(value.is_object(), "{line}");
            records += 1;
        }
        assert_eq!(records, normalized, "{to:?}");
    }
});
