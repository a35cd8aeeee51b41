-- Fences: what a copy of this database cannot have, and what a restored one has forgotten.

alter table app.environment
    add column lease_serial bigint not null default 0 check (lease_serial >= 0);
comment on column app.environment.lease_serial is 'The newest number that was given out for a renewal of the lease of live sending.';
grant select on app.environment to outreach_readonly;

create table app.lease_number (
    serial bigint primary key check (serial >= 1),
    holder text not null,
    given_at timestamptz not null default clock_timestamp()
);
comment on table app.lease_number is
    'Numbers of renewals, committed before they are written to the lease: where the lease''s is not among them, this database is a copy or was restored.';
grant select on app.lease_number to outreach_app, outreach_ops, outreach_readonly;

create table app.fence_change (
    change_id bigint generated always as identity primary key,
    kind text not null check (kind in ('epoch_raised', 'mode_changed', 'lease_adopted', 'restored')),
    detail text not null,
    reason text not null check (btrim(reason) <> ''),
    changed_by text not null check (btrim(changed_by) <> ''),
    changed_at timestamptz not null default clock_timestamp()
);
comment on table app.fence_change is 'Who moved a fence, and why. Only ever added to, by the functions that move it.';
grant select on app.fence_change to outreach_ops, outreach_readonly;

-- Raised by app.raise_epoch alone, which takes the lock that intents share and writes down who and why.
revoke update on app.epoch from outreach_ops;

alter table app.send_attempt
    add column lost_from smallint,
    add constraint attempt_lost_range check (lost_from is null or lost_from between 1 and attempt);
comment on column app.send_attempt.lost_from is
    'Set where a restore may have forgotten attempts: this row stands for all from that number to its own, by whatever account. Its absence cannot be shown.';
