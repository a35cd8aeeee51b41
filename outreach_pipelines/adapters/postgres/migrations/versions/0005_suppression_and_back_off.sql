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
    recorded_at timestamptz not null default clock_timestamp(),
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
    signal text not null default 'manual' check (signal in ('hard_bounces', 'complaints', 'soft_bounces', 'reputation', 'errors', 'answer', 'manual')),
    level text not null check (level in ('warn', 'slow', 'stop', 'manual')),
    factor numeric not null check (factor >= 0 and factor <= 1),
    reason text not null,
    sentence text not null default '',
    evidence jsonb not null default '{}',
    since timestamptz not null,
    until timestamptz,
    probation_factor numeric not null default 1 check (probation_factor > 0 and probation_factor <= 1),
    probation_days integer not null default 0 check (probation_days >= 0),
    counts_from timestamptz,
    set_at timestamptz not null default app.now(),
    recorded_at timestamptz not null default clock_timestamp(),
    released_at timestamptz,
    released_reason text,
    primary key (tenant_id, hold_id),
    check ((released_at is null) = (released_reason is null))
);
create index hold_in_force on app.hold (tenant_id, scope_key) where released_at is null;
create unique index hold_once on app.hold (tenant_id, scope_key, signal) where released_at is null and signal <> 'manual';
comment on column app.hold.recorded_at is 'Machine time; since, until and set_at are policy time.';
comment on column app.hold.scope_key is 'tenant, mailbox:ID, domain:ID, campaign:ID, lead_file:ID, path:MAILBOX:ACCOUNT, account:ID, provider:MAILBOX:NAME.';
comment on column app.hold.signal is 'The kind of evidence; manual for what a person has set and answer for what a provider has refused, which no judgement touches.';
comment on column app.hold.probation_factor is 'What is in force from until on: see app.hold_factor. 1 where nothing follows.';
comment on column app.hold.probation_days is 'Clean sending days since until.';
comment on column app.hold.counts_from is 'Sends and reports up to here were paid for by an earlier stop.';
comment on column app.hold.set_at is 'Policy time from which this row held; another level, factor or reason is another row, so that any past day can be read.';

create table app.account_day (
    tenant_id integer not null references app.tenant,
    account_id integer not null references app.provider_account,
    day date not null,
    learnt_on date not null,
    accepted integer not null default 0 check (accepted >= 0),
    reporting integer not null default 0 check (reporting >= 0),
    hard integer not null default 0 check (hard >= 0),
    complaints integer not null default 0 check (complaints >= 0),
    primary key (tenant_id, account_id, day, learnt_on)
);
create index account_day_of_account on app.account_day (tenant_id, account_id, day);
comment on table app.account_day is 'What each tenant adds to the record of an account, by UTC day of the send and of the news; app.account_days sums it over all tenants.';

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
    score smallint check (score between 0 and 100),
    queries integer not null,
    unanswered text[] not null default '{}',
    primary key (tenant_id, domain_id, day),
    foreign key (tenant_id, domain_id) references app.sending_domain
);

create table app.dns_finding (
    tenant_id integer not null,
    domain_id bigint not null,
    day date not null,
    position integer not null,
    check_name text not null,
    fault text not null check (fault in ('missing', 'wrong', 'extra', 'weak')),
    severity text not null check (severity in ('low', 'medium', 'high', 'critical')),
    name text not null,
    evidence text not null,
    stops text[] not null default '{}',
    publish text[] not null default '{}',
    withdraw text[] not null default '{}',
    primary key (tenant_id, domain_id, day, position),
    foreign key (tenant_id, domain_id, day) references app.dns_audit on delete cascade
);
comment on column app.dns_audit.score is 'NULL when nothing could be marked.';
comment on column app.dns_audit.unanswered is 'What nobody could say: never a missing record.';
comment on column app.dns_finding.publish is 'Lines of a zone file that mend it; withdraw: those to take out first.';
comment on column app.dns_finding.stops is 'Names of accounts that must not send through the domain before it is mended.';

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
    'app.suppression', 'app.hold', 'app.account_day', 'app.health_score', 'app.dns_audit', 'app.dns_finding', 'app.audit_log']::regclass[]) as t;
revoke update, delete on app.audit_log from outreach_app;
-- FORCE binds the owner too; an account's record is the sum over all tenants, and app.account_days gives nothing else away.
create policy owner_sums on app.account_day for select to outreach_owner using (true);

grant select on app.hold, app.account_day, app.health_score, app.dns_audit, app.dns_finding to outreach_ops;
grant select (tenant_id, scope, scope_id, subject, kind, created_at, lifted_at) on app.suppression to outreach_ops;
