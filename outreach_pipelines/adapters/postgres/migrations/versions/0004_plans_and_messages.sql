-- The day's plan, a row for each decision in it, and a row for each message with its attempts.

create table app.plan (
    tenant_id integer not null references app.tenant,
    plan_id bigint generated always as identity,
    day date not null,
    version integer not null check (version >= 1),
    status text not null default 'draft' check (status in ('draft', 'released', 'revoked')),
    planner_version text not null,
    snapshot_hash text not null,
    plan_hash text not null,
    snapshot_key text not null,
    plan_key text not null,
    placed integer not null check (placed >= 0),
    not_placed integer not null check (not_placed >= 0),
    created_at timestamptz not null default clock_timestamp(),
    released_at timestamptz,
    status_reason text,
    primary key (tenant_id, plan_id),
    unique (tenant_id, day, version),
    check ((status = 'draft') <= (released_at is null)),
    check ((status = 'released') <= (released_at is not null))
);
create unique index plan_released_once on app.plan (tenant_id, day) where status = 'released';

create table app.decision (
    tenant_id integer not null,
    plan_id bigint not null,
    enrollment_id bigint not null,
    step smallint not null,
    placed boolean not null,
    binding_constraint text,
    found text[] not null,
    looked_through text not null,
    detail text not null,
    ends text,
    send_key bytea,
    mailbox_id bigint,
    due_at timestamptz,
    window_start timestamptz,
    window_end timestamptz,
    variant text,
    content_hash text,
    account_ids integer[],
    message_id bigint,
    kept_reason text,
    primary key (tenant_id, plan_id, enrollment_id),
    foreign key (tenant_id, plan_id) references app.plan,
    check (placed = (binding_constraint is null)),
    check (placed = (due_at is not null and mailbox_id is not null and send_key is not null and account_ids is not null))
);
create index decision_of_enrollment on app.decision (tenant_id, enrollment_id);
comment on table app.decision is 'A row for each candidate of a plan, placed or not. Ids only: nothing here names a person.';

create sequence app.message_id;
grant usage on sequence app.message_id to outreach_app;

create table app.send_key (
    tenant_id integer not null references app.tenant,
    send_key bytea not null check (octet_length(send_key) = 16),
    plan_day date not null,
    message_id bigint not null,
    primary key (tenant_id, send_key)
);
comment on table app.send_key is 'What may leave once: tenant, campaign, step, lead, round. It points to the message that may do so now.';

create table app.message (
    tenant_id integer not null,
    plan_day date not null,
    message_id bigint not null,
    plan_id bigint not null,
    send_key bytea not null,
    enrollment_id bigint not null,
    lead_id bigint not null,
    campaign_id bigint not null,
    step smallint not null,
    variant text not null,
    content_hash text not null,
    mailbox_id bigint not null,
    account_ids integer[] not null check (cardinality(account_ids) > 0),
    recipient_hmac bytea not null,
    domain_hmac bytea not null,
    recipient_provider text not null,
    basis text not null,
    due_at timestamptz not null,
    window_start timestamptz not null,
    window_end timestamptz not null,
    not_before timestamptz not null,
    retry_at timestamptz,
    state text not null default 'planned' check (state in (
        'planned', 'claimed', 'sending', 'retry_wait', 'in_doubt', 'unknown',
        'accepted', 'failed', 'suppressed', 'expired', 'cancelled', 'superseded')),
    state_at timestamptz not null default clock_timestamp(),
    reason text,
    token uuid,
    lease_until timestamptz,
    attempt smallint not null default 0,
    released_on_absence smallint not null default 0,
    accepted_at timestamptz,
    provider_message_id text,
    wire_message_id text,
    outcome text check (outcome in ('delivered', 'soft_bounced', 'hard_bounced', 'blocked', 'rejected', 'complained')),
    outcome_rank smallint not null default 0,
    delivered_at timestamptz,
    bounced_at timestamptz,
    complained_at timestamptz,
    replied_at timestamptz,
    unsubscribed_at timestamptz,
    primary key (tenant_id, plan_day, message_id),
    foreign key (tenant_id, plan_id) references app.plan,
    foreign key (tenant_id, enrollment_id) references app.enrollment,
    foreign key (tenant_id, mailbox_id) references app.mailbox,
    constraint message_slot_in_window check (window_start <= due_at and due_at < window_end),
    constraint message_claim_has_lease check ((state in ('claimed', 'sending')) = (token is not null and lease_until is not null)),
    constraint message_retry_has_time check ((state = 'retry_wait') = (retry_at is not null)),
    constraint message_closed_has_reason check ((state in ('failed', 'suppressed', 'expired', 'cancelled', 'superseded', 'unknown')) <= (reason is not null)),
    constraint message_accepted_has_time check ((state = 'accepted') <= (accepted_at is not null))
) partition by range (plan_day);

create type app.begin_result as (verdict text, reason text, not_before timestamptz, account_id integer);

create index message_due on app.message (tenant_id, due_at, message_id) where state in ('planned', 'retry_wait');
create index message_leased on app.message (tenant_id, lease_until) where state in ('claimed', 'sending');
create index message_in_doubt on app.message (tenant_id, state_at) where state = 'in_doubt';
create index message_of_enrollment on app.message (tenant_id, enrollment_id);
create index message_of_recipient on app.message (tenant_id, recipient_hmac);

create table app.send_attempt (
    tenant_id integer not null,
    plan_day date not null,
    message_id bigint not null,
    attempt smallint not null check (attempt >= 1),
    account_id integer not null references app.provider_account,
    mailbox_id bigint not null,
    domain_id bigint not null,
    tag text not null,
    subject text,
    begun_at timestamptz not null default clock_timestamp(),
    begun_policy_at timestamptz not null,
    mailbox_day date not null,
    outcome text not null default 'open' check (outcome in ('open', 'accepted', 'accepted_twice', 'refused', 'not_sent', 'in_doubt', 'absent', 'unknown')),
    ended_at timestamptz,
    provider_message_id text,
    answer text,
    primary key (tenant_id, plan_day, message_id, attempt),
    foreign key (tenant_id, plan_day, message_id) references app.message,
    check ((outcome = 'open') = (ended_at is null))
) partition by range (plan_day);
comment on column app.send_attempt.subject is 'As it left, for the thread''s next message when evidence, not an answer, shows that this one was accepted.';
create unique index attempt_open_once on app.send_attempt (tenant_id, plan_day, message_id) where outcome = 'open';
create unique index attempt_accepted_once on app.send_attempt (tenant_id, plan_day, message_id) where outcome = 'accepted';
create index attempt_of_mailbox on app.send_attempt (tenant_id, mailbox_id, begun_policy_at);

create table app.mailbox_day (
    tenant_id integer not null,
    mailbox_id bigint not null,
    day date not null,
    sent integer not null default 0 check (sent >= 0),
    primary key (tenant_id, mailbox_id, day),
    foreign key (tenant_id, mailbox_id) references app.mailbox
);
comment on table app.mailbox_day is 'Sends begun on the mailbox''s own local date; a definite refusal gives its one back.';

create table app.rate_bucket (
    tenant_id integer not null references app.tenant,
    bucket text not null,
    window_start timestamptz not null,
    taken integer not null default 0 check (taken >= 0),
    primary key (tenant_id, bucket, window_start)
);
comment on column app.rate_bucket.bucket is
    'minute, day, domain:ID, recipient:HMAC, provider:NAME; the tenant''s minute, and the tenant''s local day for the others.';

create function app.ensure_partitions(p_from date default null, p_days integer default 30) returns integer
    language plpgsql security definer set search_path = pg_catalog, pg_temp
    as $$
declare
    v_first date := coalesce(p_from, (app.now() at time zone 'UTC')::date - 1);
    v_day date;
    v_parent text;
    v_child text;
    v_made integer := 0;
begin
    if p_days < 1 or p_days > 400 then
        raise exception 'days must lie between 1 and 400, not %', p_days using errcode = 'invalid_parameter_value';
    end if;
    -- Two at once would both find a partition missing.
    perform pg_advisory_xact_lock(app.lock_key('ensure_partitions'));
    for v_day in select v_first + n from generate_series(0, p_days - 1) as n loop
        foreach v_parent in array array['message', 'send_attempt'] loop
            v_child := v_parent || '_' || to_char(v_day, 'YYYYMMDD');
            if to_regclass('app.' || v_child) is null then
                execute format('create table app.%I partition of app.%I for values from (%L) to (%L)',
                    v_child, v_parent, v_day, v_day + 1);
                perform app.protect(format('app.%I', v_child)::regclass);
                v_made := v_made + 1;
            end if;
        end loop;
    end loop;
    return v_made;
end
$$;
comment on function app.ensure_partitions(date, integer) is 'Makes the day partitions that are missing, each under row-level security of its own.';
revoke all on function app.ensure_partitions(date, integer) from public;
grant execute on function app.ensure_partitions(date, integer) to outreach_app, outreach_ops;

select app.protect(t) from unnest(array[
    'app.plan', 'app.decision', 'app.send_key', 'app.message', 'app.send_attempt', 'app.mailbox_day', 'app.rate_bucket']::regclass[]) as t;
select app.ensure_partitions();

grant select on app.plan, app.mailbox_day, app.rate_bucket to outreach_ops;
grant select (tenant_id, plan_id, enrollment_id, step, placed, binding_constraint, mailbox_id, due_at, message_id) on app.decision to outreach_ops;
grant select (tenant_id, plan_day, message_id, plan_id, campaign_id, step, mailbox_id, due_at, window_end, not_before, retry_at, state,
    state_at, reason, lease_until, attempt, accepted_at, outcome) on app.message to outreach_ops;
grant select (tenant_id, plan_day, message_id, attempt, account_id, mailbox_id, begun_at, begun_policy_at, outcome, ended_at)
    on app.send_attempt to outreach_ops;
