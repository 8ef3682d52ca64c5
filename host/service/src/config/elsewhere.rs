//! What other services call keys and types of ours, and what was given that is no configuration at all.

/// Keys, with a blank between them, and the one that is meant where a section has it.
const KEYS: [(&str, &str); 13] = [
    ("include includes glob globs files file", "paths"),
    ("filter condition query expression when", "where"),
    ("schema format output_format", "to"),
    ("inputs input", "sources"),
    ("outputs output targets", "sinks"),
    ("transforms pipeline processors service", "pipelines"),
    ("receivers", "sources"),
    ("exporters", "sinks"),
    ("endpoint endpoints uri hosts bucket", "url"),
    ("address bind port", "listen"),
    ("filename file", "path"),
    ("data_dir storage_path", "state_dir"),
    ("bootstrap_servers", "brokers"),
];

/// Types, and the one that is meant where there is one of this name.
const TYPES: [(&str, &str); 9] = [
    ("s3 aws_s3 gcs gcp_cloud_storage oss obs bos azure_blob blob minio", "object_store"),
    ("console print", "stdout"),
    ("http_server http_client webhook", "http"),
    ("files tail filelog filestream", "file"),
    ("console", "stdin"),
    ("elastic es", "elasticsearch"),
    ("splunk splunk_hec_logs hec", "splunk_hec"),
    ("opentelemetry otlphttp otel", "otlp"),
    ("disk local folder", "file"),
];

/// The key that is meant, of those that there are.
pub(super) fn key<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    meant(&KEYS, written, known)
}

/// The type that is meant, of those that there are.
pub(super) fn kind<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    meant(&TYPES, written, known)
}

fn meant<'a>(
    table: &[(&str, &str)],
    written: &str,
    mut known: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let is_called = |names: &str| names.split(' ').any(|name| name == written);
    let ours: Vec<_> = table.iter().filter(|(names, _)| is_called(names)).map(|(_, ours)| *ours).collect();
    known.find(|name| ours.contains(name))
}

/// How much of a text is looked at to tell what it is, in lines.
const LOOK: usize = 100;

/// What a text is that is no TOML, where nothing in it looks like a part of a configuration.
pub(super) fn other(text: &str) -> Option<&'static str> {
    let lines = || {
        let lines = text.lines().take(LOOK).map(str::trim);
        lines.filter(|line| !line.is_empty() && !line.starts_with('#'))
    };
    let is_name =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "_-.\"' ".contains(c));
    let is_ours = |line: &str| {
        let header = line.strip_prefix('[').and_then(|line| line.split(']').next());
        header.is_some_and(|name| line.ends_with(']') && is_name(name.trim_start_matches('[')))
            || line.split_once('=').is_some_and(|(key, _)| is_name(key) && !key.trim().contains(' '))
    };
    let is_yaml = |line: &str| {
        line == "---"
            || line.split_once(':').is_some_and(|(key, rest)| {
                is_name(key) && !key.contains(' ') && (rest.is_empty() || rest.starts_with(' '))
            })
    };
    if lines().any(is_ours) {
        return None;
    }
    Some(match lines().next()? {
        first if is_yaml(first) => {
            "this looks like YAML, and a configuration is TOML: [sources.NAME], [pipelines.NAME] and [sinks.NAME] with \
             `key = value`"
        }
        _ => {
            "this is no configuration, which is TOML with [sources.NAME], [pipelines.NAME] and [sinks.NAME]; what \
             reads records from a file is `weir normalize FILE`"
        }
    })
}
