//! Switches that turn fast paths off, one by one, so that tests can hold each against the reference
//! path.

use crate::base::error::{Error, ErrorKind};

macro_rules! ways {
    ($($way:ident $name:literal $doc:literal;)*) => {
        /// Which fast paths are used: all of them, unless a test turns some off.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Ways {
            $(#[doc = $doc] pub(crate) $way: bool,)*
        }

        impl Ways {
            /// The names of the switches.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// All fast paths but those with these names.
            pub(crate) fn without(names: &[String]) -> Result<Self, Error> {
                let mut ways = Self { $($way: true),* };
                for name in names {
                    match name.as_str() {
                        $($name => ways.$way = false,)*
                        _ => {
                            let known = Self::NAMES.join(", ");
                            return Err(Error::new(ErrorKind::Configuration, format!("no fast path is called {name:?}; known are {known}")));
                        }
                    }
                }
                Ok(ways)
            }
        }
    };
}

ways! {
    outline "outline" "Objects with the keys of one before are compared with it, not read.";
    program "program" "Values that are written as they go out are checked and copied.";
    lines "lines" "Lines in a product's own layout are written by a function made for them.";
    handover "handover" "What a fast path has read, and could not write, is not read again.";
    plain "plain" "Values that are written as they nearly always are have a shorter reading.";
    frames "frames" "Records of a rich schema are written after one with the same fields and words.";
}
