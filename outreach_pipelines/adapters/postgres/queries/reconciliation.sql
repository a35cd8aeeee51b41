-- name: hours
-- Placed, told and witnessed messages of each UTC hour in [since, until), as one statement's snapshot sees them.
-- Plan days are tenant-local dates, so that two days around the span hold every due_at in it.
with span as (
    select cast(:since as timestamptz) as since, cast(:until as timestamptz) as until,
           (cast(:since as timestamptz) at time zone 'UTC')::date - 2 as first_day,
           (cast(:until as timestamptz) at time zone 'UTC')::date + 2 as last_day
),
made as (
    select date_trunc('hour', d.due_at, 'UTC') as hour, count(*) as placed, count(*) filter (where m.message_id is null) as lost
      from span
      join app.plan p on p.day between span.first_day and span.last_day
      join app.decision d on d.tenant_id = p.tenant_id and d.plan_id = p.plan_id
      left join app.message m on m.tenant_id = d.tenant_id and m.plan_day = p.day and m.message_id = d.message_id
     where p.tenant_id = (select app.tenant()) and p.released_at is not null
       and d.placed and d.kept_reason is null and d.due_at >= span.since and d.due_at < span.until
     group by 1
),
idle as (
    select date_trunc('hour', d.due_at, 'UTC') as hour, count(*) as idle
      from span
      join app.plan p on p.day between span.first_day and span.last_day
      join app.decision d on d.tenant_id = p.tenant_id and d.plan_id = p.plan_id
      join app.message m on m.tenant_id = d.tenant_id and m.enrollment_id = d.enrollment_id and m.message_id = d.message_id
     where p.tenant_id = (select app.tenant()) and p.status = 'released' and m.state = 'superseded'
       and d.placed and d.due_at >= span.since and d.due_at < span.until
     group by 1
),
due as (
    select m.*, date_trunc('hour', m.due_at, 'UTC') as hour
      from span join app.message m on m.plan_day between span.first_day and span.last_day
     where m.tenant_id = (select app.tenant()) and m.due_at >= span.since and m.due_at < span.until
),
told as (
    select m.hour,
           count(*) filter (where state = 'accepted') as accepted,
           count(*) filter (where state = 'failed') as failed,
           count(*) filter (where state = 'failed' and accepted_at is not null) as failed_after_acceptance,
           count(*) filter (where state = 'suppressed') as suppressed,
           count(*) filter (where state = 'expired') as expired,
           count(*) filter (where state = 'cancelled') as cancelled,
           count(*) filter (where state = 'superseded') as superseded,
           count(*) filter (where state = 'unknown') as unknown,
           count(*) filter (where state in ('planned', 'claimed', 'sending', 'retry_wait', 'in_doubt')) as open,
           count(*) filter (where not exists (
               select from app.decision d join app.plan p on p.tenant_id = d.tenant_id and p.plan_id = d.plan_id and p.day = m.plan_day
                where d.tenant_id = m.tenant_id and d.enrollment_id = m.enrollment_id and d.message_id = m.message_id and d.kept_reason is null)) as stray
      from due m
     group by 1
),
witnessed as (
    select m.hour,
           count(*) filter (where a.outcome = 'accepted') as attempts_accepted,
           count(*) filter (where a.outcome = 'accepted_twice') as accepted_twice,
           count(*) filter (where case when reports.sends then seen.sent else a.outcome in ('accepted', 'accepted_twice') end) as sends,
           coalesce(bool_or(reports.sends), false) as any_reports,
           coalesce(bool_and(a.ended_at < clock_timestamp() - cast(:settles_after as interval))
                    filter (where reports.sends and a.outcome in ('accepted', 'accepted_twice') and not seen.sent), true) as settled
      from due m
      join app.send_attempt a on a.tenant_id = m.tenant_id and a.plan_day = m.plan_day and a.message_id = m.message_id
      cross join lateral (
           select exists (select from app.provider_account p join app.provider_account_share s on s.account_id = p.account_id
                           where s.tenant_id = a.tenant_id and p.account_id = a.account_id and p.kind = 'ses' and s.configuration_set is not null) as sends) reports
      cross join lateral (
           select exists (select from app.message_event e
                           where e.tenant_id = a.tenant_id and e.plan_day = a.plan_day and e.message_id = a.message_id
                             and e.attempt = a.attempt and e.kind = 'sent') as sent) seen
     group by 1
)
select hour, coalesce(placed, 0) as placed, coalesce(lost, 0) as lost, coalesce(stray, 0) as stray, coalesce(idle, 0) as idle,
       coalesce(accepted, 0) as accepted, coalesce(failed, 0) as failed, coalesce(failed_after_acceptance, 0) as failed_after_acceptance,
       coalesce(suppressed, 0) as suppressed, coalesce(expired, 0) as expired, coalesce(cancelled, 0) as cancelled,
       coalesce(superseded, 0) as superseded, coalesce(unknown, 0) as unknown, coalesce(open, 0) as open,
       coalesce(attempts_accepted, 0) as attempts_accepted, coalesce(accepted_twice, 0) as accepted_twice,
       case when any_reports then sends end as provider_sends, coalesce(settled, true) as settled
  from made full join told using (hour) full join witnessed using (hour) full join idle using (hour)
 order by hour;

-- name: save_hour
-- A later count replaces the earlier one.
insert into app.reconciliation (tenant_id, hour, placed, accepted, failed, suppressed, expired, cancelled, superseded, unknown, open,
                                attempts_accepted, accepted_twice, provider_sends)
values ((select app.tenant()), :hour, :placed, :accepted, :failed, :suppressed, :expired, :cancelled, :superseded, :unknown, :open,
        :attempts_accepted, :accepted_twice, :provider_sends)
on conflict (tenant_id, hour) do update
   set placed = excluded.placed, accepted = excluded.accepted, failed = excluded.failed, suppressed = excluded.suppressed,
       expired = excluded.expired, cancelled = excluded.cancelled, superseded = excluded.superseded, unknown = excluded.unknown,
       open = excluded.open, attempts_accepted = excluded.attempts_accepted, accepted_twice = excluded.accepted_twice,
       provider_sends = excluded.provider_sends, counted_at = clock_timestamp();

-- name: long_doubt
-- Messages in doubt for longer than that; doubt ages by the machine's clock.
select count(*) as messages, min(state_at) as since
  from app.message
 where tenant_id = (select app.tenant()) and state = 'in_doubt' and state_at < clock_timestamp() - cast(:oldest as interval);

-- name: policy_now
-- Policy time.
select app.now();
