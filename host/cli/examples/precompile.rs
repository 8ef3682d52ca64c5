//! Compiles a guest ahead of time: `precompile GUEST.wasm DIRECTORY`. The build puts the
//! result into the binary, where there is one. It lies beside the binary and not in the sandbox, so
//! that both are built with the same features, and the sandbox's compiler once.

use std::{env, error::Error, fs, path::Path};

use weir_sandbox::{fingerprint::compiled_name, is_loadable, precompile};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<_> = env::args_os().skip(1).collect();
    let [wasm, directory] = &args[..] else { return Err("usage: precompile GUEST.wasm DIRECTORY".into()) };
    let wasm = Path::new(wasm);
    let bytes = fs::read(wasm)?;
    let stem = wasm.file_stem().ok_or("the guest has no file name")?.to_string_lossy();
    let compiled = Path::new(directory).join(compiled_name(&stem, &bytes));
    if fs::read(&compiled).is_ok_and(|old| is_loadable(&old)) {
        return Ok(());
    }
    fs::write(&compiled, precompile(&bytes)?)?;
    println!("{}", compiled.display());
    Ok(())
}
