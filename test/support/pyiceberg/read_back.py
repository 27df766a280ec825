"""Reads an Iceberg table through PyIceberg and prints what it found as one JSON document.

Usage: read_back.py <metadata file> [<row filter>]
"""

import json
import sys
from decimal import Decimal

from pyiceberg.table import StaticTable


def plain(value):
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def main() -> None:
    table = StaticTable.from_metadata(sys.argv[1])
    row_filter = sys.argv[2] if len(sys.argv) > 2 else None
    scan = table.scan(row_filter=row_filter) if row_filter else table.scan()
    tasks = list(scan.plan_files())
    result = {
        "schema": [
            [f.field_id, f.name, str(f.field_type), f.required] for f in table.schema().fields
        ],
        "spec": str(table.spec()),
        "sort_order": str(table.sort_order()),
        "files": sorted(task.file.file_path for task in tasks),
        "rows": plain(scan.to_arrow().to_pylist()),
        "inspect_files": plain(table.inspect.files().to_pylist()),
        "inspect_entries": plain(table.inspect.entries().to_pylist()),
        "inspect_partitions": plain(table.inspect.partitions().to_pylist()),
        "inspect_snapshots": plain(table.inspect.snapshots().to_pylist()),
    }
    json.dump(result, sys.stdout)


main()
