//! The guest for JavaScript, behind the npm package `weir-flow`: bytes in, records and rejects out.
//!
//! `js/` has the package's own side. It writes input straight into this memory and reads output
//! where it lies, so both cross once, and nothing is done for each record.

mod account;
mod catalogue;
mod columns;
mod engine;
mod explained;
mod fault;
mod table;

use wasm_bindgen::prelude::*;
use weir_normalizer::Config;

use engine::Engine;
use fault::Fault;
use table::Table;

/// The standard library's own is larger.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// A fault as JavaScript gets it: a string that is JSON, of which its side makes an `Error`.
fn thrown(fault: &Fault) -> JsValue {
    JsValue::from_str(&json(fault))
}

fn json(value: &impl serde::Serialize) -> String {
    // Nothing here has maps with other keys than strings, and memory can be written to.
    serde_json::to_string(value).unwrap_or_default()
}

fn configuration(json: &str) -> Result<Config, JsValue> {
    Config::from_json(json.as_bytes()).map_err(|error| thrown(&Fault::of_options(&error)))
}

#[wasm_bindgen]
extern "C" {
    /// Bytes on JavaScript's side.
    pub type Source;

    /// Copies the next of them to where they are read, and says how many; 0 where there are no more.
    #[wasm_bindgen(method)]
    fn read(this: &Source, room: &mut [u8]) -> usize;
}

#[wasm_bindgen]
extern "C" {
    /// Takes numbers to JavaScript's side.
    pub type Codes;

    /// Copies them.
    #[wasm_bindgen(method)]
    fn take(this: &Codes, codes: &[u32]);
}

/// One input that comes in pieces.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Input(Engine);

#[wasm_bindgen]
impl Input {
    /// Begins an input with a configuration in JSON. `name` is what records and rejects call it; rejects
    /// are only counted where they are not asked for.
    #[wasm_bindgen(constructor)]
    pub fn new(configuration: &str, name: String, rejects: bool) -> Result<Input, JsValue> {
        let config = self::configuration(configuration)?;
        Engine::new(&config, name, rejects).map(Self).map_err(|error| thrown(&Fault::new(&error, &config)))
    }

    /// Takes the next bytes. What was made of the ones before is forgotten.
    pub fn push(&mut self, source: &Source) {
        self.0.clear();
        while self.0.read(|room| source.read(room).min(room.len())) > 0 {}
    }

    /// Takes what is complete, for an input that pauses.
    pub fn flush(&mut self) {
        self.0.clear();
        self.0.flush();
    }

    /// Ends the input.
    pub fn finish(&mut self) {
        self.0.clear();
        self.0.finish();
    }

    /// Where the records lie that the last call made.
    pub fn output(&self) -> *const u8 {
        self.0.output().as_ptr()
    }

    /// How many bytes they are.
    pub fn output_len(&self) -> usize {
        self.0.output().len()
    }

    /// Where the rejects lie that the last call made.
    pub fn rejects(&self) -> *const u8 {
        self.0.rejects().as_ptr()
    }

    /// How many bytes they are.
    pub fn rejects_len(&self) -> usize {
        self.0.rejects().len()
    }

    /// The account of the input so far, in JSON.
    pub fn summary(&self) -> String {
        json(&self.0.summary())
    }

    /// What in the configuration may not be what was meant, in JSON.
    pub fn warnings(&self) -> String {
        json(&self.0.warnings())
    }
}

/// Explains the records of a text, in JSON.
#[wasm_bindgen]
pub fn explain(text: &[u8], name: &str, configuration: &str) -> Result<String, JsValue> {
    let config = self::configuration(configuration)?;
    match explained::explain(text, name, &config) {
        Ok(records) => Ok(json(&records)),
        Err(error) => Err(thrown(&Fault::new(&error, &config))),
    }
}

/// Every product, its keys and their fields, in JSON.
#[wasm_bindgen]
pub fn formats() -> String {
    json(&catalogue::formats())
}

/// The JSON Schema of the flat record, or how its fields are mapped to another schema, in JSON.
#[wasm_bindgen]
pub fn schema(name: &str) -> Result<String, JsValue> {
    catalogue::schema(name).map_err(|fault| thrown(&fault))
}

/// Records of some inputs, to be filtered, sorted and added up.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Rows(Table);

#[wasm_bindgen]
impl Rows {
    /// An empty table of at most so many rows.
    #[wasm_bindgen(constructor)]
    pub fn new(configuration: &str, most: usize) -> Result<Rows, JsValue> {
        let config = self::configuration(configuration)?;
        Table::new(config.clone(), most).map(Self).map_err(|error| thrown(&Fault::new(&error, &config)))
    }

    /// Begins the next input.
    pub fn begin(&mut self) -> Result<(), JsValue> {
        self.0.begin().map_err(|error| thrown(&Fault::of_options(&error)))
    }

    /// Takes the next bytes of the input.
    pub fn push(&mut self, source: &Source) {
        while self.0.read(|room| source.read(room).min(room.len())) > 0 {}
    }

    /// Ends the input.
    pub fn finish(&mut self) {
        self.0.finish();
    }

    /// What there is, in JSON.
    pub fn state(&self) -> String {
        json(&self.0.state())
    }

    /// The first rejects, in JSON.
    pub fn rejects(&self) -> String {
        json(&self.0.rejects())
    }

    /// Lets through what meets an expression, and says how much that is.
    pub fn filter(&mut self, expression: &str) -> Result<usize, JsValue> {
        self.0.filter(expression).map_err(|error| {
            let config = Config { filter: Some(expression.to_owned()), ..Config::default() };
            thrown(&Fault::new(&error, &config))
        })
    }

    /// Sorts by a field, or as the input was.
    pub fn sort(&mut self, key: &str, descending: bool) {
        self.0.sort(key, descending);
    }

    /// Values of some rows, in JSON.
    pub fn rows(&self, from: usize, count: usize, keys: &str) -> String {
        json(&self.0.rows(from, count, keys))
    }

    /// The numbers of a field, with NaN for none; nothing for fields of another kind.
    pub fn numbers(&self, key: &str) -> Option<Vec<f64>> {
        self.0.numbers(key)
    }

    /// The words of a field, in JSON; `codes` gets for each row one more than its word's place, or 0.
    pub fn words(&self, key: &str, codes: &Codes) -> String {
        let (all, words) = self.0.words(key).unwrap_or_default();
        codes.take(&all);
        json(&words)
    }

    /// Where a row's text lies, in JSON.
    pub fn text(&self, index: usize) -> String {
        json(&self.0.text(index))
    }

    /// Sums by time and the words of a field, in JSON.
    pub fn bars(&self, key: &str) -> String {
        json(&self.0.bars(key))
    }

    /// Sums by the classes of sources and destinations, in JSON; their tests are a line each.
    pub fn matrix(&self, tests: &str) -> Result<String, JsValue> {
        self.0.matrix(tests).map(|sums| json(&sums)).map_err(|error| thrown(&Fault::of_options(&error)))
    }

    /// The groups with the largest sums, in JSON.
    pub fn top(&self, keys: &str, by: &str, most: usize, action: &str) -> String {
        json(&self.0.top(keys, by, most, action))
    }
}
