//! The reader of the Parquet project panics at some files that are damaged. Here that is an error of the file,
//! and nothing is printed.

use std::{
    cell::Cell,
    panic::{self, AssertUnwindSafe, catch_unwind},
    sync::Once,
};

use parquet::errors::{ParquetError, Result};

thread_local! {
    /// Whether this thread is inside of a reader.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// What the reader says, also where it stops in the middle of a file.
pub(super) fn guarded<T>(read: impl FnOnce() -> Result<T>) -> Result<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !INSIDE.get() {
                others(info);
            }
        }));
    });
    INSIDE.set(true);
    let read = catch_unwind(AssertUnwindSafe(read));
    INSIDE.set(false);
    read.unwrap_or_else(|_| Err(ParquetError::General("it contradicts itself".into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        assert_eq!(guarded(|| Ok(1)).unwrap(), 1);
        let error = guarded::<()>(|| panic!("of the reader")).unwrap_err();
        assert!(error.to_string().contains("it contradicts itself"), "{error}");
        assert!(!INSIDE.get());
    }
}
