-- name: queue
-- A row an audit and target, once: news of the last two days that people are told. A first switch-on tells no old news.
insert into app.dns_notice (tenant_id, seen_at, target)
select distinct n.tenant_id, n.seen_at, t.target
  from app.dns_news n cross join unnest(cast(:targets as text[])) as t (target)
 where n.tenant_id = (select app.tenant()) and n.kind = any (cast(:kinds as text[])) and n.seen_at > (select app.now()) - interval '2 days'
on conflict (tenant_id, seen_at, target) do nothing;

-- name: claim
-- Put off before it is told, so that a second process leaves it alone and a crash tells it once more, later.
with due as (
    select q.tenant_id, q.seen_at, q.target
      from app.dns_notice q
     where q.tenant_id = (select app.tenant()) and q.state = 'waiting' and q.next_try_at <= clock_timestamp() and q.target = any (cast(:targets as text[]))
     order by q.next_try_at, q.seen_at limit 1 for update skip locked)
update app.dns_notice q set tries = q.tries + 1, next_try_at = clock_timestamp() + interval '5 minutes'
  from due where q.tenant_id = due.tenant_id and q.seen_at = due.seen_at and q.target = due.target
returning q.seen_at, q.target, q.tries;

-- name: told
-- It arrived.
update app.dns_notice set state = 'sent', sent_at = clock_timestamp(), last_error = null
 where tenant_id = (select app.tenant()) and seen_at = :seen_at and target = :target and state = 'waiting';

-- name: not_told
-- Again after so many seconds, or given up.
update app.dns_notice
   set last_error = :reason, state = case when cast(:retry_seconds as integer) is null then 'given_up' else state end,
       next_try_at = clock_timestamp() + make_interval(secs => coalesce(cast(:retry_seconds as integer), 0))
 where tenant_id = (select app.tenant()) and seen_at = :seen_at and target = :target and state = 'waiting';

-- name: news_of_audit
-- What one audit brought, of the kinds asked for.
select d.name as domain, n.kind, n.subject, n.sentence, n.gone, n.come, n.seen_at
  from app.dns_news n join app.sending_domain d on d.tenant_id = n.tenant_id and d.domain_id = n.domain_id
 where n.tenant_id = (select app.tenant()) and n.seen_at = :seen_at and n.kind = any (cast(:kinds as text[]))
 order by n.news_id;

-- name: news_since
-- What audits brought since a moment of policy time.
select d.name as domain, n.kind, n.subject, n.sentence, n.gone, n.come, n.seen_at
  from app.dns_news n join app.sending_domain d on d.tenant_id = n.tenant_id and d.domain_id = n.domain_id
 where n.tenant_id = (select app.tenant()) and n.seen_at >= :since
 order by n.seen_at, n.news_id;

-- name: ways
-- What is believed of each way to send, when DNS last said something certain of it, and when its domain was last audited.
select d.name as domain, a.name as account, r.definite_state, cast(r.standing ->> 'confirmed_at' as timestamptz) as definite_at, r.state,
       concat_ws(' ', r.seed_fault, r.reason) as reason,
       (select max(x.audited_at) from app.dns_audit x where x.tenant_id = d.tenant_id and x.domain_id = d.domain_id) as audited_at
  from app.domain_account r
  join app.sending_domain d on d.tenant_id = r.tenant_id and d.domain_id = r.domain_id
  join app.provider_account a on a.account_id = r.account_id
 where r.tenant_id = (select app.tenant()) and d.state <> 'retired'
 order by d.name, r.position;
