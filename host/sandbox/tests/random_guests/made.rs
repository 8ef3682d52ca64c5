//! Makes guests of random functions. A random module hardly ever speaks the ABI, so here each function
//! of the ABI calls a random one, and answers what keeps a host going.

use std::convert::Infallible;

use arbitrary::Unstructured;
use fastrand::Rng;
use wasm_encoder::{
    BlockType, CodeSection, Encode as _, ExportKind, ExportSection, Function, FunctionSection, MemArg,
    MemorySection, MemoryType, Module, RawSection, TypeSection, ValType,
    reencode::{self, Reencode},
};
use wasm_smith::Config;
use wasmparser::{BinaryReader, BinaryReaderError, CodeSectionReader, FunctionBody, Parser, Payload};

/// The functions of the ABI, with how many parameters each takes.
const FUNCTIONS: [(&str, u32); 4] =
    [("weir_abi_version", 0), ("weir_input", 1), ("weir_configure", 1), ("weir_run", 2)];

/// The memory that a host has to keep guests within, in pages of 64 KiB.
pub(crate) const MEMORY: u32 = 32;

/// What a guest with more than that answers: no version, and an address outside its memory.
pub(crate) const HAS_TOO_MUCH: i32 = 0x7e57_0000;

/// How many elements a guest says that it has read.
pub(crate) const ELEMENTS: u32 = 2;

/// Where a guest has its input, and where its reply.
const INPUT: i32 = 1024;
const REPLY: i32 = 16;

/// A guest.
pub(crate) struct Guest {
    /// As a host loads it.
    pub(crate) wasm: Vec<u8>,
    /// Whether a function that a host calls does not come to its end, unless it traps.
    pub(crate) never_ends: bool,
}

/// A guest that is made of these bytes, if one can be. The same bytes give the same guest.
pub(crate) fn guest(bytes: &[u8]) -> arbitrary::Result<Guest> {
    let bytes = drawn_out(bytes);
    let mut bytes = Unstructured::new(&bytes);
    let plan = Plan::new(&mut bytes)?;
    let config = Config {
        exports: Some(exports()),
        max_imports: 0,
        allow_start_export: plan.has_start,
        disallow_traps: plan.avoids_traps,
        max_instructions: plan.instructions,
        max_funcs: 16,
        // Beside that which is exported.
        max_memories: 0,
        max_tables: 3,
        // A bit more than a guest may have.
        max_table_elements: 70_000,
        // What is refused at once shows nothing.
        exceptions_enabled: false,
        gc_enabled: false,
        memory64_enabled: false,
        relaxed_simd_enabled: false,
        tail_call_enabled: false,
        threads_enabled: false,
        // However it is compiled, a guest shall do the same.
        canonicalize_nans: true,
        ..Config::default()
    };
    let module = wasm_smith::Module::new(config, &mut bytes)?;
    let mut without_extern = Module::new();
    let done = FuncForExtern.parse_core_module(&mut without_extern, Parser::new(0), &module.to_bytes());
    done.expect("random modules are valid");
    let wasm = plan.complete(&without_extern.finish()).expect("random modules are valid");
    Ok(Guest { wasm, never_ends: plan.never_ends })
}

/// Bytes enough for functions that do something: the first eight seed what follows behind the others.
fn drawn_out(bytes: &[u8]) -> Vec<u8> {
    let (seed, begin) = bytes.split_at(bytes.len().min(8));
    let mut word = [0; 8];
    word[..seed.len()].copy_from_slice(seed);
    let mut random = Rng::with_seed(u64::from_le_bytes(word));
    let mut all = begin.to_vec();
    all.extend((0..random.usize(256..4096)).map(|_| random.u8(..)));
    all
}

/// Puts functions in the place of references to the host's values, which guests may not have and random
/// modules can't do without if they have any references.
struct FuncForExtern;

impl Reencode for FuncForExtern {
    type Error = Infallible;

    fn abstract_heap_type(
        &mut self,
        heap: wasmparser::AbstractHeapType,
    ) -> Result<wasm_encoder::AbstractHeapType, reencode::Error> {
        Ok(match heap {
            wasmparser::AbstractHeapType::Extern => wasm_encoder::AbstractHeapType::Func,
            other => other.into(),
        })
    }
}

/// A module that exports what random ones have to.
fn exports() -> Vec<u8> {
    let mut types = TypeSection::new();
    let mut functions = FunctionSection::new();
    let mut memories = MemorySection::new();
    let mut exports = ExportSection::new();
    let mut code = CodeSection::new();
    for (index, (name, parameters)) in (0..).zip(FUNCTIONS) {
        types.ty().function((0..parameters).map(|_| ValType::I32), [ValType::I32]);
        functions.function(index);
        exports.export(name, ExportKind::Func, index);
        let mut body = Function::new([]);
        body.instructions().unreachable().end();
        code.function(&body);
    }
    memories.memory(MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    exports.export("memory", ExportKind::Memory, 0);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&memories).section(&exports).section(&code);
    module.finish()
}

/// What becomes of a random module.
struct Plan {
    has_start: bool,
    /// Whether its functions do little that traps.
    avoids_traps: bool,
    /// The first function of the ABI, in the order that a host calls them, that calls a random one.
    first: usize,
    /// Whether both go round for ever.
    never_ends: bool,
    /// The most instructions of a random function.
    instructions: usize,
    /// Those functions of the ABI that give a random answer, where they have one.
    answers_at_random: [bool; FUNCTIONS.len()],
    /// Pages of memory that each of them asks for.
    grows_by: i32,
}

impl Plan {
    fn new(bytes: &mut Unstructured<'_>) -> arbitrary::Result<Self> {
        let mut answers_at_random = [false; FUNCTIONS.len()];
        for at_random in &mut answers_at_random {
            *at_random = bytes.ratio(1, 16)?;
        }
        Ok(Self {
            has_start: bytes.ratio(1, 16)?,
            avoids_traps: bytes.ratio(7, 8)?,
            first: bytes.choose_index(FUNCTIONS.len())?,
            never_ends: bytes.ratio(1, 3)?,
            instructions: *bytes.choose(&[10, 30, 100, 400])?,
            answers_at_random,
            grows_by: *bytes.choose(&[0, 0, 0, 1, MEMORY as i32, i32::from(u16::MAX), -1])?,
        })
    }

    /// The module with functions of the ABI around those that it exports.
    fn complete(&self, wasm: &[u8]) -> Result<Vec<u8>, BinaryReaderError> {
        let mut types = Vec::new();
        let mut called = [0; FUNCTIONS.len()];
        let mut memory = 0;
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::FunctionSection(section) => types = section.into_iter().collect::<Result<_, _>>()?,
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export?;
                        match FUNCTIONS.iter().position(|(name, _)| *name == export.name) {
                            Some(function) => called[function] = export.index,
                            None => memory = export.index,
                        }
                    }
                }
                _ => {}
            }
        }

        let mut module = Module::new();
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload?;
            let Some((id, range)) = payload.as_section() else { continue };
            match payload {
                Payload::FunctionSection(_) => {
                    let mut functions = FunctionSection::new();
                    let callers = called.iter().map(|called| &types[*called as usize]);
                    types.iter().chain(callers).for_each(|ty| {
                        functions.function(*ty);
                    });
                    module.section(&functions);
                }
                Payload::ExportSection(_) => {
                    let mut exports = ExportSection::new();
                    exports.export("memory", ExportKind::Memory, memory);
                    for (index, (name, _)) in (types.len() as u32..).zip(FUNCTIONS) {
                        exports.export(name, ExportKind::Func, index);
                    }
                    module.section(&exports);
                }
                Payload::CodeSectionStart { .. } => {
                    let mut code = CodeSection::new();
                    let endless = self.never_ends.then_some(called[self.first]);
                    let bodies =
                        CodeSectionReader::new(BinaryReader::new(&wasm[range.clone()], range.start))?;
                    for (index, body) in (0..).zip(bodies) {
                        let body = body?;
                        match endless == Some(index) {
                            true => code.raw(&gone_round(wasm, &body)?),
                            false => code.raw(&wasm[body.range()]),
                        };
                    }
                    for (function, called) in called.iter().enumerate() {
                        code.function(&self.caller(function, *called));
                    }
                    module.section(&code);
                }
                _ => {
                    module.section(&RawSection { id, data: &wasm[range] });
                }
            }
        }
        Ok(module.finish())
    }

    /// A function of the ABI, which calls a random one.
    fn caller(&self, function: usize, called: u32) -> Function {
        let parameters = FUNCTIONS[function].1;
        let answer = parameters;
        let mut body = Function::new([(1, ValType::I32)]);
        let mut code = body.instructions();
        if self.grows_by != 0 {
            code.i32_const(self.grows_by).memory_grow(0).drop();
        }
        let is_random = function >= self.first;
        if is_random {
            code.loop_(BlockType::Empty);
            (0..parameters).for_each(|parameter| {
                code.local_get(parameter);
            });
            code.call(called).local_set(answer);
            if function == self.first && self.never_ends {
                code.br(0);
            }
            code.end();
        }
        code.memory_size(0).i32_const(MEMORY as i32).i32_gt_u().if_(BlockType::Empty);
        code.i32_const(HAS_TOO_MUCH).return_().end();
        match (is_random && self.answers_at_random[function], FUNCTIONS[function].0) {
            (true, _) => code.local_get(answer),
            (false, "weir_abi_version") => code.i32_const(1),
            (false, "weir_input") => code.i32_const(INPUT),
            (false, "weir_configure") => code.i32_const(0),
            // All records are filtered; all other numbers of the reply are 0.
            (false, _) => {
                code.i32_const(REPLY).i32_const(0).i32_const(44).memory_fill(0);
                for place in [0, 8] {
                    let place = MemArg { offset: place, align: 2, memory_index: 0 };
                    code.i32_const(REPLY).i32_const(ELEMENTS as i32).i32_store(place);
                }
                code.i32_const(REPLY)
            }
        };
        code.end();
        body
    }
}

/// A function with one result that goes round for ever where it came to its end. Where it returns, it
/// still does.
fn gone_round(wasm: &[u8], body: &FunctionBody<'_>) -> Result<Vec<u8>, BinaryReaderError> {
    let all = body.range();
    let code = body.get_operators_reader()?.original_position();
    let mut out = wasm[all.start..code].to_vec();
    // What leaves the function by its outermost block leaves one in a loop now.
    out.extend([0x03, 0x40, 0x02]);
    ValType::I32.encode(&mut out);
    // With the `end` that was the function's.
    out.extend(&wasm[code..all.end]);
    out.extend([0x1a, 0x0c, 0, 0x0b, 0x00, 0x0b]);
    Ok(out)
}
