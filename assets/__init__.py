"""Assets: what exists, of what it is made, by which partition. Thin: each calls one use case."""

import warnings

import dagster as dg

# Used knowingly, under a pinned minor version: partitions of tenant and time, mappings between them, ranged runs.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
