-- What comes back: verified raw events, events applied, mail read from inboxes, reports.

create table app.event_inbox (
    tenant_id integer not null default 0,
    event_id bigint generated always as identity,
    source text not null,
    dedupe_key text not null,
    kind text not null,
    occurred_at timestamptz not null,
    received_at timestamptz not null default clock_timestamp(),
    plan_day date,
    message_id bigint,
    attempt smallint,
    body jsonb not null,
    tries smallint not null default 0,
    primary key (tenant_id, event_id)
);
comment on column app.event_inbox.tenant_id is '0 while no verified tag names a tenant: such rows are parked and only ops sees them.';
create index event_inbox_oldest on app.event_inbox (tenant_id, received_at);
grant insert on app.event_inbox to outreach_ingest, outreach_web;

create table app.message_event (
    tenant_id integer not null references app.tenant,
    dedupe_key text not null,
    plan_day date not null,
    message_id bigint not null,
    attempt smallint,
    kind text not null,
    source text not null,
    class text,
    cause text,
    enhanced_code text,
    diagnostic text,
    evidence text,
    recipient_provider text not null default 'other',
    occurred_at timestamptz not null,
    policy_at timestamptz not null,
    recorded_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, dedupe_key)
);
create index message_event_of_message on app.message_event (tenant_id, plan_day, message_id);
create index message_event_lately on app.message_event (tenant_id, policy_at);

create table app.inbound_message (
    tenant_id integer not null,
    inbound_id bigint generated always as identity,
    inbox_id bigint not null,
    folder text not null,
    uid_validity bigint not null,
    uid bigint not null,
    dedupe_key text not null,
    class text not null,
    routed boolean not null,
    park_reason text,
    wire_ids text[] not null default '{}',
    plan_day date,
    message_id bigint,
    enrollment_id bigint,
    mailbox_id bigint,
    reply_text text,
    out_of_office_until date,
    confidence text not null,
    evidence text not null,
    object_key text not null,
    received_at timestamptz not null,
    recorded_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, inbound_id),
    unique (tenant_id, inbox_id, dedupe_key),
    foreign key (tenant_id, inbox_id) references app.inbox,
    check (routed = (park_reason is null))
);
create index inbound_of_enrollment on app.inbound_message (tenant_id, enrollment_id);
create index inbound_untied on app.inbound_message (tenant_id, recorded_at) where park_reason = 'untied';
comment on column app.inbound_message.wire_ids is
    'Message-IDs that an untied mail names: a send in doubt may turn out to have travelled under one of them.';

create table app.reconciliation (
    tenant_id integer not null references app.tenant,
    hour timestamptz not null,
    placed integer not null,
    accepted integer not null,
    failed integer not null,
    suppressed integer not null,
    expired integer not null,
    cancelled integer not null,
    superseded integer not null,
    unknown integer not null,
    open integer not null,
    attempts_accepted integer not null,
    accepted_twice integer not null,
    provider_sends integer,
    counted_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, hour)
);

comment on column app.reconciliation.provider_sends is 'What the providers say to have sent; NULL where no account of the hour reports its sends.';

create table app.report (
    tenant_id integer not null references app.tenant,
    kind text not null check (kind in ('deliverability', 'campaign_performance', 'cost')),
    day date not null,
    body jsonb not null,
    written_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, kind, day)
);

select app.protect(t) from unnest(array[
    'app.event_inbox', 'app.message_event', 'app.inbound_message', 'app.reconciliation', 'app.report']::regclass[]) as t;
create policy feeds_write on app.event_inbox for insert to outreach_ingest, outreach_web with check (true);

grant select (tenant_id, event_id, source, kind, occurred_at, received_at, tries) on app.event_inbox to outreach_ops;
grant select (tenant_id, plan_day, message_id, kind, source, class, cause, recipient_provider, occurred_at, policy_at, recorded_at)
    on app.message_event to outreach_ops;
grant select (tenant_id, inbound_id, inbox_id, class, routed, park_reason, received_at) on app.inbound_message to outreach_ops;
grant select on app.reconciliation, app.report to outreach_ops;

create function app.tenants_with_events() returns table (tenant_id integer, waiting bigint)
    language sql stable
    as $$ select tenant_id, count(*) from app.event_inbox where tenant_id <> 0 group by tenant_id order by tenant_id $$;
comment on function app.tenants_with_events() is 'Runs as its caller: ops sees all tenants, app its own.';
