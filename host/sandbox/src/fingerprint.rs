//! Names a guest's compiled form after the guest and after what is put into it before it is
//! compiled, so that none of them is used with another. The build script includes this file, too.

/// The file name for the compiled form of these bytes: the stem and an FNV-1a hash.
pub fn compiled_name(stem: &str, wasm: &[u8]) -> String {
    let polls = include_bytes!("polls.rs");
    let hash = wasm
        .iter()
        .chain(polls)
        .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3));
    format!("{stem}-{hash:016x}.cwasm")
}
