"""Two ways to cut the work: by the file that is read, and by a hash of the document for all that follows."""

from __future__ import annotations

import dagster as dg

from consilience.corpora.store import SHARDS

# The stem of a file, such as pubmed26n0001: the year in it makes each new baseline a new generation.
pubmed_files = dg.DynamicPartitionsDefinition(name="pubmed_files")
# A file touches documents anywhere, so nothing after the reading may be cut by file.
shards = dg.StaticPartitionsDefinition([f"{shard:02d}" for shard in range(SHARDS)])
FIRST_SHARD, LAST_SHARD = "00", f"{SHARDS - 1:02d}"
