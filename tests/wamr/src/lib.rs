//! Calls a guest the way Fluent Bit's `filter_wasm` does, in the interpreter that Fluent Bit has.
//!
//! It follows `flb_wasm_call_function_format_json`: tag and record are copied, with their zero
//! bytes, into memory from the guest's `malloc`; the guest is called; the answer is copied up to
//! its first zero byte; `free` gets both pieces back. One instance serves all records.

use std::{cell::RefCell, path::Path};

use wamrx::{Engine, Instance, InstanceConfig, Linker, Module, Val};

/// The stack and the heap that Fluent Bit gives a guest when nobody chose other sizes, in bytes.
pub const DEFAULT_SIZE: u32 = 8192;

/// A filter of Fluent Bit with its guest.
pub struct Filter {
    instance: Instance,
    /// For arguments; a record's length is checked by the interpreter alone.
    results: RefCell<[Val; 1]>,
}

/// Why Fluent Bit loses a record.
#[derive(Debug)]
pub struct Lost(pub String);

impl Filter {
    /// Loads a guest with the sizes that Fluent Bit has by default.
    pub fn load(path: &Path) -> Self {
        let wasm = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Self::with_stack(&wasm, DEFAULT_SIZE)
    }

    /// A guest with this many bytes of stack.
    pub fn with_stack(wasm: &[u8], stack: u32) -> Self {
        let engine = Engine::new().expect("WAMR starts");
        let module = Module::new(&engine, wasm).expect("a module that WAMR loads");
        let mut config = InstanceConfig::new();
        config.aux_stack_size(stack).heap_size(DEFAULT_SIZE).exec_stack_size(stack);
        let instance =
            Linker::new(&engine).instantiate_with(module, &config).expect("a module without imports");
        Self { instance, results: RefCell::new([Val::I32(0)]) }
    }

    fn call(&self, function: &str, arguments: &[u32], answers: bool) -> Result<u32, Lost> {
        let arguments: Vec<Val> = arguments.iter().map(|a| Val::I32(a.cast_signed())).collect();
        let function = self.instance.get_func(function).map_err(|e| Lost(e.to_string()))?;
        let mut results = self.results.borrow_mut();
        let results = if answers { &mut results[..] } else { &mut [] };
        function.call(&arguments, results).map_err(|e| Lost(e.to_string()))?;
        Ok(match results.first() {
            Some(Val::I32(n)) => n.cast_unsigned(),
            _ => 0,
        })
    }

    /// Copies bytes into the guest, as `wasm_runtime_module_dup_data` does: 0 where it has no room.
    fn copy_in(&self, bytes: &[u8]) -> Result<u32, Lost> {
        let address = self.call("malloc", &[bytes.len() as u32 + 1], true)?;
        if address != 0 {
            let mut memory = self.instance.get_memory("memory").map_err(|e| Lost(e.to_string()))?;
            let start = address as usize;
            let place = memory.data_mut().get_mut(start..start + bytes.len() + 1);
            let place = place.ok_or_else(|| Lost("malloc's answer lies outside the memory".into()))?;
            place[..bytes.len()].copy_from_slice(bytes);
            place[bytes.len()] = 0;
        }
        Ok(address)
    }

    /// What Fluent Bit gets for a record: one JSON object, or nothing to drop it.
    pub fn filter(&self, tag: &str, seconds: u32, nanoseconds: u32, record: &[u8]) -> Result<Vec<u8>, Lost> {
        let tag_at = self.copy_in(tag.as_bytes())?;
        let record_at = self.copy_in(record)?;
        let arguments = [tag_at, tag.len() as u32, seconds, nanoseconds, record_at, record.len() as u32];
        let answer = self.call("weir_filter", &arguments, true);
        let copy = answer.and_then(|at| self.text(at));
        for piece in [tag_at, record_at] {
            if piece != 0 {
                self.call("free", &[piece], false)?;
            }
        }
        copy
    }

    /// Calls the filter with addresses as they are.
    pub fn raw(&self, arguments: [u32; 6]) -> Result<Vec<u8>, Lost> {
        self.call("weir_filter", &arguments, true).and_then(|at| self.text(at))
    }

    /// The guest's memory, in bytes.
    pub fn memory(&self) -> usize {
        self.instance.get_memory("memory").expect("the guest's memory").data().len()
    }

    /// The text at an address, up to its zero byte.
    fn text(&self, address: u32) -> Result<Vec<u8>, Lost> {
        let memory = self.instance.get_memory("memory").map_err(|e| Lost(e.to_string()))?;
        let rest = memory.data().get(address as usize..).filter(|_| address != 0);
        let end = rest.and_then(|r| r.iter().position(|b| *b == 0));
        match (rest, end) {
            (Some(rest), Some(end)) => Ok(rest[..end].to_vec()),
            _ => Err(Lost(format!("the answer {address} is no text in the guest's memory"))),
        }
    }
}
