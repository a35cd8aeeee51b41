-- Doubt: probes that carry the watermark, looks at providers, rulings of people.

-- Accounts serve many tenants, and a probe is about nobody: as the account itself it stands outside of row-level security.
create table app.account_canary (
    canary_id bigint generated always as identity primary key,
    account_id integer not null references app.provider_account,
    configuration_set text not null,
    intended_at timestamptz not null default clock_timestamp(),
    home_at timestamptz,
    believed_at timestamptz,
    check (believed_at is null or home_at is not null)
);
create index canary_of_stream on app.account_canary (account_id, configuration_set, intended_at);
create index canary_to_believe on app.account_canary (home_at) where believed_at is null;
comment on table app.account_canary is 'A probe of an account''s way back, written before it is sent. All times are machine time.';
comment on column app.account_canary.home_at is 'Its event came back, by whatever way round the queue.';
comment on column app.account_canary.believed_at is
    'The queue was then seen to hold nothing. The newest intended_at with this set is the watermark of its stream.';
grant select, insert, update on app.account_canary to outreach_app;
grant select on app.account_canary to outreach_ops, outreach_readonly;

alter table app.provider_account_share add column configuration_set_since timestamptz not null default '-infinity';
comment on column app.provider_account_share.configuration_set_since is
    'Machine time since which its sends report to this configuration set: probes of now say nothing of what was sent before.';

create function app.note_configuration_set() returns trigger
    language plpgsql
    as $$
begin
    new.configuration_set_since := clock_timestamp();
    return new;
end
$$;
create trigger configuration_set_changed before update on app.provider_account_share
    for each row when (old.configuration_set is distinct from new.configuration_set) execute function app.note_configuration_set();

create table app.evidence_look (
    tenant_id integer not null,
    plan_day date not null,
    message_id bigint not null,
    attempt smallint not null,
    looked_at timestamptz not null,
    found text not null check (found in ('seen', 'not_seen', 'could_not_look')),
    reason text,
    primary key (tenant_id, plan_day, message_id, attempt, looked_at),
    foreign key (tenant_id, plan_day, message_id, attempt) references app.send_attempt on delete cascade,
    check ((found = 'could_not_look') <= (reason is not null))
);
comment on table app.evidence_look is 'A look at a provider''s own records; looked_at is the machine time before it was asked.';

create table app.doubt_ruling (
    tenant_id integer not null references app.tenant,
    ruling_id bigint generated always as identity,
    plan_day date not null,
    message_id bigint not null,
    attempt smallint not null,
    ruling text not null check (ruling in ('accepted', 'not_sent')),
    reason text not null check (btrim(reason) <> ''),
    ruled_by text not null,
    ruled_at timestamptz not null default clock_timestamp(),
    outcome_before text not null,
    came_of_it text not null,
    primary key (tenant_id, ruling_id)
);
comment on table app.doubt_ruling is 'What people decided where no evidence did, and why. Only ever added to.';

select app.protect(t) from unnest(array['app.evidence_look', 'app.doubt_ruling']::regclass[]) as t;
revoke update, delete on app.doubt_ruling from outreach_app;
grant select on app.evidence_look, app.doubt_ruling to outreach_ops;

create index attempt_unsettled on app.send_attempt (tenant_id, begun_at) where outcome in ('open', 'in_doubt');
