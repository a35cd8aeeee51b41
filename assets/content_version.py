"""What says that a partition is in sync: Dagster takes a partition for stale when what it was made from has a new version.

By itself every run makes a new version, so that an import without a change would mark all that follows "Unsynced".
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

import dagster as dg

#: Of feeds that only grow: what follows reads them when it runs, and news alone makes nothing of the past wrong.
FEED_TAGS: Final[Mapping[str, str]] = {"dagster/data_version": "a feed"}


def set_content_version(context: dg.AssetExecutionContext, asset: dg.AssetKey, content: Sequence[str]) -> None:
    """A version that changes only with `content`. A run of several partitions keeps Dagster's own: it has one for all."""
    if len(context.partition_keys) == 1 and content:
        digest = hashlib.blake2b("\n".join(content).encode(), digest_size=12).hexdigest()
        context.set_data_version(asset, dg.DataVersion(digest))
