-- Calls of accounts as they were noted, and the last of them, which their breakers are judged by.

drop function if exists app.record_call(integer, text, integer);

create or replace function app.latency_class(p_milliseconds integer) returns integer
    language sql immutable
    as $$ select width_bucket(p_milliseconds, array[101, 251, 501, 1001, 2501, 5001, 10001, 30001]) + 1 $$;
comment on function app.latency_class(integer) is 'Which place of provider_health.latency a call counts in, from 1.';

create or replace function app.note_calls(
    p_account_id integer, p_seconds_ago double precision[], p_outcomes text[], p_milliseconds integer[], p_codes text[])
    returns setof app.account_call
    language plpgsql security definer set search_path = pg_catalog, pg_temp
    as $$
declare
    v_now timestamptz := clock_timestamp();
begin
    with calls as (
        select v_now - make_interval(secs => ago) as started_at, outcome, least(greatest(ms, 0), 86400000) as ms, code
          from unnest(p_seconds_ago, p_outcomes, p_milliseconds, p_codes) as c (ago, outcome, ms, code)
         where outcome <> 'not_called'
    ), ring as (
        insert into app.account_call (account_id, started_at, outcome, milliseconds)
        select p_account_id, started_at, outcome, ms from calls order by started_at
    ), minutes as (
        select date_trunc('minute', started_at + make_interval(secs => ms / 1000.0)) as minute, count(*) as calls,
               count(*) filter (where outcome = 'accepted') as accepted, count(*) filter (where outcome = 'refused') as refused,
               count(*) filter (where outcome = 'server_error') as server_errors,
               count(*) filter (where outcome in ('unanswered', 'unreachable')) as unanswered, sum(ms) as ms,
               (select array_agg(n order by class) from (
                    select class, count(app.latency_class(each.ms)) as n from generate_series(1, 9) class
                      left join unnest(array_agg(calls.ms)) as each (ms) on app.latency_class(each.ms) = class group by class) l) as latency,
               (select coalesce(jsonb_object_agg(code, n), '{}') from (
                    select code, count(*) as n from unnest(array_agg(calls.code)) as each (code) where code <> '' group by code) k) as codes
          from calls group by 1
    )
    insert into app.provider_health as h (account_id, minute, calls, accepted, refused, server_errors, unanswered, milliseconds, latency, codes)
    select p_account_id, minute, calls, accepted, refused, server_errors, unanswered, ms, latency, codes from minutes
    on conflict (account_id, minute) do update set
        calls = h.calls + excluded.calls, accepted = h.accepted + excluded.accepted, refused = h.refused + excluded.refused,
        server_errors = h.server_errors + excluded.server_errors, unanswered = h.unanswered + excluded.unanswered,
        milliseconds = h.milliseconds + excluded.milliseconds,
        latency = (select array_agg(a + b order by place) from unnest(h.latency, excluded.latency) with ordinality as l (a, b, place)),
        codes = (select coalesce(jsonb_object_agg(key, n), '{}') from (
                    select key, sum(value::integer) as n
                      from (select * from jsonb_each_text(h.codes) union all select * from jsonb_each_text(excluded.codes)) c group by key) k);

    delete from app.account_call where account_id = p_account_id
       and call_id < (select min(call_id) from (select call_id from app.account_call where account_id = p_account_id order by call_id desc limit 20) newest);
    return query select * from app.account_call where account_id = p_account_id order by call_id;
end
$$;
comment on function app.note_calls(integer, double precision[], text[], integer[], text[]) is
    'Counts calls that began so many seconds ago, and gives the account''s last twenty, oldest first. The caller holds the account''s row.';
revoke all on function app.note_calls(integer, double precision[], text[], integer[], text[]) from public;
grant execute on function app.note_calls(integer, double precision[], text[], integer[], text[]) to outreach_app;
