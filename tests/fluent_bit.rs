//! The plugin for Fluent Bit: what `weir bake` takes and refuses, how many instructions the plugin
//! runs for a record, and the configurations that ship with it. The corpus goes through it in
//! Fluent Bit's interpreter, in `wamr/`. `FLUENT_BIT=/path/to/fluent-bit` also runs the
//! configurations in the real program, and `FLB_WAMRC=/path/to/flb-wamrc` compiles the plugin ahead of time.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use serde_json::{Value, json};
use wasmtime::{Config, Engine, Instance, Linker, Memory, Module, Store};

const LINE: &str = "1 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd \
    192.168.0.154 192.168.3.25 38929 53 17 1 96 1548752136 1548752736 ACCEPT OK";

/// A record of Alibaba Cloud's transit routers.
const KEYED: &str = r#"{"version":"1","cen-id":"cen-7qthudw0ll6jmc0000","srcregion":"us-east-1","dstregion":"us-west-1","srcaddr":"10.0.0.1","dstaddr":"10.1.0.2","srcport":"53870","dstport":"443","protocol":"6","packets":"12","bytes":"4096","start":"1718000340","end":"1718000400","direction":"in"}"#;

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn plugin() -> PathBuf {
    top().join("target/plugins/weir_fluent_bit.wasm")
}

fn bake(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_weir")).arg("bake").args(arguments).output().unwrap()
}

/// A plugin whose instructions are counted.
struct Counted {
    store: Store<()>,
    instance: Instance,
    memory: Memory,
}

impl Counted {
    fn load(wasm: &[u8]) -> Self {
        let engine = Engine::new(Config::new().consume_fuel(true)).unwrap();
        let module = Module::new(&engine, wasm).unwrap();
        let mut store = Store::new(&engine, ());
        store.set_fuel(u64::MAX).unwrap();
        let instance = Linker::new(&engine).instantiate(&mut store, &module).unwrap();
        let memory = instance.get_memory(&mut store, "memory").unwrap();
        Self { store, instance, memory }
    }

    fn copy_in(&mut self, bytes: &[u8]) -> u32 {
        let malloc = self.instance.get_typed_func::<u32, u32>(&mut self.store, "malloc").unwrap();
        let at = malloc.call(&mut self.store, bytes.len() as u32 + 1).unwrap();
        self.memory.write(&mut self.store, at as usize, &[bytes, b"\0"].concat()).unwrap();
        at
    }

    /// What comes out of an event, and how many instructions were run for it in all.
    fn filter(&mut self, event: &str) -> (String, u64) {
        let before = self.store.get_fuel().unwrap();
        let (tag, record) = (self.copy_in(b"flow"), self.copy_in(event.as_bytes()));
        type Arguments = (u32, u32, u32, u32, u32, u32);
        let filter = self.instance.get_typed_func::<Arguments, u32>(&mut self.store, "weir_filter").unwrap();
        let at = filter.call(&mut self.store, (tag, 4, 1, 2, record, event.len() as u32)).unwrap();
        let free = self.instance.get_typed_func::<u32, ()>(&mut self.store, "free").unwrap();
        for piece in [tag, record] {
            free.call(&mut self.store, piece).unwrap();
        }
        let used = before - self.store.get_fuel().unwrap();
        let answer = &self.memory.data(&self.store)[at as usize..];
        let end = answer.iter().position(|b| *b == 0).unwrap();
        (String::from_utf8(answer[..end].to_vec()).unwrap(), used)
    }
}

fn sample(path: &str) -> String {
    let text = fs::read_to_string(top().join("tests/corpus").join(path)).unwrap();
    text.lines().next().unwrap().to_owned()
}

/// Fluent Bit interprets each instruction, so their number is what a record costs. A ceiling that
/// is far above its count may be lowered.
#[test]
fn a_record_takes_few_instructions() {
    let wasm = fs::read(plugin()).unwrap();
    let mut plugin = Counted::load(&wasm);
    let log = |line: &str| json!({ "log": line }).to_string();
    let wide =
        json!({ "log": LINE, "stream": "stdout", "kubernetes": { "pod_name": "a", "labels": { "b": "c" } } });
    let cases = [
        ("a line", log(LINE), 13_000),
        ("a line among other keys", wide.to_string(), 24_500),
        ("a line with a bad value", log(&LINE.replace("192.168.3.25", "300.1.1.1")), 43_500),
        ("a line of something else", log("2026-01-01T00:00:00Z INFO a service started on port 8080"), 21_000),
        ("a keyed record", KEYED.to_owned(), 30_000),
    ];
    let mut slow = Vec::new();
    for (name, event, ceiling) in cases {
        // The first of a kind makes plans and memory.
        let first = plugin.filter(&event).0;
        plugin.filter(&event);
        let (out, used) = plugin.filter(&event);
        assert_eq!(out, first, "{name}");
        println!("{name}: {used} instructions, at most {ceiling}");
        if used > ceiling {
            slow.push(format!("{name}: {used}, more than {ceiling}"));
        }
        assert!(used * 4 > ceiling, "{name}: {used}; lower the ceiling of {ceiling}");
    }
    assert!(slow.is_empty(), "instructions for a record:\n{}", slow.join("\n"));
}

#[test]
fn baking_says_what_is_wrong() {
    for (arguments, says) in [
        (&[][..], "required"),
        (&["fluent-bit"], "--output"),
        (&["fluentd", "-o", "x.wasm"], "no agent is called fluentd; known are fluent-bit, vector"),
        (&["fluent-bit", "--from", "huawei-vcp", "-o", "x.wasm"], "a similar value exists: 'huawei-vpc'"),
        (&["fluent-bit", "--where", "bytes >", "-o", "x.wasm"], "bytes >"),
        (&["fluent-bit", "--to", "otel", "-o", "x.wasm"], "take flat, ocsf or ecs"),
        (
            &["fluent-bit", "--mask", "src_ip/24", "--keep-original", "-o", "x.wasm"],
            "leave --keep-original out",
        ),
        (&["fluent-bit", "--observed-at", "1", "-o", "x.wasm"], "leave it out"),
        (&["--show", "x.wasm", "--from", "huawei-vpc"], "cannot be used with"),
    ] {
        let output = bake(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(says), "{arguments:?}: {stderr}");
    }
    assert!(!Path::new("x.wasm").exists());
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("x.vrl").to_str().unwrap().to_owned();
    assert!(bake(&["vector", "--from", "aws-vpc", "-o", &program]).status.success());
    let output = bake(&["--show", &program]);
    assert_eq!(output.status.code(), Some(1));
    let says =
        "x.vrl: this is a program for Vector, whose first lines say what it was baked with; give a plugin";
    assert!(String::from_utf8_lossy(&output.stderr).contains(says), "{output:?}");
    for missing in [&["--show", "nowhere.wasm"][..], &["fluent-bit", "-o", "nowhere/x.wasm"]] {
        let output = bake(missing);
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains("check the path"));
    }
}

#[test]
fn baking_twice_gives_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let paths = ["a.wasm", "b.wasm"].map(|name| dir.path().join(name).to_str().unwrap().to_owned());
    for path in &paths {
        let output = bake(&["fluent-bit", "--to", "ecs", "--own", "10.0.0.0/8", "-o", path]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout.is_empty() && output.stderr.is_empty());
    }
    assert!(fs::read(&paths[0]).unwrap() == fs::read(&paths[1]).unwrap());
    let shown: Value = serde_json::from_slice(&bake(&["--show", &paths[0]]).stdout).unwrap();
    assert_eq!(shown["config"]["records"]["to"], "ecs");
    assert_eq!(shown["config"]["records"]["own"], json!(["10.0.0.0/8"]));
    let mut plugin = Counted::load(&fs::read(&paths[0]).unwrap());
    let out: Value = serde_json::from_str(&plugin.filter(&json!({ "log": LINE }).to_string()).0).unwrap();
    assert_eq!(out["source"]["ip"], "192.168.0.154");
    // What was chosen can't be changed any more.
    let module = Module::new(&Engine::default(), fs::read(&paths[0]).unwrap()).unwrap();
    assert!(module.get_export("weir_configure").is_none());
}

/// The configurations that ship with the plugin.
fn configurations() -> Vec<(String, String)> {
    let folder = top().join("plugins/fluent-bit/examples");
    let mut all: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap())
        })
        .collect();
    all.sort();
    assert!(all.len() >= 4);
    all
}

#[test]
fn the_readme_has_every_configuration() {
    let readme = fs::read_to_string(top().join("plugins/fluent-bit/README.md")).unwrap();
    let wasm = fs::read(plugin()).unwrap();
    let module = Module::new(&Engine::default(), wasm).unwrap();
    for (name, text) in configurations() {
        assert!(readme.contains(&format!("examples/{name}")), "{name}");
        let value = |key: &str| {
            let line = text
                .lines()
                .find_map(|l| l.trim().strip_prefix(key))
                .unwrap_or_else(|| panic!("{name}: {key}"));
            line.trim().to_owned()
        };
        let function = value("function_name:");
        assert!(module.get_export(&function).is_some(), "{name}: {function}");
        assert!(value("wasm_path:").ends_with(".wasm"), "{name}");
        // A command that a configuration gives must work.
        for command in
            text.lines().filter_map(|l| l.trim_start_matches(['#', ' ']).strip_prefix("weir bake "))
        {
            let (arguments, path) = command.split_once(" -o ").unwrap();
            assert_eq!(path, value("wasm_path:"), "{name}");
            let dir = tempfile::tempdir().unwrap();
            let to = dir.path().join("baked.wasm").to_str().unwrap().to_owned();
            let output = bake(&[&arguments.split(' ').collect::<Vec<_>>()[..], &["-o", &to]].concat());
            assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

/// A running Fluent Bit; it ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The plugin as machine code gives what the interpreter gives. Without the compiler this test has nothing to do,
/// and says so.
#[test]
fn the_plugin_is_compiled_ahead_of_time() {
    let Some(compiler) = env::var_os("FLB_WAMRC") else {
        println!("FLB_WAMRC is not set: nothing was compiled ahead of time");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (wasm, aot) = (path("weir.wasm"), path("weir.aot"));
    assert!(bake(&["fluent-bit", "--where", "exists dst_port", "-o", &wasm]).status.success());
    let compiled = Command::new(compiler).args(["-o", &aot, &wasm]).output().unwrap();
    assert!(compiled.status.success(), "{compiled:?}");
    assert!(fs::read(&aot).unwrap().starts_with(b"\0aot"));
    let Some(program) = env::var_os("FLUENT_BIT") else {
        println!("FLUENT_BIT is not set: what was compiled was not tried");
        return;
    };
    let bad = LINE.replace("192.168.3.25", "300.1.1.1");
    fs::write(path("huawei.log"), format!("{LINE}\n{bad}\nnothing\n")).unwrap();
    let (_, text) = configurations().into_iter().find(|(name, _)| name == "huawei-lts-files.yaml").unwrap();
    let run = |plugin: &str| {
        let text = text
            .replace("/etc/fluent-bit/weir_fluent_bit.wasm", plugin)
            .replace("/var/log/huawei-lts/*.log", &path("huawei.log"))
            .replace("read_from_head: true", "read_from_head: true\n      exit_on_eof: true");
        fs::write(path("fluent-bit.yaml"), text).unwrap();
        let output = Command::new(&program).args(["-c", &path("fluent-bit.yaml")]).output().unwrap();
        let lines = String::from_utf8(output.stdout).unwrap();
        let mut events: Vec<Value> = lines.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        // Its input gives an event the time when it is read.
        events.iter_mut().for_each(|event| drop(event.as_object_mut().unwrap().remove("date")));
        events
    };
    let interpreted = run(&wasm);
    assert_eq!(interpreted.len(), 3, "{interpreted:?}");
    assert_eq!(run(&aot), interpreted);
}

/// What the shipped configurations make of records in the real program. Without one this test has
/// nothing to do, and says so.
#[test]
fn the_configurations_run_in_fluent_bit() {
    let Some(program) = env::var_os("FLUENT_BIT") else {
        println!("FLUENT_BIT is not set: the real program was not tried");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let baidu = sample("baidu-flow/ok/assumed.log");
    let bad = LINE.replace("192.168.3.25", "300.1.1.1");
    fs::write(path("huawei.log"), format!("{LINE}\n{bad}\nnothing\n")).unwrap();
    fs::write(path("baidu.log"), format!("{baidu}\n")).unwrap();
    let baked = bake(&["fluent-bit", "--from", "baidu-flow", "-o", &path("weir_baidu.wasm")]);
    assert!(baked.status.success());
    for (name, text) in configurations() {
        let text = text
            .replace("/etc/fluent-bit/weir_fluent_bit.wasm", plugin().to_str().unwrap())
            .replace("/etc/fluent-bit/weir_baidu.wasm", &path("weir_baidu.wasm"))
            .replace("/var/log/huawei-lts/*.log", &path("huawei.log"))
            .replace("/var/log/baidu-bls/*.log", &path("baidu.log"))
            .replace("read_from_head: true", "read_from_head: true\n      exit_on_eof: true");
        fs::write(path(&name), text).unwrap();
        let mut command = Command::new(&program);
        command.args(["-c", &path(&name)]).stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null());
        if name == "kafka.yaml" {
            // There is no broker here; a program without Kafka can't even read it.
            continue;
        }
        let mut running = Running(command.spawn().unwrap());
        let mut output = BufReader::new(running.0.stdout.take().unwrap());
        if name == "alibaba-sls-http.yaml" {
            let errors = BufReader::new(running.0.stderr.take().unwrap());
            // By then it listens.
            errors.lines().map_while(Result::ok).find(|l| l.contains("stream processor started")).unwrap();
            let mut request = TcpStream::connect("127.0.0.1:9880").unwrap();
            let head =
                "POST /flow.alibaba HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length:";
            write!(request, "{head} {}\r\n\r\n{KEYED}", KEYED.len()).unwrap();
            let mut line = String::new();
            output.read_line(&mut line).unwrap();
            let got: Value = serde_json::from_str(&line).unwrap();
            assert_eq!((&got["provider"], &got["src_ip"]), (&json!("alibaba"), &json!("10.0.0.1")), "{got}");
            continue;
        }
        let mut all = String::new();
        output.read_to_string(&mut all).unwrap();
        let records: Vec<Value> = all.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        if name == "huawei-lts-files.yaml" {
            assert_eq!(records.len(), 3, "{all}");
            assert_eq!(records[0]["dst_ip"], "192.168.3.25");
            assert_eq!(
                (&records[1]["log"], &records[1]["weir_error"]["field"]),
                (&json!(bad), &json!("dstaddr"))
            );
            assert_eq!(records[2]["log"], "nothing");
        } else {
            assert_eq!(records.len(), 1, "{name}: {all}");
            assert_eq!(records[0]["provider"], "baidu", "{all}");
        }
    }
}
