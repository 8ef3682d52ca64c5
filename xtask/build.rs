//! Says what a plain `cargo build` makes, which is not `weir`. The alias `cargo xtask` is quiet, so
//! that nobody who follows the README sees this.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!(
        "cargo::warning=this builds the parser and the build's own tool; `cargo xtask build` makes weir, \
         and `cargo xtask install` puts it on the PATH"
    );
}
