"""Postmark: one HTTP API for sending and for searching what was sent. Webhooks are not played."""
