//! Makes a JavaScript module of the guest for browsers: `weir-bindgen OUT NAME.wasm...`.
//!
//! Each module comes out as `OUT/NAME.wasm`, and one `OUT/bindings.js` speaks to all of them.

use std::{env, fs, path::Path, process::ExitCode};

use wasm_bindgen_cli_support::Bindgen;

const BINDINGS: &str = "bindings.js";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let Some((out, modules)) = arguments.split_first().filter(|(_, modules)| !modules.is_empty()) else {
        eprintln!("weir: usage: weir-bindgen OUT NAME.wasm...");
        return ExitCode::from(2);
    };
    match run(Path::new(out), modules) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("weir: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(out: &Path, modules: &[String]) -> Result<(), String> {
    fs::create_dir_all(out).map_err(|e| format!("making {}: {e}", out.display()))?;
    let mut common: Option<String> = None;
    for module in modules {
        let path = Path::new(module);
        let failed = |what: &str, e: &dyn std::fmt::Display| format!("{what} {module}: {e}");
        let name = path.file_name().ok_or_else(|| failed("reading", &"it is no file"))?;
        let wasm = fs::read(path).map_err(|e| failed("reading", &e))?;
        let mut bindgen = Bindgen::new();
        bindgen.input_bytes("weir", wasm);
        // Where the module is, and what is done when it traps, is the package's own affair.
        bindgen.omit_default_module_path(true).reset_state_function(true);
        bindgen.typescript(false).remove_name_section(true).remove_producers_section(true);
        let mut output = bindgen
            .web(true)
            .and_then(|bindgen| bindgen.generate_output())
            .map_err(|e| failed("making bindings of", &format!("{e:#}")))?;
        match &common {
            Some(js) if js != output.js() => {
                return Err(failed("making bindings of", &"they differ from those of the first module"));
            }
            _ => common = Some(output.js().to_owned()),
        }
        fs::write(out.join(name), output.wasm_mut().emit_wasm()).map_err(|e| failed("writing", &e))?;
    }
    fs::write(out.join(BINDINGS), common.unwrap_or_default()).map_err(|e| format!("writing {BINDINGS}: {e}"))
}
