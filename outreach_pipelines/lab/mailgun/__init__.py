"""Mailgun: one HTTP API for sending and for its events. Webhooks are not played."""
