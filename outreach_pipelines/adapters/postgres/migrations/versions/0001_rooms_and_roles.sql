-- The ground: who may do what, which tenant a transaction is for, and the two clocks.
-- Roles exist already (bootstrap.py makes them, since they belong to the cluster, not to this database).

create function app.tenant() returns integer
    language sql stable parallel safe
    as $$ select nullif(current_setting('app.tenant', true), '')::integer $$;
comment on function app.tenant() is 'The tenant of this transaction; NULL, which no row matches, when none was set.';

create function app.protect(p_table regclass) returns void
    language plpgsql
    as $$
begin
    execute format('alter table %s enable row level security', p_table);
    execute format('alter table %s force row level security', p_table);
    execute format(
        'create policy tenant_only on %s for all to outreach_app, outreach_readonly, outreach_owner '
        'using (tenant_id = (select app.tenant())) with check (tenant_id = (select app.tenant()))', p_table);
    execute format('create policy ops_reads on %s for select to outreach_ops using (true)', p_table);
    execute format('grant select, insert, update, delete on %s to outreach_app', p_table);
    execute format('grant select on %s to outreach_readonly', p_table);
end
$$;
comment on function app.protect(regclass) is
    'Puts a tenant table, or one of its partitions, under row-level security. FORCE binds the owner and every SECURITY DEFINER function too.';

create table app.environment (
    one boolean primary key default true check (one),
    environment_id uuid not null default gen_random_uuid(),
    mode text not null default 'lab' check (mode in ('off', 'lab', 'live')),
    heartbeat_at timestamptz not null default clock_timestamp()
);
insert into app.environment default values;
comment on table app.environment is 'Which database this is. A copy keeps the id, which is why live sending also needs a lease outside of it.';

create table app.clock (
    one boolean primary key default true check (one),
    policy_now timestamptz not null
);
comment on table app.clock is 'Empty in production. A row makes policy time stand still until a driver steps it.';

create function app.refuse_stepped_clock() returns trigger
    language plpgsql
    as $$
begin
    if (select mode from app.environment) = 'live' then
        raise exception 'policy time cannot be stepped while sending is live'
            using errcode = 'check_violation', constraint = 'clock_is_real_when_live';
    end if;
    return new;
end
$$;
create trigger clock_is_real_when_live before insert or update on app.clock
    for each row execute function app.refuse_stepped_clock();

create function app.now() returns timestamptz
    language sql volatile
    as $$ select coalesce((select policy_now from app.clock), clock_timestamp()) $$;
comment on function app.now() is
    'Policy time. Write (select app.now()) in predicates: a bare volatile call cannot be an index condition.';

create table app.epoch (
    one boolean primary key default true check (one),
    number bigint not null default 1,
    raised_at timestamptz not null default clock_timestamp(),
    reason text not null default 'first'
);
insert into app.epoch default values;
comment on table app.epoch is 'Read at every intent; raised after a restore, so that processes that began before it stop.';

create function app.lock_key(variadic p_parts text[]) returns bigint
    language sql immutable parallel safe
    as $$ select hashtextextended(array_to_string(p_parts, '|'), 0) $$;
comment on function app.lock_key(text[]) is 'A key for transaction-level advisory locks; a collision only makes two strangers wait for each other.';

create table app.tenant_directory (
    slug text primary key check (slug ~ '^[a-z][a-z0-9-]{0,38}[a-z0-9]$'),
    id integer generated always as identity unique
);
comment on table app.tenant_directory is 'Names and numbers of tenants and nothing else: it is read before a tenant can be set.';
grant select, insert on app.tenant_directory to outreach_app;
grant select on app.tenant_directory to outreach_ops, outreach_readonly;

grant usage on schema app to outreach_app, outreach_readonly, outreach_ops, outreach_ingest, outreach_web;
grant select on app.environment, app.clock, app.epoch to outreach_app, outreach_ops;
grant insert, update, delete on app.clock to outreach_ops;
grant update (heartbeat_at) on app.environment to outreach_ops;
grant update on app.epoch to outreach_ops;
