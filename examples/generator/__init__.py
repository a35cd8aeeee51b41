"""What `generate.py` writes, by kind of file."""
