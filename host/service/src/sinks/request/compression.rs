//! Bodies of requests, compressed.

use std::io::{self, Write};

use flate2::write::GzEncoder;

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sinks) enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    pub(super) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "none" => Self::None,
            "gzip" => Self::Gzip,
            "zstd" => Self::Zstd,
            _ => return None,
        })
    }

    /// As `Content-Encoding` says it.
    pub(super) fn encoding(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
        }
    }

    /// The body as it is sent.
    pub(super) fn apply(self, body: Vec<u8>) -> io::Result<Vec<u8>> {
        match self {
            Self::None => Ok(body),
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(&body)?;
                encoder.finish()
            }
            Self::Zstd => zstd::bulk::compress(&body, 1),
        }
    }
}
