-- Who is not written to, and what is slowed or stopped.

create table app.suppression (
    tenant_id integer not null references app.tenant,
    suppression_id bigint generated always as identity,
    scope text not null check (scope in ('campaign', 'mailbox', 'tenant')),
    scope_id bigint not null default 0,
    subject text not null check (subject in ('address', 'domain')),
    subject_hmac bytea not null,
    kind text not null check (kind in ('unsubscribe', 'complaint', 'hard_bounce', 'objection', 'left_company', 'manual', 'imported', 'erasure')),
    source text not null,
    created_at timestamptz not null,
    expires_at timestamptz,
    lifted_at timestamptz,
    lifted_reason text,
    primary key (tenant_id, suppression_id),
    check ((scope = 'tenant') = (scope_id = 0)),
    check ((lifted_at is null) = (lifted_reason is null))
);
create unique index suppression_once on app.suppression (tenant_id, subject_hmac, scope, scope_id) where lifted_at is null;

create table app.global_suppression (
    subject_hmac bytea primary key,
    kind text not null,
    source text not null,
    created_at timestamptz not null default clock_timestamp()
);
grant select (kind, created_at) on app.global_suppression to outreach_ops;

create function app.globally_suppressed(p_hmac bytea) returns boolean
    language sql stable security definer set search_path = pg_catalog, pg_temp
    as $$ select exists (select from app.global_suppression where subject_hmac = p_hmac) $$;
revoke all on function app.globally_suppressed(bytea) from public;
grant execute on function app.globally_suppressed(bytea) to outreach_app;

create table app.hold (
    tenant_id integer not null references app.tenant,
    hold_id bigint generated always as identity,
    scope_key text not null check (scope_key ~ '^(tenant|(mailbox|domain|campaign|lead_file):[0-9]+|path:[0-9]+:[0-9]+|account:[0-9]+|provider:[0-9]+:[a-z]+)$'),
    factor numeric not null check (factor >= 0 and factor <= 1),
    level text not null check (level in ('warn', 'slow', 'stop', 'manual')),
    reason text not null,
    evidence jsonb not null default '{}',
    since timestamptz not null,
    until timestamptz,
    probation boolean not null default false,
    released_at timestamptz,
    released_reason text,
    primary key (tenant_id, hold_id),
    check ((released_at is null) = (released_reason is null))
);
create index hold_in_force on app.hold (tenant_id, scope_key) where released_at is null;
comment on column app.hold.scope_key is 'tenant, mailbox:ID, domain:ID, campaign:ID, lead_file:ID, path:MAILBOX:ACCOUNT, account:ID, provider:MAILBOX:NAME.';

create table app.health_score (
    tenant_id integer not null,
    mailbox_id bigint not null,
    day date not null,
    version text not null,
    total smallint not null check (total between 0 and 100),
    parts jsonb not null,
    cap_today integer not null check (cap_today >= 0),
    ramp_stage text not null,
    scored_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, mailbox_id, day, version),
    foreign key (tenant_id, mailbox_id) references app.mailbox
);

create table app.dns_audit (
    tenant_id integer not null,
    domain_id bigint not null,
    day date not null,
    audited_at timestamptz not null,
    score smallint not null check (score between 0 and 100),
    queries integer not null,
    primary key (tenant_id, domain_id, day),
    foreign key (tenant_id, domain_id) references app.sending_domain
);

create table app.dns_finding (
    tenant_id integer not null,
    domain_id bigint not null,
    day date not null,
    position integer not null,
    check_name text not null,
    severity text not null,
    evidence text not null,
    record_name text,
    record_type text,
    record_ttl integer,
    record_value text,
    primary key (tenant_id, domain_id, day, position),
    foreign key (tenant_id, domain_id, day) references app.dns_audit on delete cascade
);

create table app.audit_log (
    tenant_id integer not null references app.tenant,
    audit_id bigint generated always as identity,
    at timestamptz not null default clock_timestamp(),
    actor text not null,
    action text not null,
    subject text not null,
    detail jsonb not null default '{}',
    primary key (tenant_id, audit_id)
);

select app.protect(t) from unnest(array[
    'app.suppression', 'app.hold', 'app.health_score', 'app.dns_audit', 'app.dns_finding', 'app.audit_log']::regclass[]) as t;
revoke update, delete on app.audit_log from outreach_app;

grant select on app.hold, app.health_score, app.dns_audit, app.dns_finding to outreach_ops;
grant select (tenant_id, scope, scope_id, subject, kind, created_at, lifted_at) on app.suppression to outreach_ops;
