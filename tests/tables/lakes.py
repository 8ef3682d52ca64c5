"""Engines read a lake that Weir wrote, each in its own way, and find what its flat records say.

lakes.py WEIR LINES..         WEIR makes a lake of LINES, which are VPC flow logs. Without Java, Spark is left out.
"""

import collections
import datetime
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import duckdb
import pyarrow
import pyarrow.dataset
import pyarrow.parquet

DAY = 86_400_000


def weir(*arguments):
    output = subprocess.run(arguments, check=True, stdout=subprocess.PIPE)
    return output.stdout.decode()


def wanted(records):
    """Records and bytes of each folder."""
    found = collections.Counter(), collections.Counter()
    for line in records.splitlines():
        record = json.loads(line)
        day = datetime.date(1970, 1, 1) + datetime.timedelta(days=record["start_ms"] // DAY)
        folder = record["provider"], record["product"], day.isoformat()
        found[0][folder] += 1
        found[1][folder] += record.get("bytes", 0)
    return sorted((*folder, count, found[1][folder]) for folder, count in found[0].items())


BY_FOLDER = """SELECT provider, product, CAST(date AS STRING), count(*), CAST(coalesce(sum(bytes), 0) AS BIGINT)
    FROM {} GROUP BY provider, product, date ORDER BY provider, product, date"""


def with_duckdb(lake, sql):
    connection = duckdb.connect()
    connection.execute(sql.replace("LAKE", lake))
    return connection.execute(BY_FOLDER.format("flows")).fetchall()


def with_delta(lake, _):
    from deltalake import DeltaTable, Schema, convert_to_deltalake

    text = pyarrow.string()
    folders = pyarrow.schema([("provider", text), ("product", text), ("date", pyarrow.date32())])
    convert_to_deltalake(lake, partition_by=Schema.from_arrow(folders), partition_strategy="hive")
    flows = DeltaTable(lake).to_pyarrow_table()
    return duckdb.connect().execute(BY_FOLDER.format("flows")).fetchall() if len(flows) else []


def with_iceberg(lake, _):
    """Without the folders' columns, which that way of adding files does not know."""
    from pyiceberg.catalog.sql import SqlCatalog

    files = sorted(str(file) for file in pathlib.Path(lake).glob("provider=*/**/*.parquet"))
    with tempfile.TemporaryDirectory() as folder:
        catalog = SqlCatalog("test", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}")
        catalog.create_namespace("weir")
        table = catalog.create_table("weir.flows", schema=pyarrow.parquet.read_schema(files[0]))
        table.add_files(files)
        flows = table.scan().to_arrow()
        return [(len(flows), pyarrow.compute.sum(flows["bytes"]).as_py())]


def with_spark(lake, sql):
    from pyspark.sql import SparkSession

    with tempfile.TemporaryDirectory() as folder:
        spark = (
            SparkSession.builder.master("local[1]")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.sql.warehouse.dir", folder)
            .getOrCreate()
        )
        spark.sparkContext.setLogLevel("ERROR")
        try:
            for statement in sql.replace("LAKE", lake).split(";\n"):
                if statement.strip():
                    spark.sql(statement)
            return [tuple(row) for row in spark.sql(BY_FOLDER.format("flows")).collect()]
        finally:
            spark.stop()


def main(program, *lines):
    with tempfile.TemporaryDirectory() as folder:
        lake = f"{folder}/lake"
        keys = "provider,product,date"
        weir(program, "normalize", "--quiet", "--to", "parquet", "--partition", keys, "--output", f"{lake}/", *lines)
        expected = wanted(weir(program, "normalize", "--quiet", *lines))
        whole = [(sum(row[3] for row in expected), sum(row[4] for row in expected))]
        for name, read, rows in [
            ("duckdb", with_duckdb, expected),
            ("spark", with_spark, expected),
            ("iceberg", with_iceberg, whole),
            # It writes its log into the folder.
            ("deltalake", with_delta, expected),
        ]:
            if name == "spark" and not shutil.which("java"):
                print("spark: not tried, as there is no Java")
                continue
            ddl = "duckdb" if name == "duckdb" else "spark"
            sql = weir(program, "schema", "--to", "parquet", "--ddl", ddl)
            found = [tuple(row) for row in read(lake, sql)]
            assert found == rows, f"{name}:\n{found}\n{rows}"
            print(f"{name}: {sum(row[-2] for row in found)} records in {len(expected)} folders")


if __name__ == "__main__":
    main(*sys.argv[1:])
