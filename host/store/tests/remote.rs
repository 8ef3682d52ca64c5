//! Stores of clouds: moto's server as S3.
//!
//! Credentials come from the environment, which belongs to a process: this program starts itself for
//! each part.

mod support;

use std::{
    env,
    process::{Command, ExitCode},
};

use support::{contract, moto::Moto};
use weir_store::{Address, Options, Store};

/// A part of the tests, in a process of its own.
struct Part {
    name: &'static str,
    run: fn(endpoint: &str),
}

const PARTS: &[Part] = &[Part { name: "S3 promises what every store does", run: s3_holds }];

/// The part that is asked for, and where its server is.
const PART: &str = "WEIR_STORE_PART";
const ENDPOINT: &str = "WEIR_STORE_ENDPOINT";

fn main() -> ExitCode {
    if let (Ok(part), Ok(endpoint)) = (env::var(PART), env::var(ENDPOINT)) {
        let part = PARTS.iter().find(|p| p.name == part).expect("a part of that name");
        (part.run)(&endpoint);
        return ExitCode::SUCCESS;
    }
    let Some(moto) = Moto::start() else {
        println!("skipped: there is no moto_server; `cargo xtask test` installs it into target/python");
        return if env::var_os("CI").is_some_and(|ci| ci == "true") {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        };
    };
    let mut failed = 0;
    for part in PARTS {
        let status = Command::new(env::current_exe().unwrap())
            .env(PART, part.name)
            .env(ENDPOINT, &moto.endpoint)
            .env("AWS_ACCESS_KEY_ID", "weir")
            .env("AWS_SECRET_ACCESS_KEY", "weir-secret")
            .status()
            .unwrap();
        println!("{}: {}", if status.success() { "ok" } else { "FAILED" }, part.name);
        failed += u8::from(!status.success());
    }
    ExitCode::from(failed)
}

fn options(endpoint: &str) -> Options {
    Options { endpoint: Some(endpoint.into()), ..Options::default() }
}

fn open(endpoint: &str, address: &str) -> Store {
    Store::open(&Address::parse(address).unwrap(), &options(endpoint)).unwrap()
}

fn s3_holds(endpoint: &str) {
    support::moto::make_bucket(endpoint, "holds");
    contract::holds(&open(endpoint, "s3://holds/"));
    contract::holds(&open(endpoint, "s3://holds/a/folder=1/"));
}
