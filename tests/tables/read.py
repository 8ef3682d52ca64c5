"""Other readers find in Weir's tables what its flat records say.

read.py same TABLE RECORDS.. tables of Parquet or Arrow, each with the flat records that it was made of
read.py events TABLE EVENTS.. the same of OCSF events
read.py lines LINES          writes lines of Huawei's VPC flow logs
read.py aws LINES TABLE..     VPC flow logs of AWS as lines, and as tables of two writers
read.py parsed TABLE LINES   a table of Parquet of such lines, which DuckDB reads on its own
read.py view LAKE SQL        the statement for DuckDB, and the rows that it finds
read.py copies TABLE..       copies each table of Parquet with DuckDB, into TABLE.copy.parquet, .csv and .json
"""

import datetime
import json
import random
import sys

import duckdb
import pyarrow
import pyarrow.parquet

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def value(name, value):
    """A column's value as the flat record has it."""
    if isinstance(value, datetime.datetime):
        return (value - EPOCH) // datetime.timedelta(milliseconds=1)
    return json.loads(value) if name == "extra" else value


def flat(row):
    return {name: value(name, v) for name, v in row.items() if v is not None}


def records_of(path):
    """Flat records, as a table has them: what is above 2^63 - 1 is in extra."""
    records = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            large = [k for k, v in record.items() if isinstance(v, int) and v >= 2**63]
            for key in large:
                record.setdefault("extra", {})[key] = record.pop(key)
            records.append(record)
    return records


def same(*pairs):
    for table, records in zip(pairs[::2], pairs[1::2], strict=True):
        same_records(table, records_of(records))


def same_records(table, records):
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    if table.endswith(".arrow"):
        with pyarrow.ipc.open_stream(table) as stream:
            ways = [stream.read_all().to_pylist()]
    else:
        cursor = connection.execute("SELECT * FROM read_parquet(?)", [table])
        names = [column[0] for column in cursor.description]
        ways = [
            pyarrow.parquet.read_table(table).to_pylist(),
            [dict(zip(names, row)) for row in cursor.fetchall()],
        ]
        # Types that half of the engines don't know.
        types = {str(field.type) for field in pyarrow.parquet.read_schema(table)}
        assert not any(name.startswith("uint") for name in types), types
    for rows in ways:
        assert len(rows) == len(records), (len(rows), len(records))
        for number, (row, record) in enumerate(zip(rows, records), 1):
            assert flat(row) == record, f"{table}: record {number}:\n{flat(row)}\n{record}"
    print(len(records), "records")


def event(row):
    """An event as its line has it: without what it does not have."""
    if isinstance(row, dict):
        return {name: event(value) for name, value in row.items() if has(value)}
    return [event(value) for value in row] if isinstance(row, list) else row


def has(value):
    return any(map(has, value.values())) if isinstance(value, dict) else value is not None


def events(*pairs):
    for table, lines in zip(pairs[::2], pairs[1::2], strict=True):
        cursor = duckdb.connect().execute("SELECT * FROM read_parquet(?)", [table])
        names = [column[0] for column in cursor.description]
        ways = [
            pyarrow.parquet.read_table(table).to_pylist(),
            [dict(zip(names, row)) for row in cursor.fetchall()],
        ]
        with open(lines, encoding="utf-8") as file:
            wanted = [json.loads(line) for line in file]
        for rows in ways:
            found = [event(row) for row in rows]
            for row in found:
                if "unmapped" in row:
                    row["unmapped"] = json.loads(row["unmapped"])
            assert len(found) == len(wanted), (len(found), len(wanted))
            for number, (row, record) in enumerate(zip(found, wanted), 1):
                assert row == record, f"{table}: event {number}:\n{row}\n{record}"
        print(len(wanted), "events")


def lines(path):
    random.seed(1)
    with open(path, "w", encoding="utf-8") as out:
        for _ in range(5000):
            number = random.randrange
            start = 1718000000 + number(10**6)
            fields = [
                1, "%032x" % number(4), "%08x-1d4b-44a1-8d6d-91d3e03b5d0e" % number(50),
                f"10.0.{number(256)}.{number(256)}", random.choice([f"203.0.113.{number(256)}", f"2001:db8::{number(1, 10)}"]),
                number(65536), random.choice([22, 53, 443]), random.choice([1, 6, 17]),
                number(10**6), number(2**60), start, start + number(600),
                random.choice(["ACCEPT", "REJECT"]), "OK",
            ]
            if number(20) == 0:
                fields[3:10] = ["-"] * 7
                fields[12:] = ["-", "NODATA"]
            print(*fields, file=out)


def aws(lines, arrow, duck):
    """As AWS delivers them: gzip inside of Parquet, numbers as such."""
    random.seed(2)
    number = random.randrange
    names = [
        "version", "account_id", "interface_id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol",
        "packets", "bytes", "start", "end", "action", "log_status",
    ]
    rows = []
    for _ in range(5000):
        start = 1718000000 + number(10**6)
        row = [
            2, "123456789010", "eni-%017x" % number(50), f"10.0.{number(256)}.{number(256)}",
            f"203.0.113.{number(256)}", number(65536), random.choice([22, 53, 443]), random.choice([1, 6, 17]),
            number(10**6), number(2**60), start, start + number(600), random.choice(["ACCEPT", "REJECT"]), "OK",
        ]
        if number(20) == 0:
            row[3:10] = [None] * 7
            row[12:] = [None, "NODATA"]
        rows.append(row)
    with open(lines, "w", encoding="utf-8") as out:
        for row in rows:
            print(*("-" if value is None else value for value in row), file=out)
    flows = pyarrow.table({name: [row[i] for row in rows] for i, name in enumerate(names)})
    pyarrow.parquet.write_table(flows, arrow, compression="gzip", row_group_size=1500)
    duckdb.connect().execute(f"COPY (SELECT * FROM flows) TO '{duck}' (FORMAT parquet, ROW_GROUP_SIZE 2048)")


def parsed(table, lines):
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    ours = f"""SELECT account_id, interface_id, src_ip, dst_ip, src_port, dst_port, protocol, packets,
        bytes, epoch_ms(start_ms), epoch_ms(end_ms), action, log_status FROM read_parquet('{table}')"""
    theirs = f"""SELECT account, interface, src, dst, sport::INTEGER, dport::INTEGER, protocol::SMALLINT,
        packets::BIGINT, bytes::BIGINT, start::BIGINT * 1000, stop::BIGINT * 1000, lower(action), lower(status)
        FROM read_csv('{lines}', delim = ' ', header = false, nullstr = '-', all_varchar = true, names = [
        'version', 'account', 'interface', 'src', 'dst', 'sport', 'dport', 'protocol', 'packets', 'bytes',
        'start', 'stop', 'action', 'status'])"""
    for one, other in [(ours, theirs), (theirs, ours)]:
        rest = connection.execute(f"({one}) EXCEPT ALL ({other})").fetchall()
        assert not rest, rest[:3]
    print(connection.execute(f"SELECT count(*) FROM ({ours})").fetchone()[0], "rows")


def view(lake, sql):
    connection = duckdb.connect()
    connection.execute(sql.replace("LAKE", lake))
    rows = connection.execute("SELECT provider, product, date, count(*) FROM flows GROUP BY ALL ORDER BY ALL")
    for row in rows.fetchall():
        print(*row)


def copies(*tables):
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for table in tables:
        for form in "parquet", "csv", "json":
            connection.execute(f"COPY (FROM '{table}') TO '{table}.copy.{form}'")


if __name__ == "__main__":
    {"copies": copies, "same": same, "events": events, "lines": lines, "aws": aws, "parsed": parsed, "view": view}[sys.argv[1]](*sys.argv[2:])
