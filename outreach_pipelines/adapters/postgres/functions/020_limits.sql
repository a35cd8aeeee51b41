-- Limits fail closed: a place that cannot be taken stops the send, and the caller releases the claim.

drop function if exists app.take(text, timestamptz, integer, text, timestamptz);

create or replace function app.take(p_buckets text[], p_windows timestamptz[], p_limits integer[]) returns integer
    language plpgsql
    as $$
declare
    v_taken text[];
    v_full integer;
begin
    -- One statement for all, in their order: the rows that many workers meet on come last and are held shortest.
    with counted as (
        insert into app.rate_bucket as b (tenant_id, bucket, window_start, taken)
        select app.tenant(), w.bucket, w.window_start, 1
          from unnest(p_buckets, p_windows, p_limits) with ordinality as w (bucket, window_start, most, place)
         where w.most > 0 order by w.place
        on conflict (tenant_id, bucket, window_start)
        do update set taken = b.taken + 1 where b.taken < p_limits[array_position(p_buckets, b.bucket)]
        returning bucket
    )
    select array_agg(bucket) into v_taken from counted;
    if cardinality(v_taken) = cardinality(array_remove(p_limits, null)) then
        return null;
    end if;
    select min(place) into v_full from unnest(p_buckets, p_limits) with ordinality as w (bucket, most, place)
     where most is not null and (bucket = any (v_taken)) is not true;
    return v_full;
end
$$;
comment on function app.take(text[], timestamptz[], integer[]) is
    'Takes a place of each bucket''s window: NULL when all had one, else which of them, from 1, is the first that is full, and the caller undoes the others. '
    'A NULL limit is no limit; 0 lets nothing pass.';

create or replace function app.give_back(a app.send_attempt, m app.message) returns void
    language plpgsql
    as $$
declare
    v_tenant_zone text := (select zone from app.tenant where tenant_id = a.tenant_id);
    v_tenant_day timestamptz := date_trunc('day', a.begun_policy_at at time zone v_tenant_zone) at time zone v_tenant_zone;
begin
    -- Rows in the order in which begin_send takes them, or the two would wait for each other.
    perform from app.mailbox where tenant_id = a.tenant_id and mailbox_id = a.mailbox_id for no key update;
    update app.mailbox_day set sent = greatest(sent - 1, 0) where tenant_id = a.tenant_id and mailbox_id = a.mailbox_id and day = a.mailbox_day;
    with held as (
        select b.bucket, b.window_start
          from unnest(array['domain:' || a.domain_id, 'recipient:' || encode(m.domain_hmac, 'hex'), 'provider:' || m.recipient_provider,
                            'account:' || a.account_id, 'day']) with ordinality as wanted (bucket, place)
          join app.rate_bucket b on b.tenant_id = a.tenant_id and b.bucket = wanted.bucket
           and b.window_start = case when wanted.place = 1 then (select a.mailbox_day::timestamp at time zone zone from app.mailbox
                                                                  where tenant_id = a.tenant_id and mailbox_id = a.mailbox_id)
                                     else v_tenant_day end
         order by wanted.place for update of b
    )
    update app.rate_bucket b set taken = greatest(b.taken - 1, 0) from held
     where b.tenant_id = a.tenant_id and b.bucket = held.bucket and b.window_start = held.window_start;
end
$$;
comment on function app.give_back(app.send_attempt, app.message) is
    'What a definite non-send had taken of the day''s limits, so that its next attempt finds room. The minute''s, which is pace, stays taken.';

create or replace function app.prove_account(p_account_id integer) returns void
    language sql security definer set search_path = pg_catalog, pg_temp
    as $$ update app.provider_account set proven_at = greatest(proven_at, clock_timestamp()) where account_id = p_account_id $$;
comment on function app.prove_account(integer) is 'The way back of this account was just seen to work.';
revoke all on function app.prove_account(integer) from public;
grant execute on function app.prove_account(integer) to outreach_app;
