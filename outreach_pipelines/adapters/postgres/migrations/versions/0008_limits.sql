-- What accounts are known by from their calls, their breakers, and the blocks of sends that workers lease of them.
-- Nothing here is of any tenant, but for the shares given out.

alter table app.provider_account
    add column breaker_since timestamptz,
    add column breaker_wait interval,
    add column breaker_probe_at timestamptz,
    add constraint breaker_open_has_end check (breaker <> 'open' or breaker_until is not null),
    add constraint breaker_half_open_has_probe check ((breaker = 'half_open') = (breaker_probe_at is not null));
comment on column app.provider_account.breaker_until is 'Machine time, as all that is said of the breaker: from then on one probe may go.';
comment on column app.provider_account.breaker_since is 'When it came to its state; calls begun before that do not count any more.';
comment on column app.provider_account.breaker_probe_at is 'When the one probe of a half-open breaker began; it counts as lost after 90 s.';

alter table app.provider_health
    add column server_errors integer not null default 0,
    add column codes jsonb not null default '{}',
    add column latency integer[] not null default '{0,0,0,0,0,0,0,0,0}';
comment on column app.provider_health.refused is 'Answers about a message, a recipient or our standing: 4xx and 5xx of SMTP and 4xx of an API. See codes.';
comment on column app.provider_health.server_errors is 'Answers that the server cannot serve now; unanswered are lost replies, time-outs, API answers of 500 and above and no connection.';
comment on column app.provider_health.codes is 'How often each code of what was not accepted came.';
comment on column app.provider_health.latency is 'Calls of up to 100, 250, 500, 1000, 2500, 5000, 10000, 30000 ms and longer.';

create table app.account_call (
    account_id integer not null references app.provider_account,
    call_id bigint generated always as identity,
    started_at timestamptz not null,
    outcome text not null check (outcome in ('accepted', 'refused', 'server_error', 'unanswered', 'unreachable')),
    milliseconds integer not null check (milliseconds >= 0),
    primary key (account_id, call_id)
);
comment on table app.account_call is 'The last calls of each account, twenty and no more, in machine time: what its breaker is judged by.';
grant select on app.account_call to outreach_app, outreach_ops;

create table app.account_block (
    account_id integer not null references app.provider_account,
    worker text not null,
    granted integer not null check (granted >= 0),
    taken integer not null default 0 check (taken >= 0),
    window_start timestamptz not null,
    expires_at timestamptz not null,
    refusal text check (refusal in ('account_quota', 'account_rate')),
    refused_at timestamptz,
    refused_for interval,
    primary key (account_id, worker),
    check (taken <= granted),
    check ((refusal is null) = (refused_at is null) and (refusal is null) = (refused_for is null)),
    check (refusal is null or granted = 0)
);
comment on table app.account_block is
    'Sends of an account that one process may begin without asking again, so that forty tenants do not queue on one row; or why it got none.';
comment on column app.account_block.expires_at is 'Machine time, as is a provider''s rate. window_start and refused_at are policy time, as is the quota.';
grant select, update (taken) on app.account_block to outreach_app;
grant select on app.account_block to outreach_ops;

create table app.account_pace (
    account_id integer primary key references app.provider_account,
    paid_until timestamptz not null
);
comment on table app.account_pace is 'Up to which moment of machine time the rate of an account is given away.';
grant select on app.account_pace to outreach_ops;

create table app.share_grant (
    tenant_id integer not null references app.tenant,
    account_id integer not null references app.provider_account,
    day date not null,
    extra integer not null check (extra <> 0),
    reason text not null,
    given_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, account_id, day)
);
comment on table app.share_grant is 'What of an account''s shares was given out on a tenant-local day because others left it unused; less than 0 for who left it.';
select app.protect('app.share_grant'::regclass);
create policy ops_gives on app.share_grant for insert to outreach_ops with check (true);
grant insert, select on app.share_grant to outreach_ops;
grant select (account_ids) on app.message to outreach_ops;
