//! Names a guest's compiled form after the guest, so that neither is used with another.
//! The build script includes this file, too.

/// The file name for the compiled form of these bytes: the stem and their FNV-1a hash.
pub fn compiled_name(stem: &str, wasm: &[u8]) -> String {
    let hash =
        wasm.iter().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3));
    format!("{stem}-{hash:016x}.cwasm")
}
