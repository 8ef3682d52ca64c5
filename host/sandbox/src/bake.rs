//! Plugins that carry their configuration: a guest is configured, and what its memory holds then
//! becomes a module of its own.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use serde::{Deserialize, Serialize};
use wasm_encoder::{CustomSection, Encode as _, Section as _};
use wasmparser::{BinaryReaderError, Parser, Payload};
use wasmtime::{Engine, Instance, Linker, Memory, Module, Store, Val};
use wasmtime_wizer::{InstanceState, SnapshotVal, ValType, Wizer};
use weir_normalizer::EventConfig;

use crate::Error;

/// The guest for Fluent Bit that was there when this crate was built.
const FLUENT_BIT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/fluent_bit.wasm"));

/// The custom section that says what a plugin was baked with.
const SECTION: &str = "weir.baked";

/// The function that an agent calls, by which a guest for it is known.
const FILTER: &str = "weir_filter";

/// A log agent that runs plugins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agent {
    /// Fluent Bit, by its filter `wasm`.
    FluentBit,
}

impl Agent {
    /// Every agent.
    pub const ALL: &'static [Self] = &[Self::FluentBit];

    /// What `weir bake` takes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FluentBit => "fluent-bit",
        }
    }

    fn guest(self) -> &'static [u8] {
        match self {
            Self::FluentBit => FLUENT_BIT,
        }
    }
}

/// What a plugin was baked with.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Baked {
    /// The agent that it is for.
    agent: String,
    /// The version of Weir that baked it.
    weir: String,
    config: EventConfig,
}

/// Makes a plugin with this configuration inside. The same configuration gives the same bytes.
pub fn bake(agent: Agent, config: &EventConfig) -> Result<Vec<u8>, Error> {
    let mut wizer = Wizer::new();
    // What is configured can't be configured again.
    wizer.init_func("weir_configure");
    let failed = |e: wasmtime::Error| Error::failed(format!("can't bake the plugin: {e:#}")).with_source(e);
    let (context, instrumented) = wizer.instrument(agent.guest()).map_err(failed)?;
    let engine = Engine::default();
    let module = Module::new(&engine, instrumented).map_err(failed)?;
    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine).instantiate(&mut store, &module).map_err(failed)?;
    configure(&mut store, instance, config)?;
    let mut wasm = at_once(wizer.snapshot(&context, &mut Configured { store, instance })).map_err(failed)?;

    let baked = Baked {
        agent: agent.name().to_owned(),
        weir: env!("CARGO_PKG_VERSION").to_owned(),
        config: config.clone(),
    };
    let data = serde_json::to_vec(&baked).expect("a configuration can be written");
    let section = CustomSection { name: SECTION.into(), data: data.into() };
    wasm.push(section.id());
    section.encode(&mut wasm);
    Ok(wasm)
}

/// Hands the configuration to the guest.
fn configure(store: &mut Store<()>, instance: Instance, config: &EventConfig) -> Result<(), Error> {
    let failed =
        |e: wasmtime::Error| Error::failed(format!("can't configure the guest: {e:#}")).with_source(e);
    let lost = || Error::failed("can't configure the guest: it answered with an address outside its memory");
    let memory = instance.get_memory(&mut *store, "memory").ok_or_else(lost)?;
    let config = serde_json::to_vec(config).expect("a configuration can be written");
    let input = instance.get_typed_func::<u32, u32>(&mut *store, "weir_input").map_err(failed)?;
    let address = input.call(&mut *store, config.len() as u32).map_err(failed)?;
    memory.write(&mut *store, address as usize, &config).map_err(|_| lost())?;
    let configure = instance.get_typed_func::<(), u32>(&mut *store, "weir_configure").map_err(failed)?;
    match configure.call(&mut *store, ()).map_err(failed)? {
        0 => Ok(()),
        at => Err(message(&memory, store, at).map_or_else(lost, Error::usage)),
    }
}

/// The guest's words on why it does not take its configuration.
fn message(memory: &Memory, store: &Store<()>, at: u32) -> Option<String> {
    let data = memory.data(store);
    let word = |at: usize| Some(u32::from_le_bytes(data.get(at..at + 4)?.try_into().ok()?) as usize);
    let (start, len) = (word(at as usize)?, word(at as usize + 4)?);
    Some(String::from_utf8_lossy(data.get(start..start.checked_add(len)?)?).into_owned())
}

/// Says what a plugin was baked with, as JSON.
pub fn show(wasm: &[u8], name: &str) -> Result<String, Error> {
    let broken = |e: BinaryReaderError| {
        let message = format!("{name}: this module is cut short or damaged; give it as `weir bake` wrote it");
        Error::failed(message).with_source(e)
    };
    // What wasmparser says of anything else is a list of bytes.
    if !Parser::is_core_wasm(wasm) {
        return Err(Error::failed(format!(
            "{name}: this is no WebAssembly module; give a plugin that `weir bake` wrote"
        )));
    }
    let mut is_guest = false;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(broken)? {
            Payload::CustomSection(section) if section.name() == SECTION => {
                let baked = serde_json::from_slice::<Baked>(section.data()).map_err(|e| {
                    Error::failed(format!(
                        "{name}: another version of Weir baked this plugin ({e}); use that one"
                    ))
                    .with_source(e)
                })?;
                return Ok(pretty(&baked));
            }
            Payload::ExportSection(exports) => {
                is_guest |= exports.into_iter().any(|e| e.is_ok_and(|e| e.name == FILTER));
            }
            _ => {}
        }
    }
    if !is_guest {
        return Err(Error::failed(format!(
            "{name}: this is no plugin of Weir's; give one that `weir bake` wrote"
        )));
    }
    // The plugin as it is built: nothing was chosen.
    Ok(pretty(&Baked { agent: Agent::FluentBit.name().to_owned(), ..Baked::default() }))
}

fn pretty(baked: &Baked) -> String {
    serde_json::to_string_pretty(baked).expect("a configuration can be written")
}

/// A guest that has its configuration.
struct Configured {
    store: Store<()>,
    instance: Instance,
}

impl InstanceState for Configured {
    async fn global_get(&mut self, name: &str, _: ValType) -> SnapshotVal {
        let global = self.instance.get_global(&mut self.store, name);
        match global.expect("instrumented so").get(&mut self.store) {
            Val::I32(n) => SnapshotVal::I32(n),
            Val::I64(n) => SnapshotVal::I64(n),
            Val::F32(n) => SnapshotVal::F32(n),
            Val::F64(n) => SnapshotVal::F64(n),
            // The guest has no others.
            other => panic!("a global of the guest is {other:?}"),
        }
    }

    async fn memory_contents(&mut self, name: &str, contents: impl FnOnce(&[u8]) + Send) {
        let memory = self.instance.get_memory(&mut self.store, name).expect("instrumented so");
        contents(memory.data(&self.store));
    }
}

/// Runs what waits for nothing.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("nothing in it waits"),
    }
}

#[cfg(test)]
mod tests {
    use weir_normalizer::{Config, Events};

    use super::*;

    fn config(filter: &str) -> EventConfig {
        let records = Config { filter: Some(filter.into()), ..Config::default() };
        EventConfig { records, ..EventConfig::default() }
    }

    #[test]
    fn the_same_choices_give_the_same_bytes() {
        let one = bake(Agent::FluentBit, &config("dst_port == 53")).unwrap();
        assert!(one == bake(Agent::FluentBit, &config("dst_port == 53")).unwrap());
        assert!(one != bake(Agent::FluentBit, &config("dst_port == 54")).unwrap());
    }

    #[test]
    fn what_is_inside_is_shown() {
        let config = config("bytes > 1k");
        let text = show(&bake(Agent::FluentBit, &config).unwrap(), "it").unwrap();
        let baked: Baked = serde_json::from_str(&text).unwrap();
        assert_eq!((baked.config, &baked.agent[..]), (config, "fluent-bit"));
        assert!(show(FLUENT_BIT, "it").unwrap().contains("\"agent\": \"fluent-bit\""));
        let error = show(b"\0asm\x01\0\0\0", "it").unwrap_err().to_string();
        assert!(error.starts_with("it: this is no plugin"), "{error}");
        let error = show(b"#!/bin/sh", "it").unwrap_err().to_string();
        assert!(error.starts_with("it: this is no WebAssembly"), "{error}");
    }

    #[test]
    fn a_guest_says_why_it_refuses() {
        let refused = bake(Agent::FluentBit, &config("bytes >")).unwrap_err().to_string();
        assert_eq!(refused, Events::new(&config("bytes >")).unwrap_err().to_string());
    }
}
