//! The documentation: mdBook turns `book/` into pages for a browser.
//!
//! What stands in the pages is checked by tests that need no mdBook; this is for who reads them.

use crate::step::{self, Checkout, Failure, say};

/// The version that is used; it is kept below `target`.
const VERSION: &str = "0.5.4";

/// Builds the book, and mdBook before that where it is not there.
pub(crate) fn build(checkout: &Checkout) -> Result<(), Failure> {
    let root = checkout.path("target/mdbook").join(VERSION);
    let mdbook = root.join("bin/mdbook");
    if !mdbook.exists() {
        let mut cargo = checkout.cargo(&["install", "mdbook", "--version", VERSION, "--locked"]);
        // Without a server and what watches files; with a search.
        cargo.args(["--no-default-features", "--features", "search", "--root"]).arg(&root);
        cargo.env("CARGO_TARGET_DIR", checkout.path("target/mdbook/build"));
        step::run(
            "installing mdBook, which takes some minutes",
            &mut cargo,
            "see that cargo reaches its registry",
        )?;
    }
    let to = checkout.path("target/book");
    let mut command = checkout.command(&mdbook);
    command.arg("build").arg(checkout.path("book")).arg("--dest-dir").arg(&to);
    step::run("building the book", &mut command, "read the message above")?;
    say(&format!("the book begins at {}", to.join("index.html").display()));
    Ok(())
}
