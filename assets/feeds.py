"""What comes back from the world: written by sensors as it arrives, so "Materialize" has nothing to do here."""

import dagster as dg

from assets.partitions import TENANTS

delivery_events = dg.AssetSpec(
    "delivery_events",
    group_name="feedback",
    partitions_def=TENANTS,
    kinds={"sqs", "postgres"},
    owners=["team:deliverability"],
    description="Deliveries, bounces and complaints from the providers, each applied once. The sensor provider_events writes them.",
)
replies = dg.AssetSpec(
    "replies",
    group_name="feedback",
    partitions_def=TENANTS,
    kinds={"imap", "postgres"},
    owners=["team:operations"],
    description="Mail read from the inboxes: replies, out-of-office notes, bounces, requests to stop. The sensor replies_in_inboxes writes them.",
)
