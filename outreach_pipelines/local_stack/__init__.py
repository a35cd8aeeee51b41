"""Starts what a bare machine lacks, on loopback, and stops it again: PostgreSQL, AWS look-alike, lab, web, Dagster.

Each module starts one server; `stack.py` composes them. Nothing here decides about mail, knows a table or reads
settings: addresses, environments and configurations come in as arguments.
"""
