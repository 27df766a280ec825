"""The pipeline from Kafka to Iceberg as it is commonly written in Python.

Usage: pipeline.py OPTIONS

confluent-kafka reads, fastavro decodes, PyIceberg appends, then the offsets are committed: at least
once, without de-duplication. OPTIONS is JSON: bootstrap, topic, schema (Avro, a text), headerBytes
(in front of each record), metadata (a metadata file whose schema, partitioning and sort order the
table gets), folder (of an SQLite catalog and its warehouse), rowsMax, secondsMax, and of these one:
batchRows (append as soon as there are so many) or batchSeconds (append so often).

Prints JSON: rows, appends, seconds from the first message to the end of the last append, CPU
seconds in that time, and how many rows the table has, by a scan afterwards.
"""

import io
import json
import sys
import time
from pathlib import Path

import fastavro
import pyarrow
from confluent_kafka import Consumer
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import StaticTable

POLL_MESSAGES = 500
POLL_SECONDS = 0.1
FIRST_SECONDS_MAX = 60


def create(source, folder):
    folder.mkdir(parents=True, exist_ok=True)
    catalog = SqlCatalog(
        "peer", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}/warehouse"
    )
    catalog.create_namespace("market")
    return catalog.create_table(
        "market.trades",
        schema=source.schema(),
        partition_spec=source.spec(),
        sort_order=source.sort_order(),
    )


class Pipeline:
    def __init__(self, options):
        self.schema = fastavro.parse_schema(json.loads(options["schema"]))
        self.header_bytes = options["headerBytes"]
        self.table = create(StaticTable.from_metadata(options["metadata"]), Path(options["folder"]))
        self.arrow_schema = self.table.schema().as_arrow()
        self.consumer = Consumer(
            {
                "bootstrap.servers": options["bootstrap"],
                "group.id": "peer-" + Path(options["folder"]).name,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
            }
        )
        self.consumer.subscribe([options["topic"]])
        self.batch = []
        self.rows = 0
        self.appends = 0

    def poll(self, count):
        """Decodes what there is, at most so many; whether there was any."""
        messages = self.consumer.consume(count, POLL_SECONDS)
        for message in messages:
            if message.error():
                raise RuntimeError(str(message.error()))
            value = io.BytesIO(message.value())
            value.seek(self.header_bytes)
            row = fastavro.schemaless_reader(value, self.schema)
            if row["vendor_data"] is not None:
                row["vendor_data"] = list(row["vendor_data"].items())
            row["k2_partition"] = str(message.partition())
            row["k2_offset"] = message.offset()
            self.batch.append(row)
        return len(messages) > 0

    def append(self):
        self.table.append(pyarrow.Table.from_pylist(self.batch, schema=self.arrow_schema))
        self.consumer.commit(asynchronous=False)
        self.rows += len(self.batch)
        self.appends += 1
        self.batch = []


def run(pipeline, options):
    batch_rows = options.get("batchRows", sys.maxsize)
    batch_seconds = options.get("batchSeconds", sys.maxsize)
    wait_end = time.perf_counter() + FIRST_SECONDS_MAX
    while not pipeline.poll(1):
        if time.perf_counter() > wait_end:
            raise TimeoutError("no message")
    started = appended = time.perf_counter()
    cpu_started = time.process_time()
    while pipeline.rows < options["rowsMax"] and appended - started < options["secondsMax"]:
        left = min(batch_rows, options["rowsMax"] - pipeline.rows) - len(pipeline.batch)
        if left > 0:
            pipeline.poll(min(left, POLL_MESSAGES))
        is_full = len(pipeline.batch) >= min(batch_rows, options["rowsMax"] - pipeline.rows)
        if is_full or time.perf_counter() - appended >= batch_seconds:
            pipeline.append()
            appended = time.perf_counter()
    return appended - started, time.process_time() - cpu_started


def main():
    options = json.loads(sys.argv[1])
    pipeline = Pipeline(options)
    seconds, cpu_seconds = run(pipeline, options)
    pipeline.consumer.close()
    print(
        json.dumps(
            {
                "rows": pipeline.rows,
                "appends": pipeline.appends,
                "seconds": seconds,
                "cpuSeconds": cpu_seconds,
                "tableRows": pipeline.table.scan().count(),
            }
        )
    )


main()
