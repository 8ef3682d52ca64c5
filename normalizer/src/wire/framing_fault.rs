//! Why an element holds no record, as it crosses.

/// Why an element can't hold a record, found while looking for its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FramingFault {
    /// Longer than [`crate::limits::RECORD`].
    TooLong,
    /// Nested deeper than [`crate::limits::DEPTH`].
    TooDeep,
    /// Not JSON, though it begins like it.
    BrokenJson,
    /// The input ended inside it.
    CutShort,
}

impl FramingFault {
    /// The number for it in [`crate::batch::Element::fault`].
    pub fn code(self) -> u32 {
        match self {
            Self::TooLong => 1,
            Self::TooDeep => 2,
            Self::BrokenJson => 3,
            Self::CutShort => 4,
        }
    }

    /// Reads [`crate::batch::Element::fault`].
    pub fn from_code(code: u32) -> Option<Self> {
        [Self::TooLong, Self::TooDeep, Self::BrokenJson, Self::CutShort]
            .into_iter()
            .find(|f| f.code() == code)
    }
}
