"""Real processes that send, killed at every step; what was sent is read from a ledger on disk and from the database alone.

Belongs here: a mail server that writes down what it takes, a tap in the line to PostgreSQL, the senders' nursery, the world
that they share, and many kills in a row. Does not: the program that sends (`cli.killable_sender`: it wires production), nor
the server that the database lies on (`cli.scratch_database`).
"""
