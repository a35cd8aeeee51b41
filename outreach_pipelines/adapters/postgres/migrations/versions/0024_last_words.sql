-- What providers said last is kept, overlapping audits are told apart, and calls at recipients' servers are counted over all tenants.

alter table app.dns_memory add column words jsonb not null default '{}';
comment on column app.dns_memory.words is 'By account, what its provider last said of the domain, and when: it counts for as long as a definite state does.';
alter table app.dns_memory add column audits bigint not null default 0;
comment on column app.dns_memory.audits is 'Raised by each audit: one that began before another was kept has nothing to add.';

create table app.recipient_call (
    call_id bigint generated always as identity primary key,
    operator_digest bytea not null,
    domain_digest bytea not null,
    called_at timestamptz not null default clock_timestamp()
);
create index recipient_call_lately on app.recipient_call (called_at);
comment on table app.recipient_call is
    'Calls of the last hour at servers of recipients, of all tenants together. Nobody reads it but app.begin_recipient_call, which counts.';
comment on column app.recipient_call.operator_digest is 'Who runs the server, by the name of its MX; a digest, since it would tell one tenant of another''s leads.';
