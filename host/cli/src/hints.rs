//! What somebody means who writes an option, a value or a command that other programs have and Weir has not.
//!
//! clap looks for names that are spelled alike, which says nothing of what they do: of `--select` it thinks
//! as of `--rejects`. The tables here go before its guesses, and of these only near ones are left.

use std::{ffi::OsString, path::Path};

use clap::{
    Command, CommandFactory as _, Error,
    builder::StyledStr,
    error::{ContextKind, ContextValue, ErrorKind},
};
use weir_normalizer::products;

use crate::commands::Weir;

/// Options of other programs, and what to say of them.
///
/// A line is for the commands that it names, or for all, and only for those that have each option
/// that it speaks of. What stands in backticks may be of another command. The first line that fits is said.
struct Hint {
    /// With a blank between them.
    written: &'static str,
    of: &'static [&'static str],
    says: &'static str,
}

const fn hint(written: &'static str, of: &'static [&'static str], says: &'static str) -> Hint {
    Hint { written, of, says }
}

/// The commands that take a configuration.
const CONFIGURED: &[&str] = &["run", "check", "reload", "state"];
/// The commands that read records.
const READ: &[&str] = &["normalize", "explain"];
const ANY: &[&str] = &[];

const OPTIONS: &[Hint] = &[
    // What is read and written, and in which form.
    hint(
        "--format",
        ANY,
        "--from PRODUCT says what records are read as, --to SCHEMA what they are written as",
    ),
    hint("--format --output-format --schema", &["schema"], "--to SCHEMA chooses the schema"),
    hint(
        "--input-format --from-format --product --type --source-type --parser --decoder -t",
        ANY,
        "--from PRODUCT says what records are read as; without it each record's product is detected",
    ),
    hint(
        "--encoding --charset --input-encoding --output-encoding",
        ANY,
        "texts are UTF-8, and `iconv -f GBK -t UTF-8 FILE | weir normalize` makes them so; --to SCHEMA says what \
         records are written as",
    ),
    hint(
        "--output-format --out-format --to-format --schema --codec --mode",
        ANY,
        "--to SCHEMA says what records are written as",
    ),
    hint(
        "--json --ndjson --jsonl --json-lines --jsonlines --compact --compact-output -c",
        &["normalize"],
        "records are JSON lines where nothing else is said; --pretty indents them, --to chooses another schema",
    ),
    hint(
        "--json --ndjson --jsonl --json-lines --jsonlines",
        &["explain"],
        "explain is for people; `weir normalize --rejects FILE` writes records and rejects as JSON lines",
    ),
    hint(
        "--json --ndjson --jsonl",
        &["formats"],
        "this is for people; `weir schema` prints the fields of records as JSON",
    ),
    hint("--json", &["schema"], "without --to it is JSON"),
    hint("--json", &["check", "reload"], "a fault is a line of its own: FILE:LINE:COLUMN, and a sentence"),
    hint("--csv", &["normalize"], "--to csv writes rows, and so does an --output whose name ends in .csv"),
    hint(
        "--parquet",
        &["normalize"],
        "--to parquet writes Parquet, and so does an --output whose name ends in .parquet",
    ),
    hint("--arrow", &["normalize"], "--to arrow writes a stream of Arrow's"),
    hint("--flat", ANY, "--to flat is what is written where nothing else is said"),
    hint("--ocsf", ANY, "--to ocsf chooses this schema"),
    hint("--ecs --elastic", ANY, "--to ecs chooses this schema"),
    hint("--otel --otlp --opentelemetry", ANY, "--to otel chooses this schema"),
    hint(
        "--input --in --file --files --infile --input-file --path --stdin -i -f",
        READ,
        "what is read are arguments without an option, and `-` is standard input",
    ),
    hint(
        "--out --outfile --out-file --output-file --output-path --dest --destination --write -O -w",
        ANY,
        "--output FILE says where it is written",
    ),
    hint(
        "--out-dir --outdir --output-dir --output-directory --directory",
        &["normalize"],
        "an --output whose name ends in `/` is a folder of files",
    ),
    hint("--append", &["normalize"], "a file of --output is written anew; `>> FILE` adds to one"),
    hint(
        "--recursive -r -R",
        &["normalize"],
        "of a folder all files are read, and of those in it; a pattern in quotes, such as 'logs/**/*.gz', reads some",
    ),
    hint("--glob --include -g", &["normalize"], "a pattern is an argument in quotes, such as 'logs/**/*.gz'"),
    hint(
        "--compress --gzip --gz --zstd --compression-type --compression-codec",
        &["normalize"],
        "an --output whose name ends in .gz or .zst is compressed so; --compression is for an --output that is a folder",
    ),
    hint(
        "--decompress --gunzip --uncompress --search-zip --zip -z -Z",
        READ,
        "compressed inputs are read as they are, without an option",
    ),
    // What becomes of records.
    hint(
        "--select",
        ANY,
        "--where EXPR lets only records through that meet it, --drop FIELD,.. takes fields out",
    ),
    hint(
        "--filter --query --condition --expr --expression --grep --match --matches --regexp -e",
        ANY,
        "--where EXPR lets only records through that meet it, such as --where 'action == reject'",
    ),
    hint(
        "--fields --only-fields --project",
        ANY,
        "--drop FIELD,.. takes fields out; the columns of lines that are read are --layout",
    ),
    hint(
        "--fields --columns",
        &["schema", "formats"],
        "`weir schema` prints the fields of records, `weir formats PRODUCT` the keys of a product",
    ),
    hint(
        "--columns --header --headers --no-header --no-headers --names --log-format",
        ANY,
        "--layout says what the columns of lines are; a row of names is found without it",
    ),
    hint(
        "--exclude --except --except-fields --exclude-fields --remove --remove-fields --omit --del --delete",
        ANY,
        "--drop FIELD,.. takes fields out, --where 'not ..' records",
    ),
    hint(
        "--redact --anonymize --anonymise --pseudonymize --scrub --hash",
        ANY,
        "--mask FIELD/PREFIX cuts addresses to their network, --drop FIELD takes them out",
    ),
    hint(
        "--delimiter --delim --sep --field-separator --fs -d",
        ANY,
        "--separator TEXT stands between columns",
    ),
    hint("--quotechar --quote-char", ANY, "--quote QUOTE is the quote of CSV values"),
    hint(
        "--null --nullstr --null-str --null-value --nullvalue --null-string --na",
        ANY,
        "--missing TEXT stands for a missing value, besides `-`, `null` and the like",
    ),
    hint(
        "--tz --time-zone --zone --utc",
        ANY,
        "--timezone ZONE is that of times that name none; UTC without it",
    ),
    hint(
        "--raw --keep-original --original",
        &["normalize", "explain"],
        "--keep-raw keeps the text of each record under `extra.raw`",
    ),
    hint(
        "--filename --with-filename --file-key --path-key --file-name -H",
        &["normalize"],
        "--source-name tells of each record which input it is from",
    ),
    // How a run goes.
    hint(
        "--errors --errors-only --only-errors --failed --rejects",
        &["explain"],
        "--rejected shows only records that are rejected",
    ),
    hint(
        "--threads --parallel --parallelism --workers --concurrency --procs --cpus -T",
        ANY,
        "--jobs N says how much is done at a time",
    ),
    hint(
        "--head --max-count --max --take --first --number --records --max-records --lines --rows -n -m",
        READ,
        "--limit N ends it behind so many records",
    ),
    hint(
        "--tail --follow --watch -F",
        READ,
        "`weir run` follows files, with a source of type `file`; of one file `tail -F FILE | weir normalize` does it, too",
    ),
    hint(
        "--errors --error-file --bad --bad-records --invalid --dead-letter --dead-letters --reject --reject-file --rejected",
        ANY,
        "--rejects FILE keeps what can't be read, with the reasons",
    ),
    hint(
        "--strict --fail-on-error --exit-on-error --stop-on-error --abort-on-error --fail",
        ANY,
        "--max-rejects 0 ends a run with status 3 where any record is rejected, --fail-fast at an input that can't be read",
    ),
    hint(
        "--force --overwrite --clobber",
        &["normalize", "bake", "man"],
        "what is there is written over without an option",
    ),
    hint(
        "--ignore-errors --skip-errors --lenient --continue-on-error --store-rejects",
        ANY,
        "rejects end no run; --max-rejects 100% lets one pass that has nothing else",
    ),
    hint("--silent --no-messages", ANY, "--quiet prints only errors"),
    hint(
        "--debug --trace --log-level --loglevel -vv",
        &["normalize"],
        "--verbose tells of each input; `weir explain` how records are read",
    ),
    hint(
        "--count --counts --count-only --total --wc",
        &["normalize"],
        "--summary json tells how many records there are of what; --output /dev/null leaves the records out",
    ),
    hint("--stats --statistics --metrics --report", ANY, "--summary json tells the account of a run"),
    hint("--indent --pretty-print --prettify --tab", ANY, "--pretty indents records"),
    hint(
        "--color-output --colour --no-color --no-colour --monochrome-output -C -M",
        ANY,
        "--color WHEN is auto, always or never",
    ),
    hint("--partition-by --partitions --hive", ANY, "--partition KEY,.. puts records apart into folders"),
    hint("--restart --continue --skip-done", ANY, "--resume leaves out what is done of a job"),
    hint("--wasm --guest --module", ANY, "--plugin FILE.wasm normalizes with another guest"),
    hint("--no-sandbox --nosandbox", ANY, "--native normalizes without the sandbox"),
    // Stores.
    hint("--endpoint-url --s3-endpoint", ANY, "--endpoint URL says where the service is"),
    hint("--no-sign-request --no-sign", ANY, "--anonymous sends requests without a signature"),
    hint(
        "--profile --access-key --access-key-id --secret-key --secret-access-key --credentials",
        &["normalize", "manifest"],
        "credentials are taken from the environment, as the vendors' own tools take them: AWS_PROFILE and the like",
    ),
    // The service.
    hint(
        "--config --conf --cfg --config-file --config-path --configuration --config-toml --file -c -f -C",
        CONFIGURED,
        "the configuration is an argument without an option, such as `weir run weir.toml`",
    ),
    hint(
        "--config --conf --cfg --config-file --configuration --config-toml",
        ANY,
        "a configuration is what `weir run FILE` takes; all else here are options",
    ),
    hint(
        "--dry-run --validate --check --test -t",
        &["run"],
        "`weir check FILE` says what is wrong with a configuration",
    ),
    hint(
        "--reload --watch-config -w",
        &["run"],
        "`weir reload FILE` lets the service that runs read its configuration again",
    ),
    hint(
        "--state-dir --data-dir --storage-path --threads --jobs --listen --memory -T -j",
        CONFIGURED,
        "this is said in the configuration; `weir schema config` lists its keys",
    ),
    hint(
        "--quiet --verbose --log-level --log-format -q -v",
        &["run"],
        "the service logs what it does and nothing more: lines on a terminal, JSON elsewhere",
    ),
    // Programs for agents.
    hint(
        "--agent --for --target",
        &["bake"],
        "the agent is an argument without an option, such as `weir bake fluent-bit`",
    ),
    hint(
        "--source-name --file-key",
        &["bake"],
        "an event is of no file that Weir reads; let the agent tell the file",
    ),
    hint("--engine --dialect --sql", ANY, "--ddl ENGINE prints the statements that make a table"),
];

/// Values of other programs.
const VALUES: &[(&str, &str, &str)] = &[
    (
        "--to",
        "json jsonl ndjson json-lines jsonlines raw",
        "JSON lines are what `flat` is, and `ocsf` and `ecs` in their schemas",
    ),
    ("--to", "tsv text table excel xlsx", "`csv` is what `weir normalize` writes as rows"),
    ("--to", "otlp otlp-json opentelemetry", "OTLP/JSON is `otel`"),
    ("--to", "elastic elasticsearch opensearch elastic-common-schema", "the Elastic Common Schema is `ecs`"),
    ("--to", "security-lake securitylake asl", "Amazon Security Lake takes `ocsf-parquet`"),
    ("--to", "orc avro iceberg delta duckdb", "`parquet` is the table that these engines read"),
    ("--to", "ipc arrows feather", "a stream of Arrow's is `arrow`"),
    ("--from", "auto detect any", "without --from each record's product is detected"),
    (
        "--from",
        "json jsonl ndjson csv tsv parquet text raw gzip",
        "how records are written is found without an option; --from names the product that they are of",
    ),
    // What DuckDB calls -json.
    ("--jobs", "son sonl sonlines", "records are JSON lines without an option"),
    (
        "[WHAT]",
        "flat ocsf ecs otel csv parquet arrow ocsf-parquet",
        "`weir schema --to SCHEMA` prints how records are mapped to another schema",
    ),
];

/// Commands of other programs.
const COMMANDS: &[(&str, &str)] = &[
    ("validate lint test configtest dry-run", "`weir check FILE` says what is wrong with a configuration"),
    (
        "convert parse read transform process cat pipe ingest query filter",
        "`weir normalize FILE` reads records and writes them in one schema",
    ),
    ("start serve server service daemon agent forward", "`weir run FILE` is the service"),
    (
        "follow tail watch",
        "`weir run` follows files, with a source of type `file`; of one file `tail -F FILE | weir normalize` does it, too",
    ),
    ("products list sources inputs", "`weir formats` lists what can be read"),
    (
        "mapping mappings columns fields schemas ddl",
        "`weir schema` prints the fields of records, `weir schema --to SCHEMA` how they are mapped",
    ),
    ("generate init config", "`weir schema config` describes a configuration"),
    ("vrl vector fluent-bit compile plugin build", "`weir bake` makes plugins and programs for log agents"),
    (
        "verify audit",
        "`weir check FILE` is for a configuration, `weir manifest verify FOLDER` for what jobs wrote",
    ),
    ("why debug inspect describe trace show", "`weir explain` says how records are read"),
    ("status top progress", "`weir state list FILE` says how far the service has read"),
];

/// The same error with better tips, where there are some.
pub fn better(mut error: Error, args: &[OsString]) -> Error {
    let written = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let (option, value) = (written(ContextKind::InvalidArg), written(ContextKind::InvalidValue));
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let Some(option) = option else { return error };
            let (name, mut command) = command_of(args);
            let usage = ContextValue::StyledStr(command.render_usage());
            let of_word = of_word(&option, args, &name, &command);
            if let Some(says) = of_word.or_else(|| of_option(&option, &name, &command)) {
                tip(&mut error, &says);
                error.insert(ContextKind::Usage, usage);
                return printable(error);
            }
            // That what looks like an option may be an argument helps nobody.
            error.remove(ContextKind::Suggested);
            if !error.get(ContextKind::SuggestedArg).is_none_or(|guess| is_near(&option, guess)) {
                error.remove(ContextKind::SuggestedArg);
                error.insert(ContextKind::Usage, usage);
            }
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            if let (Some(option), Some(value)) = (option, value) {
                let says = of_variable(&option, &value, args).or_else(|| of_value(&option, &value));
                if let Some(says) = says {
                    tip(&mut error, &says);
                }
            }
        }
        // An option that is in the way of itself.
        ErrorKind::ArgumentConflict
            if option.as_ref().is_some_and(|option| option.starts_with("--where "))
                && option == written(ContextKind::PriorArg) =>
        {
            tip(
                &mut error,
                "several expressions are joined in one: --where 'bytes > 1MB and action == reject'",
            );
        }
        ErrorKind::InvalidSubcommand => {
            let says = written(ContextKind::InvalidSubcommand).and_then(|name| of_command(&name));
            if let (Some(says), true) = (says, command_of(args).0.is_empty()) {
                tip(&mut error, &says);
            }
        }
        _ => {}
    }
    printable(error)
}

/// The same error. What was written is repeated in it, and can't steer a terminal.
fn printable(mut error: Error) -> Error {
    for kind in [ContextKind::InvalidArg, ContextKind::InvalidValue, ContextKind::InvalidSubcommand] {
        if let Some(ContextValue::String(text)) = error.get(kind) {
            let text = weir_printable::line(text).into_owned();
            error.insert(kind, ContextValue::String(text));
        }
    }
    error
}

/// Puts a tip in the place of all others.
fn tip(error: &mut Error, says: &str) {
    for kind in [ContextKind::SuggestedArg, ContextKind::SuggestedValue, ContextKind::SuggestedSubcommand] {
        error.remove(kind);
    }
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(says.to_owned())]));
}

/// The command that arguments are of, and the first of its names.
fn command_of(args: &[OsString]) -> (String, Command) {
    let mut command = Weir::command();
    command.build();
    let mut name = String::new();
    for arg in args.iter().skip(1).filter_map(|arg| arg.to_str()) {
        let Some(inner) = command.find_subcommand(arg).cloned() else { continue };
        if name.is_empty() {
            inner.get_name().clone_into(&mut name);
        }
        command = inner;
    }
    (name, command)
}

fn of_option(written: &str, name: &str, command: &Command) -> Option<String> {
    let written = written.split('=').next().unwrap_or(written);
    // A letter's case says what it is.
    let written = match written.starts_with("--") {
        true => written.to_ascii_lowercase().replace('_', "-"),
        false => written.to_owned(),
    };
    let hint = OPTIONS.iter().find(|hint| {
        is_among(&written, hint.written)
            && (hint.of.is_empty() || hint.of.contains(&name))
            && spoken_of(hint.says).all(|option| has(command, option))
    });
    let outside = || {
        name.is_empty().then_some("options stand behind a command, such as `weir normalize --to ocsf FILE`")
    };
    hint.map(|hint| hint.says).or_else(outside).map(str::to_owned)
}

/// What is said where a letter is the first of a word that has one dash: `-json`.
fn of_word(written: &str, args: &[OsString], name: &str, command: &Command) -> Option<String> {
    let letter = written.strip_prefix('-').filter(|letter| letter.chars().count() == 1)?;
    let words = args.iter().filter_map(|arg| arg.to_str()?.strip_prefix('-'));
    let mut words = words.filter(|word| word.len() > 2 && word.starts_with(letter));
    let long = format!("--{}", words.next()?.split('=').next()?);
    match has(command, &long) {
        true => Some(format!("'{long}' has two dashes")),
        false => of_option(&long, name, command),
    }
}

/// Where a value is from that no argument says.
fn of_variable(option: &str, value: &str, args: &[OsString]) -> Option<String> {
    let long = option.split(' ').next()?.strip_prefix("--")?;
    let (_, command) = command_of(args);
    let arg = command.get_arguments().find(|arg| arg.get_long() == Some(long))?;
    let variable = arg.get_env()?.to_str()?;
    let short = arg.get_short().map(|short| format!("-{short}"));
    let is_said = args.iter().filter_map(|arg| arg.to_str()).any(|arg| {
        arg == format!("--{long}")
            || arg.starts_with(&format!("--{long}="))
            || short.as_ref().is_some_and(|short| arg.starts_with(short) && !arg.starts_with("--"))
    });
    let is_of_it = std::env::var_os(variable).is_some_and(|found| found.to_str() == Some(value));
    (!is_said && is_of_it).then(|| {
        format!("it is what the variable {variable} of the environment says; set that right, or unset it")
    })
}

fn of_value(option: &str, value: &str) -> Option<String> {
    let (option, value) = (option.split(' ').next().unwrap_or(option), value.to_ascii_lowercase());
    let known = VALUES.iter().find(|(of, values, _)| *of == option && is_among(&value, values));
    if let Some((.., says)) = known {
        return Some((*says).to_owned());
    }
    // A provider, or what several of them have.
    let is_part = |id: &str| id.split('-').any(|part| part == value);
    let ids: Vec<_> = products::all().iter().map(|p| p.id).filter(|id| is_part(id)).collect();
    (matches!(option, "--from" | "[PRODUCT]") && !ids.is_empty())
        .then(|| format!("products of this name are {}", ids.join(", ")))
}

fn of_command(written: &str) -> Option<String> {
    let lower = written.to_ascii_lowercase();
    if let Some((_, says)) = COMMANDS.iter().find(|(names, _)| is_among(&lower, names)) {
        return Some((*says).to_owned());
    }
    let is_file = written == "-" || written.contains(['/', '.']) || Path::new(written).exists();
    is_file.then(|| {
        let command = if lower.ends_with(".toml") { "run" } else { "normalize" };
        format!(
            "a file is an argument of a command, such as `weir {command} {}`",
            weir_printable::line(written)
        )
    })
}

fn is_among(name: &str, names: &str) -> bool {
    names.split(' ').any(|known| known == name)
}

/// The options that a sentence speaks of, but in backticks.
fn spoken_of(says: &str) -> impl Iterator<Item = &str> {
    let plain = says.split('`').step_by(2);
    let words = plain.flat_map(|text| text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')));
    words.filter(|word| word.starts_with("--"))
}

fn has(command: &Command, option: &str) -> bool {
    command.get_arguments().any(|arg| match option.strip_prefix("--") {
        Some(long) => arg.get_long() == Some(long),
        None => arg.get_short().is_some_and(|short| option.strip_prefix('-') == Some(&short.to_string())),
    })
}

/// Whether a guess is one that a slip of the fingers explains, or the whole of a word that was cut.
fn is_near(written: &str, guess: &ContextValue) -> bool {
    let ContextValue::String(guess) = guess else { return true };
    let bare = |text: &str| text.split('=').next().unwrap_or_default().trim_start_matches('-').to_lowercase();
    let (written, guess) = (bare(written), bare(guess));
    let distance = strsim::damerau_levenshtein(&written, &guess);
    distance <= 1 + written.len() / 4 || guess.starts_with(&written) || written.starts_with(&guess)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::Parser as _;

    use super::*;

    /// The commands, each with the first of its names.
    fn commands() -> Vec<(String, Command)> {
        let mut top = Weir::command();
        top.build();
        let mut all = vec![(String::new(), top.clone())];
        for command in top.get_subcommands().filter(|command| command.get_name() != "help") {
            let name = command.get_name().to_owned();
            all.extend(command.get_subcommands().map(|inner| (name.clone(), inner.clone())));
            all.push((name, command.clone()));
        }
        all
    }

    /// Each line is said by some command, each of its names is one that this command does not have, and no name
    /// stands twice for a command.
    #[test]
    fn each_line_is_said_and_hides_no_option() {
        let commands = commands();
        for hint in OPTIONS {
            for written in hint.written.split(' ') {
                assert!(
                    written.starts_with('-') && written.to_lowercase().len() == written.len(),
                    "{written}"
                );
                let said: Vec<_> = commands
                    .iter()
                    .filter(|(name, command)| {
                        !has(command, written)
                            && of_option(written, name, command).as_deref() == Some(hint.says)
                    })
                    .collect();
                assert!(!said.is_empty(), "{written}: {}", hint.says);
            }
            let distinct: BTreeSet<_> = hint.written.split(' ').collect();
            assert_eq!(distinct.len(), hint.written.split(' ').count(), "{}", hint.says);
            assert!(
                hint.of.iter().all(|name| commands.iter().any(|(known, _)| known == name)),
                "{:?}",
                hint.of
            );
        }
    }

    /// What stands in backticks and names a command of Weir is a command of Weir.
    #[test]
    fn commands_that_are_spoken_of_are_there() {
        let says = OPTIONS.iter().map(|hint| hint.says);
        let says = says.chain(VALUES.iter().map(|value| value.2)).chain(COMMANDS.iter().map(|c| c.1));
        let known = commands();
        for text in says {
            for quoted in text.split('`').skip(1).step_by(2) {
                let Some((_, name)) = quoted.split_once("weir ") else { continue };
                let name = name.split(' ').next().unwrap();
                assert!(known.iter().any(|(known, _)| known == name), "{text}");
            }
        }
        for (names, _) in COMMANDS {
            assert!(names.split(' ').all(|name| known.iter().all(|(known, _)| known != name)), "{names}");
        }
    }

    #[test]
    fn values_that_are_there_have_no_hint() {
        for (option, values, says) in VALUES.iter().filter(|value| value.0 != "[WHAT]") {
            for value in values.split(' ') {
                let args = ["weir", "normalize", option, value];
                let error = Weir::try_parse_from(args).unwrap_err();
                let told = better(error, &args.map(OsString::from)).to_string();
                assert!(told.contains(says), "{told}");
            }
        }
    }
}
