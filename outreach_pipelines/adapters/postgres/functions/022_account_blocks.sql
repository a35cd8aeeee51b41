-- An account's quota and rate, leased to workers in small blocks. Whoever changes what is given away holds the account's lock.

drop function if exists app.take_account(integer);

create or replace function app.reclaim_blocks(p_account_id integer, p_worker text) returns void
    language plpgsql security definer set search_path = pg_catalog, pg_temp
    as $$
begin
    -- A block that an intent holds just now is in use: it is reclaimed another time.
    with over as (
        delete from app.account_block b
         using (select account_id, worker from app.account_block
                 where account_id = p_account_id and (worker = p_worker or expires_at <= clock_timestamp()) for update skip locked) o
         where b.account_id = o.account_id and b.worker = o.worker
        returning b.window_start, b.granted - b.taken as unused
    ), back as (
        select window_start, sum(unused) as unused from over group by window_start
    )
    update app.account_bucket t set taken = greatest(t.taken - back.unused, 0)
      from back where t.account_id = p_account_id and t.window_start = back.window_start;
end
$$;
comment on function app.reclaim_blocks(integer, text) is
    'What expired blocks of this account, and those of this worker, have left unused goes back to the quota. The caller holds the account''s lock.';
revoke all on function app.reclaim_blocks(integer, text) from public;

create or replace function app.account_quota_left(p_account app.provider_account, p_at timestamptz) returns integer
    language sql stable security definer set search_path = pg_catalog, pg_temp
    as $$
    select p_account.daily_quota - coalesce(sum(taken), 0)::integer from app.account_bucket
     where account_id = p_account.account_id and window_start > p_at - interval '24 hours 5 minutes'
    $$;
comment on function app.account_quota_left(app.provider_account, timestamptz) is
    'NULL without a quota. Counted in windows of 5 minutes; one counts until its last second is 24 hours old.';
revoke all on function app.account_quota_left(app.provider_account, timestamptz) from public;

create or replace function app.take_block(p_account_id integer, p_worker text, p_most integer) returns integer
    language plpgsql security definer set search_path = pg_catalog, pg_temp
    as $$
declare
    a app.provider_account;
    v_now timestamptz := app.now();
    v_window timestamptz := date_bin('5 minutes', v_now, 'epoch');
    v_machine timestamptz;
    v_burst interval;
    v_paid timestamptz;
    v_left integer;
    v_most integer := p_most;
    v_refused_for interval;
    v_refusal text;
begin
    perform pg_advisory_xact_lock(app.lock_key('account_block', p_account_id::text));
    v_machine := clock_timestamp();
    select granted - taken into v_left from app.account_block
     where account_id = p_account_id and worker = p_worker and expires_at > v_machine and taken < granted;
    if found then
        return v_left;  -- another thread of this worker has just been here
    end if;
    select * into strict a from app.provider_account where account_id = p_account_id;
    perform app.reclaim_blocks(p_account_id, p_worker);

    v_left := app.account_quota_left(a, v_now);
    if v_left <= 0 then
        v_refusal := 'account_quota';
        -- What other workers hold may come back unused.
        v_refused_for := case when exists (select from app.account_block where account_id = p_account_id and taken < granted)
                              then interval '1 minute' else interval '15 minutes' end;
    elsif v_left is not null then
        -- The nearer to the end, the smaller: the last places must not lie idle with one worker.
        v_most := least(v_most, greatest(1, v_left / 20));
    end if;
    if v_refusal is null and a.rate_per_second is not null then
        v_burst := make_interval(secs => greatest(1, 1 / a.rate_per_second));
        select greatest(max(paid_until), v_machine) into v_paid from app.account_pace where account_id = p_account_id;
        v_most := least(v_most, floor(extract(epoch from v_machine + v_burst - v_paid) * a.rate_per_second + 0.000001)::integer);
        if v_most < 1 then
            v_refusal := 'account_rate';
            v_refused_for := v_paid + make_interval(secs => 1 / a.rate_per_second) - v_burst - v_machine;
        else
            insert into app.account_pace as p values (p_account_id, v_paid + make_interval(secs => v_most / a.rate_per_second))
            on conflict (account_id) do update set paid_until = excluded.paid_until;
        end if;
    end if;

    if v_refusal is null then
        insert into app.account_bucket as t (account_id, window_start, taken) values (p_account_id, v_window, v_most)
        on conflict (account_id, window_start) do update set taken = t.taken + excluded.taken;
        delete from app.account_bucket where account_id = p_account_id and window_start < v_now - interval '2 days';
    else
        v_most := 0;
    end if;
    insert into app.account_block as b (account_id, worker, granted, window_start, expires_at, refusal, refused_at, refused_for)
    values (p_account_id, p_worker, v_most, v_window,
            v_machine + case when v_refusal is not null then least(v_refused_for, interval '5 seconds')
                             when a.rate_per_second is not null then v_burst else interval '60 seconds' end,
            v_refusal, case when v_refusal is not null then v_now end, v_refused_for)
    on conflict (account_id, worker) do update set granted = excluded.granted, taken = 0, window_start = excluded.window_start,
        expires_at = excluded.expires_at, refusal = excluded.refusal, refused_at = excluded.refused_at, refused_for = excluded.refused_for;
    return v_most;
end
$$;
comment on function app.take_block(integer, text, integer) is
    'At most so many sends of the account for this worker, in a transaction of its own: for 60 s, or with a rate for the second that they belong to. '
    '0 when the quota of 24 hours is given away or the rate is, and why stands in the worker''s row. '
    'Amazon SES, "Managing your sending limits": the rate may be passed in short bursts, not for long.';
revoke all on function app.take_block(integer, text, integer) from public;
grant execute on function app.take_block(integer, text, integer) to outreach_app;

create or replace function app.return_blocks(p_worker text) returns integer
    language plpgsql security definer set search_path = pg_catalog, pg_temp
    as $$
declare
    v_account integer;
    v_returned integer := 0;
begin
    for v_account in select account_id from app.account_block where worker = p_worker order by account_id loop
        perform pg_advisory_xact_lock(app.lock_key('account_block', v_account::text));
        perform app.reclaim_blocks(v_account, p_worker);
        v_returned := v_returned + 1;
    end loop;
    return v_returned;
end
$$;
comment on function app.return_blocks(text) is 'The end of a worker''s run: how many blocks it held. What they have left is the quota''s again.';
revoke all on function app.return_blocks(text) from public;
grant execute on function app.return_blocks(text) to outreach_app;
