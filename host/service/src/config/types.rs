//! The `type` of a section, which says what other keys it has.

/// Makes the options of a section that has types from a line for each type.
macro_rules! types {
    ($(#[$about:meta])* pub enum $name:ident: $kind:ident;
        $($(#[$what:meta])* $id:literal => $variant:ident($options:ty),)*
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$what])* $variant($options),)*
        }

        impl $name {
            /// The names of the types.
            pub const TYPES: &'static [&'static str] = &[$($id),*];

            /// Reads the options of the type of this name; `None` when there is no such type, or when
            /// the section can't be read.
            pub(crate) fn read<'i>(
                name: &str,
                table: &$crate::config::SectionTable<'i>,
                section: &mut $crate::config::SectionOf<'_, 'i>,
            ) -> Option<$crate::config::SectionRead<Self>> {
                match name {
                    $($id => section.read(table).map(|read| read.map(Self::$variant)),)*
                    _ => None,
                }
            }

            /// The schema of each type's options.
            pub(crate) fn schemas(
                generator: &mut schemars::SchemaGenerator,
            ) -> Vec<(&'static str, schemars::Schema)> {
                vec![$(($id, <$options as schemars::JsonSchema>::json_schema(generator))),*]
            }

            /// The options of whichever type it is.
            fn options(&self) -> &dyn $kind {
                match self {
                    $(Self::$variant(options) => options,)*
                }
            }

            /// What the files say that are read only at the start, as a number.
            pub(crate) fn print_of_files(&self) -> u64 {
                let mut bytes = Vec::new();
                for path in self.options().files() {
                    match std::fs::read(path) {
                        Ok(content) => bytes.extend(xxhash_rust::xxh3::xxh3_64(&content).to_le_bytes()),
                        Err(_) => bytes.push(0),
                    }
                }
                xxhash_rust::xxh3::xxh3_64(&bytes)
            }

            /// What is wrong with them, each with the key that it is about.
            pub(crate) fn check(&self) -> Vec<$crate::config::fault::Fault> {
                self.options().check()
            }
        }
    };
}

pub(crate) use types;
