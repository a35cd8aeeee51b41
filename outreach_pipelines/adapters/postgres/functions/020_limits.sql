-- Limits fail closed: a count that cannot be taken raises OU001 and the caller releases the claim.

create or replace function app.take(p_bucket text, p_window timestamptz, p_limit integer, p_reason text, p_opens timestamptz) returns void
    language plpgsql
    as $$
begin
    if p_limit is null then
        return;
    end if;
    insert into app.rate_bucket as b (tenant_id, bucket, window_start, taken)
    select app.tenant(), p_bucket, p_window, 1 where p_limit > 0
    on conflict (tenant_id, bucket, window_start) do update set taken = b.taken + 1 where b.taken < p_limit;
    if not found then
        raise exception '%', p_reason using errcode = 'OU001', detail = p_opens::text;
    end if;
end
$$;
comment on function app.take(text, timestamptz, integer, text, timestamptz) is
    'Takes one of a window''s places. A NULL limit is no limit; 0 lets nothing pass.';

create or replace function app.give_back(a app.send_attempt, m app.message) returns void
    language plpgsql
    as $$
declare
    v_tenant_zone text := (select zone from app.tenant where tenant_id = a.tenant_id);
    v_tenant_day timestamptz := date_trunc('day', a.begun_policy_at at time zone v_tenant_zone) at time zone v_tenant_zone;
begin
    update app.mailbox_day set sent = greatest(sent - 1, 0) where tenant_id = a.tenant_id and mailbox_id = a.mailbox_id and day = a.mailbox_day;
    update app.rate_bucket set taken = greatest(taken - 1, 0)
     where tenant_id = a.tenant_id
       and ((bucket = 'domain:' || a.domain_id
             and window_start = (select a.mailbox_day::timestamp at time zone zone from app.mailbox where tenant_id = a.tenant_id and mailbox_id = a.mailbox_id))
            or (window_start = v_tenant_day
                and bucket in ('recipient:' || encode(m.domain_hmac, 'hex'), 'provider:' || m.recipient_provider, 'account:' || a.account_id, 'day')));
end
$$;
comment on function app.give_back(app.send_attempt, app.message) is
    'What a definite non-send had taken of the day''s limits, so that its next attempt finds room. The minute''s, which is pace, stays taken.';

create or replace function app.take_account(p_account_id integer) returns boolean
    language plpgsql security definer set search_path = pg_catalog, pg_temp
    as $$
declare
    v_quota integer := (select daily_quota from app.provider_account where account_id = p_account_id);
    v_hour timestamptz := date_trunc('hour', app.now());
begin
    if v_quota is null then
        return true;
    end if;
    insert into app.account_bucket as b (account_id, window_start, taken) values (p_account_id, v_hour, 1)
    on conflict (account_id, window_start) do update set taken = b.taken + 1;
    return (select sum(taken) from app.account_bucket
             where account_id = p_account_id and window_start > v_hour - interval '24 hours') <= v_quota;
end
$$;
comment on function app.take_account(integer) is
    'One of the account''s sends in 24 hours, over all tenants; false when the quota is used up, and then the caller rolls back.';
revoke all on function app.take_account(integer) from public;
grant execute on function app.take_account(integer) to outreach_app;

create or replace function app.record_call(p_account_id integer, p_outcome text, p_milliseconds integer) returns void
    language sql security definer set search_path = pg_catalog, pg_temp
    as $$
    insert into app.provider_health as h (account_id, minute, calls, accepted, refused, unanswered, milliseconds)
    values (p_account_id, date_trunc('minute', clock_timestamp()), 1, (p_outcome = 'accepted')::integer, (p_outcome = 'refused')::integer,
            (p_outcome not in ('accepted', 'refused'))::integer, p_milliseconds)
    on conflict (account_id, minute) do update set calls = h.calls + 1, accepted = h.accepted + excluded.accepted,
        refused = h.refused + excluded.refused, unanswered = h.unanswered + excluded.unanswered,
        milliseconds = h.milliseconds + excluded.milliseconds
    $$;
revoke all on function app.record_call(integer, text, integer) from public;
grant execute on function app.record_call(integer, text, integer) to outreach_app;

create or replace function app.prove_account(p_account_id integer) returns void
    language sql security definer set search_path = pg_catalog, pg_temp
    as $$ update app.provider_account set proven_at = greatest(proven_at, clock_timestamp()) where account_id = p_account_id $$;
comment on function app.prove_account(integer) is 'The way back of this account was just seen to work.';
revoke all on function app.prove_account(integer) from public;
grant execute on function app.prove_account(integer) to outreach_app;
