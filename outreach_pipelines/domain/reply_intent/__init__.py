"""What a person's reply wants, as far as it can be guessed: a help for who answers, and nothing else.

No send, stop or suppression reads it: those follow from what is certain (`delivery_event`).

decided      an intent with what it was decided by
rules        phrases of `rules.toml`, and what follows where several are found
word_model   the words of a tenant's own labels, weighed: the file, and the guess
labels       when labels are enough to learn from
"""
