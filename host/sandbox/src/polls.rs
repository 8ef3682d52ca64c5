//! Puts polls into a guest: an atomic load from a memory of its own at the start of each function,
//! at each turn of a loop, and after each instruction that works on a range of any length. Whoever
//! protects that memory stops the guest; as long as nobody does, a poll waits for nothing.
//!
//! Compilers of other languages stop threads for their garbage collectors in this way. What
//! wasmtime itself offers for deadlines is a counter of epochs, and costs more: a load, a
//! comparison and a branch, and a register to compare with. `poll_stopper.rs` says what is rested on
//! here that wasmtime does not promise.
//!
//! Nobody wants what a poll loads, but the compiler neither leaves out an atomic load nor moves it: as
//! far as it knows, others write to that memory. Plain stores, of which it may leave out one that another
//! makes needless, were no faster on x86-64, where an atomic load is a load like others: in hundreds of
//! rounds in turns, over three kinds of records, the medians of ratios were 0.98 to 1.03, and between two
//! guests with the same polls 0.96 to 0.99. On other processors nobody measured it.

use wasm_encoder::{CodeSection, Encode as _, ExportKind, MemoryType, Module, RawSection, SectionId};
use wasmparser::{
    BinaryReader, BinaryReaderError, CodeSectionReader, FunctionBody, Operator, Parser, Payload, TypeRef,
};
use wasmtime::{Engine, Module as Compiled, error::Context as _};

use super::{program::settings, stopper::StoppedBy};

/// What the names of exports that are put into guests begin with.
pub(super) const RESERVED: &str = "weir:";

/// The memory that polls load from, as the guest exports it.
pub(super) const MEMORY: &str = "weir:polls";

/// The start function, if there is one, as the guest exports it. A deadline has to hold for it,
/// so it must not run before the clock knows where the polls go.
pub(super) const START: &str = "weir:start";

/// The order of a module's sections.
const ORDER: [SectionId; 13] = [
    SectionId::Type,
    SectionId::Import,
    SectionId::Function,
    SectionId::Table,
    SectionId::Memory,
    SectionId::Tag,
    SectionId::Global,
    SectionId::Export,
    SectionId::Start,
    SectionId::Element,
    SectionId::DataCount,
    SectionId::Code,
    SectionId::Data,
];

/// Refuses what no guest may have. A guest must be valid with one memory, so that none of its own
/// instructions can name the one that polls load from, and without atomic instructions.
pub(super) fn check(wasm: &[u8]) -> wasmtime::Result<()> {
    let engine = Engine::new(settings(StoppedBy::Polls).wasm_multi_memory(false).wasm_threads(false))?;
    Compiled::validate(&engine, wasm).context("it must be a core module of WebAssembly")?;
    for payload in Parser::new(0).parse_all(wasm) {
        let Payload::ExportSection(exports) = payload? else { continue };
        for export in exports {
            let name = export?.name;
            if name.starts_with(RESERVED) {
                return Err(wasmtime::Error::msg(format!(
                    "it exports `{name}`; give that another name, `{RESERVED}` is the host's"
                )));
            }
        }
    }
    Ok(())
}

/// A module with polls and without custom sections, if it may be a guest at all.
pub(super) fn insert(wasm: &[u8]) -> wasmtime::Result<Vec<u8>> {
    check(wasm)?;
    let (mut sections, mut memories, mut start) = ([const { None }; ORDER.len()], 0, None);
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        match &payload {
            Payload::ImportSection(imports) => {
                for import in imports.clone().into_imports() {
                    memories += u32::from(matches!(import?.ty, TypeRef::Memory(_)));
                }
            }
            Payload::MemorySection(section) => memories += section.count(),
            Payload::StartSection { func, .. } => start = Some(*func),
            _ => {}
        }
        if let Some((id, range)) = payload.as_section()
            && let Some(place) = ORDER.iter().position(|known| *known as u8 == id)
        {
            sections[place] = Some(&wasm[range]);
        }
    }

    let mut module = Module::new();
    for (id, section) in ORDER.into_iter().zip(sections) {
        let mut put = |data: &[u8]| {
            module.section(&RawSection { id: id as u8, data });
        };
        match (id, section) {
            (SectionId::Memory, _) => put(&with_entries(section, &[memory()])?),
            (SectionId::Export, _) => {
                let mut exports = vec![export(MEMORY, ExportKind::Memory, memories)];
                exports.extend(start.map(|start| export(START, ExportKind::Func, start)));
                put(&with_entries(section, &exports)?);
            }
            (SectionId::Code, Some(section)) => {
                module.section(&code(section, memories)?);
            }
            (SectionId::Start, _) | (_, None) => {}
            (_, Some(section)) => put(section),
        }
    }
    Ok(module.finish())
}

/// A section with further entries.
fn with_entries(section: Option<&[u8]>, entries: &[Vec<u8>]) -> Result<Vec<u8>, BinaryReaderError> {
    let mut reader = BinaryReader::new(section.unwrap_or(&[0]), 0);
    let mut all = Vec::new();
    (reader.read_var_u32()? + entries.len() as u32).encode(&mut all);
    all.extend_from_slice(reader.read_bytes(reader.bytes_remaining())?);
    all.extend(entries.iter().flatten());
    Ok(all)
}

/// A memory that does not grow.
fn memory() -> Vec<u8> {
    let mut entry = Vec::new();
    let limits =
        MemoryType { minimum: 1, maximum: Some(1), memory64: false, shared: false, page_size_log2: None };
    limits.encode(&mut entry);
    entry
}

fn export(name: &str, kind: ExportKind, index: u32) -> Vec<u8> {
    let mut entry = Vec::new();
    name.encode(&mut entry);
    kind.encode(&mut entry);
    index.encode(&mut entry);
    entry
}

/// Functions with polls that load from this memory.
fn code(section: &[u8], memory: u32) -> Result<CodeSection, BinaryReaderError> {
    // `i32.const 0`, `i32.atomic.load` with alignment 2, a memory's index and no offset, `drop`.
    let mut poll = vec![0x41, 0, 0xfe, 0x10, 0x42];
    memory.encode(&mut poll);
    poll.extend([0, 0x1a]);
    let mut functions = CodeSection::new();
    let mut body = Vec::new();
    for function in CodeSectionReader::new(BinaryReader::new(section, 0))? {
        body.clear();
        put_body(&function?, section, &poll, &mut body)?;
        functions.raw(&body);
    }
    Ok(functions)
}

/// A function of this section, with polls.
fn put_body(
    function: &FunctionBody<'_>,
    section: &[u8],
    poll: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), BinaryReaderError> {
    let mut operators = function.get_operators_reader()?;
    let mut written = function.range().start;
    let mut poll_at = |place: usize| {
        out.extend_from_slice(&section[written..place]);
        out.extend_from_slice(poll);
        written = place;
    };
    poll_at(operators.original_position());
    while !operators.eof() {
        if is_polled_after(&operators.read()?) {
            poll_at(operators.original_position());
        }
    }
    out.extend_from_slice(&section[written..function.range().end]);
    Ok(())
}

/// Whether an instruction begins a turn of a loop, or takes as long as its operands say. There is
/// none of the latter beyond these in what guests may use; see `what_guests_may_not_use`.
fn is_polled_after(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::Loop { .. }
            | Operator::MemoryCopy { .. }
            | Operator::MemoryFill { .. }
            | Operator::MemoryInit { .. }
            | Operator::MemoryGrow { .. }
            | Operator::TableCopy { .. }
            | Operator::TableFill { .. }
            | Operator::TableInit { .. }
            | Operator::TableGrow { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inserted(text: &str) -> wasmtime::Result<Vec<u8>> {
        insert(&wat::parse_str(text).unwrap())
    }

    // Without names, which would be in a custom section.
    #[test]
    fn polls_stand_where_time_passes() {
        let given = r#"(module
            (type (func (result i32)))
            (table 1 funcref)
            (memory (export "memory") 2 9)
            (global (mut i32) (i32.const 7))
            (start 0)
            (elem (i32.const 0) 0)
            (func)
            (func (result i32) (local i64) (local v128)
                (loop (loop (result i32) (br_if 1 (i32.const 1)) i32.const 5) drop)
                (if (result i32) (global.get 0) (then (i32.const 3)) (else (call 1))))
            (func (param i32)
                (memory.copy (i32.const 0) (i32.const 1) (i32.const 2))
                (memory.fill (i32.const 0) (i32.const 1) (i32.const 2))
                (memory.init 0 (i32.const 0) (i32.const 1) (i32.const 2))
                (drop (memory.grow (i32.const 1)))
                (table.copy (i32.const 0) (i32.const 1) (i32.const 2))
                (table.fill (i32.const 0) (ref.null func) (i32.const 2))
                (table.init 0 (i32.const 0) (i32.const 1) (i32.const 2))
                (drop (table.grow (ref.null func) (i32.const 2))))
            (data "text"))"#;
        let expected = r#"(module
            (type (func (result i32)))
            (table 1 funcref)
            (memory 2 9)
            (memory 1 1)
            (global (mut i32) (i32.const 7))
            (export "memory" (memory 0))
            (export "weir:polls" (memory 1))
            (export "weir:start" (func 0))
            (elem (i32.const 0) 0)
            (func (POLL))
            (func (result i32) (local i64) (local v128) (POLL)
                (loop (POLL) (loop (result i32) (POLL) (br_if 1 (i32.const 1)) i32.const 5) drop)
                (if (result i32) (global.get 0) (then (i32.const 3)) (else (call 1))))
            (func (param i32) (POLL)
                (memory.copy (i32.const 0) (i32.const 1) (i32.const 2)) (POLL)
                (memory.fill (i32.const 0) (i32.const 1) (i32.const 2)) (POLL)
                (memory.init 0 (i32.const 0) (i32.const 1) (i32.const 2)) (POLL)
                (memory.grow (i32.const 1)) (POLL) drop
                (table.copy (i32.const 0) (i32.const 1) (i32.const 2)) (POLL)
                (table.fill (i32.const 0) (ref.null func) (i32.const 2)) (POLL)
                (table.init 0 (i32.const 0) (i32.const 1) (i32.const 2)) (POLL)
                (table.grow (ref.null func) (i32.const 2)) (POLL) drop)
            (data "text"))"#;
        let expected = expected.replace("(POLL)", "(drop (i32.atomic.load 1 (i32.const 0)))");
        assert!(inserted(given).unwrap() == wat::parse_str(expected).unwrap());
    }

    #[test]
    fn imported_memories_are_counted() {
        let given = r#"(module (import "a" "b" (memory 1)) (func (loop)))"#;
        let expected = r#"(module (import "a" "b" (memory 1)) (memory 1 1) (export "weir:polls" (memory 1))
            (func (drop (i32.atomic.load 1 (i32.const 0)))
                (loop (drop (i32.atomic.load 1 (i32.const 0))))))"#;
        assert_eq!(inserted(given).unwrap(), wat::parse_str(expected).unwrap());
    }

    /// Some of it takes long and is not polled.
    #[test]
    fn what_guests_may_not_use() {
        for text in [
            "(module (type (array (mut i32))))",
            "(module (tag))",
            "(module (memory 1 1 shared))",
            "(module (memory 1) (func (drop (memory.atomic.notify (i32.const 0) (i32.const 1)))))",
            "(module (memory 1) (func (drop (i32.atomic.load (i32.const 0)))))",
            "(module (func (return_call 0)))",
            "(module (memory i64 1))",
            "(module (type (cont 0)) (type (func)))",
            "(component)",
        ] {
            let error = format!("{:#}", inserted(text).unwrap_err());
            assert!(error.starts_with("it must be a core module of WebAssembly: "), "{error}");
        }
    }

    #[test]
    fn modules_without_memory_or_exports_get_both() {
        let expected = r#"(module (memory 1 1) (export "weir:polls" (memory 0)))"#;
        assert_eq!(inserted("(module)").unwrap(), wat::parse_str(expected).unwrap());
    }

    #[test]
    fn nothing_names_the_memory_of_the_polls() {
        for (text, why) in [
            ("(module (memory 1) (memory 1))", "multiple memories"),
            ("(module (memory 1) (func (drop (i32.load 1 (i32.const 0)))))", "malformed memop alignment"),
            (r#"(module (memory (export "weir:polls") 1))"#, "it exports `weir:polls`"),
            (r#"(module (func (export "weir:start")))"#, "it exports `weir:start`"),
        ] {
            let error = format!("{:#}", inserted(text).unwrap_err());
            assert!(error.contains(why), "{error}");
        }
    }
}
