"""Snapshot in, plan out: who is written to on a day, from which mailbox, at what minute, and why the others are not."""
