import type { FlatRecord } from './record.js';

export type { FlatRecord };

/** The schemas that records are written in. */
export type Schema = 'flat' | 'ocsf' | 'ecs' | 'otel';

/** A record in a schema. */
export type RecordOf<To extends Schema> = To extends 'flat' ? FlatRecord : { [key: string]: unknown };

/**
 * Loads the WebAssembly module. In browsers and Workers it has to be awaited before anything else;
 * in Node.js the module is there already. Further calls are the first one.
 *
 * @param source Where the module is, for bundlers that do not bring it along: what
 *   `weir-flow/weir.wasm` is served at, or its bytes, or the module compiled.
 */
export function load(
  source?: string | URL | Request | Response | Promise<Response> | BufferSource | WebAssembly.Module,
): Promise<void>;

/** What alters what comes out. */
export interface Options<To extends Schema = 'flat'> {
  /** The product that every record is of, such as `huawei-vpc`; without it, each record is detected. */
  from?: string;
  /** The columns of text lines: `${srcaddr} ${dstaddr}`, or just their names. */
  layout?: string;
  /** What stands between the columns of the layout; also `tab`, `blank`, `comma`, `pipe`. */
  separator?: string;
  /** The quotes of CSV values: `"` (without this option), `'` or `none`. */
  quote?: string;
  /** A text that stands for a missing value in columns, besides `-`, `null` and the like. */
  missing?: string;
  /** The zone of times that name none: an IANA name or an offset; UTC without it. */
  timezone?: string;
  /** Let only records through that meet this expression, such as `bytes >= 1MB and not dst_ip in @private`. */
  where?: string;
  /** Lists of networks that expressions call `@NAME`: a text with a network a line, or an array. */
  lists?: { [name: string]: string | readonly string[] };
  /** Fields to take out of the records, such as `extra.cookie` or `extra.*`. */
  drop?: string | readonly string[];
  /** Addresses to cut to their network: `src_ip/24`, or `src_ip/24/64` with a prefix for IPv6. */
  mask?: string | readonly string[];
  /** One's own networks, as CIDR or `@NAME`; they give a direction to records that have none. */
  own?: string | readonly string[];
  /** The schema to write; `flat` without it. */
  to?: To;
  /** The time of records that have none, for schemas that need one; now without it. */
  observedAt?: Date | number | string;
  /** Keep the fields of envelopes under `extra.envelope`. */
  keepEnvelope?: boolean;
  /** Keep the text of each record under `extra.raw`. */
  keepRaw?: boolean;
  /** Leave the Community ID out of schemas that have one. */
  noCommunityId?: boolean;
  /**
   * Tell of each record, in `log_file` and `log_offset`, the input's {@link Options.name} and where its text begins,
   * in bytes.
   */
  sourceName?: boolean;
  /** What the input is called by rejects, and by records with {@link Options.sourceName}. */
  name?: string;
  /**
   * Gets rejects as they are made, by {@link Normalizer.push} and the like: {@link Reject}s, as lines of
   * JSON. Without it they are only counted.
   */
  onRejects?: (lines: Uint8Array) => void;
}

/** A record that was not understood, and why. */
export interface Reject {
  /** {@link Options.name}. */
  file: string;
  /** From 1. */
  line: number;
  /** In bytes, from 0. */
  offset: number;
  /** In bytes. */
  length: number;
  /** The product's id; empty where none was found. */
  format: string;
  /** The field that it is about; empty for the record as a whole. */
  field: string;
  reason: string;
  /** The text; only the first reject of a text has it. */
  raw?: string;
  /** In place of `raw` where the text is not UTF-8. */
  raw_base64?: string;
  /** The text is longer than what `raw` has of it. */
  truncated?: boolean;
}

/** The account of an input: what went in is somewhere in it. */
export interface Summary {
  /** `in` is the sum of the others. */
  records: { in: number; normalized: number; filtered: number; rejected: number };
  /** `in` is the sum of the others. */
  bytes: {
    in: number;
    normalized: number;
    filtered: number;
    rejected: number;
    blank: number;
    framing: number;
  };
  /** Normalized records of each product. */
  by_product: { [product: string]: number };
  /** Rejected records by the kind of fault. */
  rejects_by_reason: { [code: string]: number };
}

/** What {@link Normalizer.normalize} makes of a whole input. */
export interface Normalized<Item> {
  /** With `to: 'otel'`, each holds up to 512 records of one resource. */
  records: Item[];
  rejects: Reject[];
  summary: Summary;
}

/** Normalizes one input that comes in pieces, or whole ones. */
export class Normalizer<To extends Schema = 'flat'> {
  /** @throws WeirError where an option can't be used. */
  constructor(options?: Options<To>);
  /** What in the options may not be what was meant, a sentence each. */
  readonly warnings: string[];
  /** The account of the input so far. */
  readonly summary: Summary;
  /**
   * Takes the next bytes of the input, best in pieces of 64 KiB to 1 MiB, and gives the records that are
   * complete, as lines of JSON.
   *
   * They are not copied: **the array is only good until the next call** of any function here.
   * `slice()` makes a copy to keep.
   */
  push(bytes: Uint8Array | ArrayBuffer | ArrayBufferView): Uint8Array;
  /** Gives what is complete, for an input that pauses; as {@link push} does. */
  flush(): Uint8Array;
  /** Ends the input, and gives what is left; as {@link push} does. */
  finish(): Uint8Array;
  /** Normalizes a whole input; what is pushed is another one. */
  normalize(input: string | Uint8Array | ArrayBuffer | ArrayBufferView): Normalized<RecordOf<To>>;
  /** Gives the memory back now, and not when nobody has this any more. */
  free(): void;
}

/** A stream of bytes to a stream of records, as lines of JSON. */
export class NormalizerStream<To extends Schema = 'flat'> extends TransformStream<
  Uint8Array | string,
  Uint8Array
> {
  /** @throws WeirError where an option can't be used. */
  constructor(options?: Options<To>);
  /** What in the options may not be what was meant, a sentence each. */
  readonly warnings: string[];
  /** The account of the input so far. */
  readonly summary: Summary;
}

/** Sums of some records. */
export interface Sums {
  records: number;
  /** With both ways together, where the source counts each. */
  bytes: number;
  packets: number;
}

/**
 * Records of some inputs in columns, to be filtered, sorted and added up without an object for each. It has all
 * fields but `extra`. What is filtered out is in none of the answers.
 */
export class Rows {
  /**
   * @param most Records that there is room for; those behind are only counted.
   * @throws WeirError where an option can't be used.
   */
  constructor(options?: Options<Schema>, most?: number);
  /** Begins an input, which {@link push} gives and {@link finish} ends. */
  begin(): void;
  push(bytes: Uint8Array | string): void;
  finish(): void;
  /** What there is: `rows`, records that had no room, the fields that any record has, and the account. */
  state(): { rows: number; left_out: number; fields: string[]; summary: Summary };
  /** The first rejects. */
  rejects(): {
    kept: {
      source: number;
      line: number;
      offset: number;
      length: number;
      code: string;
      format: string;
      field: string;
      reason: string;
    }[];
  };
  /** Lets through what meets an expression, all where it is empty, in the order of the input; and says how many. */
  filter(where: string): number;
  /** Sorts what was let through; an empty name is the order of the input. */
  sort(field: string, descending?: boolean): void;
  /** Values of some rows, as text. */
  rows(from: number, count: number, fields: readonly string[] | string): string[][];
  /**
   * The fields in columns: numbers and times, with NaN for none; of all others the words, and for each row one
   * more than its word's place in them, or 0 for none. Numbers over 2^53 are rounded.
   */
  columns(
    fields?: readonly string[],
  ): { [field: string]: Float64Array | { codes: Uint32Array; words: string[] } };
  /** Where a row's text is: the number of its input, and the place there, in bytes. */
  text(index: number): { source: number; offset: number; length: number } | null;
  /** Sums by `start_ms`, and the words of a field. */
  bars(
    field?: string,
  ): { from: number; step: number; series: [word: string, sums: Sums[]][]; without: number } | null;
  /**
   * Sums by the classes of `src_ip`, and within each of `dst_ip`: an address is of the first class whose test it
   * meets, such as `in @private` or `in {10.0.0.0/8, 192.0.2.0/24}`, or of one more behind the last.
   *
   * @throws WeirError where a test is wrong.
   */
  matrix(tests?: readonly string[]): Sums[][];
  /** The groups with the largest sums, by one field or two; with an action, of its records alone. */
  top(
    fields: readonly string[] | string,
    by?: 'bytes' | 'packets' | 'records',
    most?: number,
    action?: string,
  ): (Sums & { values: string[] })[];
  free(): void;
}

/** How one value was read. */
export interface ExplainedValue {
  /** The column's number from 1, if it is one. */
  column?: number;
  /** The key or the column's name. */
  key: string;
  /** The value as it stands there. */
  found: string;
  /** The field that it went to; `extra`, or `envelope` for the log service's own. */
  field: string;
  /** What came out, as JSON; empty where nothing did. */
  value: string;
  /** How it is read, and its unit. */
  how: string;
}

/** How one record was read. */
export type Explained = {
  /** Where its line or element begins in the input, in bytes. */
  offset: number;
  /** The record's own text, without the envelopes around it. */
  text: string;
  /** The keys of the envelopes that it was under, the outermost first. */
  under: string[];
  /** The product's id; empty where none was found. */
  product: string;
  /** The vendor's name for such records. */
  title: string;
  /** Why it is of that product. */
  why: string;
  /** Its values, in the order of the record. */
  values: ExplainedValue[];
} & (
  | { result: 'normalized'; /** As JSON. */ record: string }
  | { result: 'filtered' }
  | {
      result: 'rejected';
      /** The kind of fault. */
      code: string;
      reason: string;
      /** Where the fault is in `text`: from and to, in UTF-16 code units. */
      place?: [number, number];
    }
);

/** Explains every record of a text. @throws WeirError where an option can't be used. */
export function explain(input: string | Uint8Array, options?: Options<Schema>): Explained[];

/** A product whose records are read. */
export interface Format {
  /** What {@link Options.from} takes. */
  id: string;
  provider: string;
  product: string;
  kind: string;
  /** The vendor's name for these records. */
  title: string;
  /** Whether text lines are detected, or need `from`, or a `layout` or a header. */
  lines: 'detected' | 'from' | 'layout';
  /** How many of the first keys are the columns of its text lines; 0 for none. */
  columns: number;
  keys: {
    /** The vendor's spelling first; case, `-` and `_` make no difference. */
    names: string[];
    /** The field that its value goes to. */
    field: string;
    /** How its value is read. */
    value: string;
  }[];
}

/** Every product. */
export function formats(): Format[];

/** Where a value of a schema comes from. */
export interface Mapping {
  /** Fields of the flat record; `=` and the value where it is always the same. */
  from: string;
  /** Where it goes. */
  path: string;
  /** How it is made, or when; empty for the value as it is. */
  note: string;
}

/** The JSON Schema of the flat record. */
export function schema(to?: 'flat'): { [keyword: string]: unknown };
/** How the flat record's fields are mapped to a schema. */
export function schema(to: Exclude<Schema, 'flat'>): Mapping[];

/** Something that was given can't be used. */
export class WeirError extends Error {
  readonly name: 'WeirError';
  /** The option at fault, where it is known. */
  readonly option?: string;
  /** Where in the option's text the fault is, in UTF-16 code units. */
  readonly position?: number;
  /** What to do. */
  readonly remedy: string;
}
