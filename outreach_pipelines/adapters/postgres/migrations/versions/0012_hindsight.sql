-- Plans made of days that are over, the day a tenant began, and who needs a look-up of recipients.

alter table app.tenant add column founded_at timestamptz not null default clock_timestamp();

do $$
declare
    v_name text;
begin
    -- Both checks were named by the server.
    for v_name in
        select conname from pg_catalog.pg_constraint
         where conrelid = 'app.plan'::regclass and contype = 'c' and pg_get_constraintdef(oid) like '%draft%'
    loop
        execute format('alter table app.plan drop constraint %I', v_name);
    end loop;
end
$$;
alter table app.plan
    add constraint plan_status_known check (status in ('draft', 'released', 'revoked', 'hindsight')),
    add constraint plan_unreleased_has_no_time check ((status in ('draft', 'hindsight')) <= (released_at is null));
comment on column app.plan.status is 'Hindsight: made after its day was over, for reading; it is never released.';

grant select (tenant_id, erased_at, provider_checked_at, undeliverable) on app.lead to outreach_ops;
