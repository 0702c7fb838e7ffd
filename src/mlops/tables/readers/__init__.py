"""Read the files of a source: CSV, TSV, JSONL, Parquet."""
