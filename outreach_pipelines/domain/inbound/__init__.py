"""Inbound mail: bytes in, a classified event out. Nothing here reads a clock, a network or a table."""
