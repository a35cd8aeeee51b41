-- name: take_block
-- Leases some sends of an account to this worker, before an intent may take one of them.
select app.take_block(:account_id, :worker, :most);

-- name: return_blocks
-- At the end of a run: what its leases have left is anyone's again.
select app.return_blocks(:worker);

-- name: note_calls
-- Counts calls of one account, and gives its last twenty.
select started_at, outcome, milliseconds from app.note_calls(
    :account_id, cast(:seconds_ago as float8[]), cast(:outcomes as text[]), cast(:milliseconds as integer[]), cast(:codes as text[]));

-- name: read_breaker
-- The breaker as it stands, and machine time; ours until we commit, since others note calls and intents take its probe.
select breaker, breaker_since, breaker_until, breaker_wait, breaker_probe_at, clock_timestamp() as machine_now
  from app.provider_account where account_id = :account_id for no key update;

-- name: set_breaker
-- The breaker as its last calls have moved it.
update app.provider_account
   set breaker = :state, breaker_since = :since, breaker_until = :until, breaker_wait = :wait, breaker_probe_at = :probe_at
 where account_id = :account_id;

-- name: lock_share_grants
-- One giving out at a time.
select pg_advisory_xact_lock(app.lock_key('share_grant'));

-- name: shares_of_today
-- Limited shares on their tenants' present days that no grant has touched yet: what has left, and what plans still want by them first.
select s.tenant_id, s.account_id, d.day, s.daily_share, coalesce(b.taken, 0) as taken,
       (select count(*) from app.message m
         where m.tenant_id = s.tenant_id and m.state in ('planned', 'retry_wait', 'claimed') and m.account_ids[1] = s.account_id
           and m.due_at < (d.day + 1)::timestamp at time zone t.zone and m.window_end > (select app.now())) as wanted
  from app.provider_account_share s
  join app.tenant t on t.tenant_id = s.tenant_id
 cross join lateral (select ((select app.now()) at time zone t.zone)::date as day) d
  left join app.rate_bucket b on b.tenant_id = s.tenant_id and b.bucket = 'account:' || s.account_id
                             and b.window_start = d.day::timestamp at time zone t.zone
 where s.daily_share is not null and s.withdrawn_at is null
   and not exists (select from app.share_grant g where g.tenant_id = s.tenant_id and g.account_id = s.account_id and g.day = d.day)
 order by s.account_id, s.tenant_id;

-- name: add_share_grants
-- Why a share is another one today.
insert into app.share_grant (tenant_id, account_id, day, extra, reason) values (:tenant, :account, :day, :extra, :reason);
