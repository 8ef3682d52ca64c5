//! Programs in VRL, run as Vector's transform `remap` runs them.

use std::collections::BTreeMap;

use bytes::Bytes;
use vrl::{
    compiler::{Context, ExpressionError, TargetValue, TimeZone, state::RuntimeState},
    value::{Secrets, Value},
};

/// A compiled program, and what it runs on.
pub struct Program {
    program: vrl::compiler::Program,
    zone: TimeZone,
    state: RuntimeState,
}

impl Program {
    /// Compiles a program; the error is what the compiler says, warnings as well, with the place.
    pub fn new(source: &str) -> Result<Self, String> {
        let compiled = vrl::compiler::compile(source, &vrl::stdlib::all())
            .map_err(|faults| vrl::diagnostic::Formatter::new(source, faults).to_string())?;
        if !compiled.warnings.is_empty() {
            return Err(vrl::diagnostic::Formatter::new(source, compiled.warnings).to_string());
        }
        Ok(Self { program: compiled.program, zone: TimeZone::default(), state: RuntimeState::default() })
    }

    /// Runs it on the event `{"message": line}`; gives the value of the program and what the event
    /// has become, or the message with which it aborts.
    pub fn run(&mut self, line: Bytes) -> Result<(Value, Value), String> {
        let mut target = TargetValue {
            value: Value::Object(BTreeMap::from([("message".into(), Value::Bytes(line))])),
            metadata: Value::Object(BTreeMap::new()),
            secrets: Secrets::default(),
        };
        self.state.clear();
        let mut context = Context::new(&mut target, &mut self.state, &self.zone);
        match self.program.resolve(&mut context) {
            Ok(value) => Ok((value, target.value)),
            Err(ExpressionError::Abort { message, .. }) => Err(message.unwrap_or_default()),
            // Vector reports it as an error and passes the event on as it was.
            Err(error) => panic!("the program failed: {error}"),
        }
    }
}
