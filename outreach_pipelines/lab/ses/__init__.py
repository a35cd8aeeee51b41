"""Amazon SES v2 as its clients see it: the HTTP API of one account and region, and the events it publishes to SNS."""
