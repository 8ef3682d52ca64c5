//! Nothing is allocated for a record on the way from bytes to bytes.
// Counting allocations takes an allocator, whose trait is unsafe.
#![allow(unsafe_code)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use weir_normalizer::{
    Config, Normalizer,
    batch::{BatchView, Outcome},
    framing::Framer,
    schemas::Schema,
};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|n| n.set(n.get() + 1));
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.with(|n| n.set(n.get() + 1));
        // SAFETY: the caller keeps `realloc`'s contract.
        unsafe { System.realloc(ptr, layout, size) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps `dealloc`'s contract.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// How often the allocator is called by a second run over the records.
fn allocations(input: &str, config: &Config) -> usize {
    let mut framer = Framer::new(config).unwrap();
    framer.set_source(&"a/b.log".into());
    framer.push(input.as_bytes());
    framer.finish();
    let batch = framer.next_batch().unwrap();
    let mut head = Vec::new();
    let all = 0..batch.elements.len();
    batch.encode_head(all.clone(), &mut head);
    let view = BatchView::split(&head, batch.window(all)).unwrap();
    let mut normalizer = Normalizer::new(config).unwrap();
    let mut outcome = Outcome::default();
    // The first run sizes what is reused.
    normalizer.run(&view, 0, &mut outcome);
    assert_eq!((outcome.rejected, outcome.next as usize), (0, view.len()));
    assert!(outcome.normalized + outcome.filtered >= 100);
    let before = ALLOCATIONS.with(Cell::get);
    normalizer.run(&view, 0, &mut outcome);
    ALLOCATIONS.with(Cell::get) - before
}

#[test]
fn records_are_normalized_without_allocating() {
    let vpc = "1 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd 192.168.0.154 192.168.3.25 38929 53 17 1 96 1548752136 1548752736 ACCEPT OK";
    let router = "1 0605768ad980d5762f8ac010b919754c 9e00a67c-b21e-435f-9da6-20004b8392e9 a5cbd16c-7d99-4000-8f14-526ec48298ce 192.168.1.199 2001:db8::1 8 0 1 229 22442 1664007127 1664007727 egress";
    let flow = r#"{"app":"SSH","bytes":34.5,"direction":"out2in","dst_ip":"100.95.148.49","dst_port":22,"end_time":1664155493000,"log_id":"76354","packets":25,"protocol":"ICMP: ECHO","src_ip":"100.93.27.17","src_port":49634,"start_time":1664155428000,"new":{"a":[1]}}"#;
    let sls = r#"{"__time__":"1718000400","__topic__":"flow_log","version":"1","account-id":"1","eni-id":"eni-1","vm-id":"i-1","vswitch-id":"vsw-1","vpc-id":"vpc-1","type":"IPv4","protocol":"6","srcaddr":"10.0.0.1","srcport":"53870","dstaddr":"10.1.0.2","dstport":"443","direction":"out","action":"ACCEPT","packets":"12","bytes":"4096","start":"1718000340","end":"1718000400","log-status":"OK","tcp-flags":"19","traffic_path":"8"}"#;
    let escaped = flow.replace('"', "\\\"");
    let inputs = [
        vpc.to_owned(),
        router.to_owned(),
        flow.to_owned(),
        sls.to_owned(),
        format!("{{\"content\":\"{vpc}\\n\",\"labels\":{{}}}}"),
        format!("{{\"message\":\"{escaped}\\n\",\"time\":1569825602303}}"),
        format!("{vpc}\n{sls}\n{router}\n{flow}"),
    ];
    let filter = "src_ip in @private and not dst_port in {1, 2} or host contains \"x\"";
    let filtered =
        Config { filter: Some(filter.into()), drop: vec!["extra.new".into()], ..Config::default() };
    let schemas = Schema::ALL.iter().map(|to| Config { to: *to, ..Config::default() });
    let sources = Schema::ALL.iter().map(|to| Config { to: *to, source_name: true, ..Config::default() });
    for config in schemas.chain(sources).chain([filtered]) {
        for input in &inputs {
            let text = vec![input.as_str(); 100].join("\n");
            assert_eq!(allocations(&text, &config), 0, "{:?} {input}", config.to);
        }
    }
    let layout = Config {
        from: Some("alibaba-cen".into()),
        layout: Some("${srcaddr},${dstaddr},${bytes},${more}".into()),
        ..Config::default()
    };
    assert_eq!(allocations(&"10.0.0.1,\"10.0.0.2\",1,x\n".repeat(100), &layout), 0);
}
