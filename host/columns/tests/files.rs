//! Files are the same however the records come, and say what they are.

use parquet::file::reader::{FileReader, SerializedFileReader};
use weir_columns::{Addresses, BATCH_ROWS, Layout, arrow, parquet::Parquet};
use weir_normalizer::record::Field;
use weir_pipeline::packers::Packer;

const LINE: &str = "{\"provider\":\"aws\",\"product\":\"vpc\",\"start_ms\":1700000000000,\"src_ip\":\"10.0.0.1\",\"bytes\":7}\n";

/// What a packer writes of records that come in pieces of that size.
fn packed(mut packer: impl Packer, records: &[u8], size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in records.chunks(size) {
        packer.push(piece, &mut out).unwrap();
    }
    packer.finish(&mut out).unwrap();
    out
}

#[test]
fn pieces_make_the_same_file() {
    let records = LINE.repeat(BATCH_ROWS + 10);
    let parquet = |size| packed(Parquet::new(&Layout::default()), records.as_bytes(), size);
    let arrow = |size| packed(arrow::Stream::new(&Layout::default()), records.as_bytes(), size);
    assert!(parquet(7777) == parquet(usize::MAX) && arrow(7777) == arrow(usize::MAX));
    // The last line may have no break.
    let open = records.trim_end().as_bytes();
    assert!(packed(Parquet::new(&Layout::default()), open, 9999) == parquet(usize::MAX));
}

#[test]
fn a_file_says_what_it_is() {
    let layout = Layout::new(Addresses::Text, &[Field::Provider, Field::Product]);
    let file = packed(Parquet::new(&layout), LINE.repeat(3).as_bytes(), 50);
    let reader = SerializedFileReader::new(bytes::Bytes::from(file)).unwrap();
    let metadata = reader.metadata().file_metadata();
    assert_eq!(metadata.num_rows(), 3);
    let said: Vec<_> = metadata
        .key_value_metadata()
        .unwrap()
        .iter()
        .map(|pair| (pair.key.as_str(), pair.value.as_deref().unwrap()))
        .collect();
    assert_eq!(said, [("weir.version", env!("CARGO_PKG_VERSION")), ("weir.schema", "urn:weir:flat:1")]);
    let columns = metadata.schema_descr().columns();
    assert_eq!(columns.len(), Field::ALL.len() + 1 - 2);
    assert!(columns.iter().all(|column| !["provider", "product"].contains(&column.name())));
    let bytes = columns.iter().position(|column| column.name() == "bytes").unwrap();
    assert!(reader.metadata().row_group(0).column(bytes).statistics().is_some());
}

#[test]
fn columns_have_bloom_filters_where_asked() {
    let layout = Layout::default().with_bloom_filters(&[Field::SrcIp]);
    let file = packed(Parquet::new(&layout), LINE.repeat(3).as_bytes(), 50);
    let reader = SerializedFileReader::new(bytes::Bytes::from(file)).unwrap();
    let group = reader.metadata().row_group(0);
    for column in group.columns() {
        let is_asked = column.column_path().string() == "src_ip";
        assert_eq!(column.bloom_filter_offset().is_some(), is_asked, "{}", column.column_path());
    }
}

#[test]
fn a_stream_does_not_wait_when_the_input_pauses() {
    let mut stream = arrow::Stream::new(&Layout::default());
    let mut out = Vec::new();
    stream.push(LINE.as_bytes(), &mut out).unwrap();
    let before = out.len();
    stream.pause(&mut out).unwrap();
    assert!(out.len() > before);
}
