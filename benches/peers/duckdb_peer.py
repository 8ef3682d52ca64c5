"""Has DuckDB do what is asked on standard input, once for each line `WORKLOAD TAB FILE`, and
answers with a line `RECORDS SECONDS PROCESSOR_SECONDS`.

The workload is a name of FORMATS, a number of threads and a name of OUTPUTS: `huawei-vpc 1 json`. The
types are given, so that DuckDB has nothing to guess; addresses stay text, which is less than Weir does.
"""

import sys
import time

import duckdb

TEXT = {
    "version": "UTINYINT", "project_id": "VARCHAR", "interface_id": "VARCHAR",
    "srcaddr": "VARCHAR", "dstaddr": "VARCHAR", "srcport": "USMALLINT", "dstport": "USMALLINT",
    "protocol": "UTINYINT", "packets": "UBIGINT", "bytes": "UBIGINT", "start": "BIGINT",
    "end": "BIGINT", "action": "VARCHAR", "log_status": "VARCHAR",
}
KEYED = {
    "__time__": "BIGINT", "__topic__": "VARCHAR", "__source__": "VARCHAR",
    "__tag__:__receive_time__": "BIGINT", "version": "UTINYINT", "account-id": "VARCHAR",
    "eni-id": "VARCHAR", "vm-id": "VARCHAR", "vswitch-id": "VARCHAR", "vpc-id": "VARCHAR",
    "type": "VARCHAR", "protocol": "UTINYINT", "srcaddr": "VARCHAR", "srcport": "USMALLINT",
    "dstaddr": "VARCHAR", "dstport": "USMALLINT", "direction": "VARCHAR", "action": "VARCHAR",
    "packets": "UBIGINT", "bytes": "UBIGINT", "start": "BIGINT", "end": "BIGINT",
    "log-status": "VARCHAR", "tcp-flags": "USMALLINT", "traffic_path": "VARCHAR",
}
FORMATS = {
    "huawei-vpc": "read_csv($file, delim=' ', header=false, quote='', escape='', nullstr='-', "
    f"auto_detect=false, columns={TEXT})",
    "alibaba-vpc": f"read_json($file, format='newline_delimited', auto_detect=false, columns={KEYED})",
}
OUTPUTS = {"json": "FORMAT json", "parquet": "FORMAT parquet, COMPRESSION zstd"}

connection = duckdb.connect()
for line in sys.stdin:
    workload, file = line.rstrip("\n").split("\t")
    name, threads, output = workload.split()
    connection.execute(f"SET threads={int(threads)}")
    reader = FORMATS[name].replace("$file", "'" + file.replace("'", "''") + "'")
    # Without a temporary file, which would be moved to where the device is.
    query = f"COPY (SELECT * FROM {reader}) TO '/dev/null' ({OUTPUTS[output]}, USE_TMP_FILE false)"
    begin, before = time.perf_counter(), time.process_time()
    records = connection.execute(query).fetchone()[0]
    print(records, time.perf_counter() - begin, time.process_time() - before, flush=True)
