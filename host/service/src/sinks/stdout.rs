//! Standard output.

use std::{
    fs::File,
    io::{self, Write},
    os::fd::AsFd as _,
};

use schemars::JsonSchema;
use serde::Deserialize;
use weir_io::Waiting;

use super::{Context, Delivery, Sink};
use crate::{config::fault::Fault, error::Error, receipt::Receipt};

/// `type = "stdout"`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct Options {}

impl super::Options for Options {
    fn check(&self) -> Vec<Fault> {
        Vec::new()
    }

    fn open(&self, context: Context) -> Result<Box<dyn Sink>, Error> {
        // A file can be synced, a pipe and a terminal can't.
        let file = io::stdout().as_fd().try_clone_to_owned().map(File::from).ok();
        let file = file.filter(|file| file.metadata().is_ok_and(|m| m.is_file()));
        Ok(Box::new(Stdout { context, file, waiting: Vec::new() }))
    }
}

struct Stdout {
    context: Context,
    file: Option<File>,
    waiting: Vec<(Receipt, u64, u64)>,
}

impl Sink for Stdout {
    fn take(&mut self, delivery: Delivery) {
        let Delivery { page, receipt } = delivery;
        let mut out = Waiting(io::stdout().lock());
        match out.write_all(page.bytes()).and_then(|()| out.flush()) {
            Ok(()) => self.waiting.push((receipt, page.len() as u64, page.bytes().len() as u64)),
            // Some of it may be written, and nobody knows how much: it can't go on behind that.
            Err(e) => {
                let why = match e.kind() {
                    io::ErrorKind::BrokenPipe => "nobody reads it any more".to_owned(),
                    _ => e.to_string(),
                };
                drop(receipt);
                self.context.alarm.ring(&format!("standard output can't be written: {why}"));
            }
        }
    }

    fn sync(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        if let Some(file) = &self.file
            && let Err(e) = file.sync_data()
        {
            self.waiting.clear();
            self.context.alarm.ring(&format!("standard output can't be synced: {e}"));
        }
        for (receipt, records, bytes) in self.waiting.drain(..) {
            self.context.metrics.delivered(records, bytes);
            receipt.delivered();
        }
    }

    fn close(mut self: Box<Self>) {
        self.sync();
    }
}
