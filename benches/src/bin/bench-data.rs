//! Writes records like real ones to standard output, for measurements.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::{Parser, builder::PossibleValuesParser};
use weir_benches::records::{Form, Maker, Order, Product, Source};

/// Bytes that are written at a time.
const PIECE: usize = 256 << 10;

/// Write records like real ones to standard output: the same bytes for the same arguments
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench-data")]
struct Args {
    /// Whose records
    #[arg(long, default_value = "huawei-vpc",
          value_parser = PossibleValuesParser::new(Product::ALL.map(Product::id)))]
    product: String,

    /// How they lie in the input; without it, as they usually come
    #[arg(long, value_parser = PossibleValuesParser::new(Form::ALL.map(Form::name)))]
    envelope: Option<String>,

    /// How many
    #[arg(long, value_name = "N", default_value = "1000000")]
    records: usize,

    /// Where the random numbers start
    #[arg(long, value_name = "N", default_value = "1")]
    seed: u64,

    /// The share of records that are broken, such as 1%
    #[arg(long, value_name = "PERCENT", default_value = "0%", value_parser = per_million)]
    broken: u64,
}

fn per_million(text: &str) -> Result<u64, String> {
    let percent = text.strip_suffix('%').and_then(|number| number.parse::<f64>().ok());
    match percent {
        Some(percent) if (0.0..=100.0).contains(&percent) => Ok((percent * 10_000.0).round() as u64),
        _ => Err("give a share, such as 1%".to_owned()),
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let product = Product::by_id(&args.product).expect("only these values are taken");
    let form = args.envelope.map(|name| Form::by_name(&name).expect("only these values are taken"));
    let source = Source { product, form: form.unwrap_or(product.usual_form()) };
    if !source.exists() {
        eprintln!("weir: {} has no records in the form {}; choose another", product.id(), source.form.name());
        return ExitCode::from(2);
    }
    if let Some(from) = source.from() {
        eprintln!("weir: to have these records read, say `weir normalize --from {from}`");
    }
    let Args { records, seed, broken, .. } = args;
    match write(Order { source, records, seed, broken_per_million: broken }) {
        // Who closes the pipe has enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("weir: the records can't be written: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

fn write(order: Order) -> io::Result<()> {
    // Without the buffer of standard output, which would look for line breaks.
    let mut output = io::stdout().lock();
    let mut maker = Maker::new(order);
    let mut piece = Vec::with_capacity(2 * PIECE);
    while maker.make(&mut piece) {
        if piece.len() >= PIECE {
            output.write_all(&piece)?;
            piece.clear();
        }
    }
    output.write_all(&piece)?;
    output.flush()
}
