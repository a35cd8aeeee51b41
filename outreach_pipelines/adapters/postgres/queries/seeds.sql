-- name: due
-- Ways to send without a seed of the week, or with one to go again; each with a mailbox to write from and another one of the tenant's to write to.
select d.name as domain, a.account_id, a.name as account, s.address as sender, s.display_name, r.address as recipient, t.unsubscribe_host,
       case when n.week = :week then n.attempt else 0 end + 1 as attempt
  from app.tenant t
  join app.sending_domain d on d.tenant_id = t.tenant_id and d.state = 'active'
  join app.domain_account w on w.tenant_id = d.tenant_id and w.domain_id = d.domain_id
  join app.provider_account a on a.account_id = w.account_id
  join app.provider_account_share p on p.tenant_id = t.tenant_id and p.account_id = a.account_id and p.withdrawn_at is null
 cross join lateral (select b.mailbox_id, b.address, b.display_name from app.mailbox b
                      where b.tenant_id = d.tenant_id and b.domain_id = d.domain_id and b.state in ('active', 'ramping')
                      order by b.mailbox_id limit 1) s
 cross join lateral (select b.address from app.mailbox b
                       join app.inbox i on i.tenant_id = b.tenant_id and i.inbox_id = b.inbox_id and i.retired_at is null
                      where b.tenant_id = d.tenant_id and b.state <> 'retired'
                      order by b.domain_id = d.domain_id, b.mailbox_id = s.mailbox_id, b.mailbox_id limit 1) r
  left join lateral (select x.week, x.attempt, x.begun_at, x.findings, x.verdict,
                            x.verdict is not null or x.state in ('refused', 'not_sent') as is_over
                       from app.seed_attempt x
                      where x.tenant_id = d.tenant_id and x.domain_id = d.domain_id and x.account_id = a.account_id
                      order by x.week desc, x.attempt desc limit 1) n on true
 where t.tenant_id = (select app.tenant()) and t.state = 'active'
   and (n.week is null or n.week < :week
        or n.attempt < :most and n.is_over
           and (w.seed_fault is not null and n.begun_at < clock_timestamp() - interval '20 hours'
                or (w.seed_fault is not null or n.verdict is not distinct from 'failed')
                   and n.findings is distinct from app.findings_mark(d.tenant_id, d.domain_id)))
 order by d.name, w.position;

-- name: begin
-- The intent. No row comes back where nothing may go: see SeedStore.begin.
insert into app.seed_attempt (tenant_id, domain_id, account_id, week, attempt, seed, mailbox_id, inbox_id, findings)
select t.tenant_id, d.domain_id, a.account_id, :week, :attempt, :seed, s.mailbox_id, i.inbox_id, app.findings_mark(d.tenant_id, d.domain_id)
  from app.tenant t
  join app.sending_domain d on d.tenant_id = t.tenant_id and d.name = :domain and d.state = 'active'
  join app.domain_account w on w.tenant_id = d.tenant_id and w.domain_id = d.domain_id and w.account_id = :account
  join app.provider_account a on a.account_id = w.account_id and a.breaker = 'closed'
  join app.mailbox s on s.tenant_id = t.tenant_id and s.address = :sender and s.domain_id = d.domain_id and s.state in ('active', 'ramping')
  join app.mailbox r on r.tenant_id = t.tenant_id and r.address = :recipient and r.state <> 'retired'
  join app.inbox i on i.tenant_id = r.tenant_id and i.inbox_id = r.inbox_id and i.retired_at is null
 where t.tenant_id = (select app.tenant()) and t.state = 'active' and (select number from app.epoch) = :epoch
   and not exists (select from app.account_hold h where h.account_id = a.account_id and h.released_at is null
                      and app.hold_factor(h, (select app.now())) = 0)
on conflict do nothing
returning seed;

-- name: end
-- What came of the call.
update app.seed_attempt set state = :state, answer = :answer, ended_at = clock_timestamp()
 where tenant_id = (select app.tenant()) and seed = :seed and state = 'begun';

-- name: doubt
-- A process that ended between intent and answer leaves a doubt, and no second call.
update app.seed_attempt set state = 'in_doubt', answer = 'no answer was written down', ended_at = clock_timestamp()
 where tenant_id = (select app.tenant()) and state = 'begun' and begun_at < clock_timestamp() - interval '1 hour';

-- name: waiting
-- Seeds that may have been sent; late when their inbox was read to its end hours after and did not hold them.
select x.seed, coalesce(i.last_complete_read > x.begun_at + interval '6 hours', false) as late
  from app.seed_attempt x
  join app.inbox i on i.tenant_id = x.tenant_id and i.inbox_id = x.inbox_id
 where x.tenant_id = (select app.tenant()) and x.verdict is null and x.state in ('accepted', 'in_doubt')
 order by x.begun_at;

-- name: own_mail
-- Own mail since the oldest waiting seed, in the inboxes that wait for one.
select m.object_key, m.folder, i.authserv_ids
  from app.inbound_message m
  join app.inbox i on i.tenant_id = m.tenant_id and i.inbox_id = m.inbox_id
 where m.tenant_id = (select app.tenant()) and m.park_reason = 'own_mail'
   and exists (select from app.seed_attempt x where x.tenant_id = m.tenant_id and x.inbox_id = m.inbox_id and x.verdict is null
                  and x.state in ('accepted', 'in_doubt') and m.recorded_at >= x.begun_at)
 order by m.inbound_id
 limit :most;

-- name: judge
-- The first judgement stands.
update app.seed_attempt set verdict = :verdict, folder = :folder, checks = cast(:checks as jsonb), judged_at = clock_timestamp()
 where tenant_id = (select app.tenant()) and seed = :seed and verdict is null;

-- name: standings
-- The newest judgement of each way to send.
select distinct on (d.name, a.name) d.name as domain, a.name as account, x.week, x.verdict, x.folder, x.checks
  from app.seed_attempt x
  join app.sending_domain d on d.tenant_id = x.tenant_id and d.domain_id = x.domain_id and d.state = 'active'
  join app.provider_account a on a.account_id = x.account_id
 where x.tenant_id = (select app.tenant()) and x.verdict is not null and x.week >= :since
 order by d.name, a.name, x.week desc, x.attempt desc;

-- name: shown
-- What seeds of late showed, of each way to send.
select d.name as domain, a.name as account, x.begun_at, x.checks
  from app.seed_attempt x
  join app.sending_domain d on d.tenant_id = x.tenant_id and d.domain_id = x.domain_id
  join app.provider_account a on a.account_id = x.account_id
 where x.tenant_id = (select app.tenant()) and x.verdict is not null and x.begun_at > clock_timestamp() - cast(:believed_for as interval)
 order by x.begun_at;

-- name: news_moment
-- Policy time for all news of one look, never that of other news: people are told by moment, each once.
select greatest((select app.now()), max(seen_at) + interval '1 microsecond') from app.dns_news where tenant_id = (select app.tenant());

-- name: lift
-- Ways that seeds refute no more are what the newest audit left them, which its belief tells; news where that is ready.
with lifted as (
update app.domain_account r
   set seed_fault = null, seed_fault_until = null,
       definite_state = case r.standing #>> '{state,is}' when 'ready' then 'ready' when 'not_ready' then 'not_ready' end,
       definite_at = case when r.standing #>> '{state,is}' in ('ready', 'not_ready') then cast(r.standing ->> 'confirmed_at' as timestamptz) end
  from app.sending_domain d, app.provider_account a
 where r.tenant_id = (select app.tenant()) and d.tenant_id = r.tenant_id and d.domain_id = r.domain_id and a.account_id = r.account_id
   and r.seed_fault is not null
   and not exists (select from unnest(cast(:domains as text[]), cast(:accounts as text[])) as kept (domain, account)
                    where kept.domain = d.name and kept.account = a.name)
returning r.tenant_id, r.domain_id, a.name as account, r.definite_state),
told as (
insert into app.dns_news (tenant_id, domain_id, day, seen_at, kind, subject, sentence)
select tenant_id, domain_id, cast(cast(:seen_at as timestamptz) at time zone 'UTC' as date), :seen_at, 'ready_again', account, :sentence
  from lifted where definite_state = 'ready')
select count(*) from lifted;

-- name: refute
-- Seeds showed that mail of this way does not arrive as it must: whatever its DNS says, it is not ready. News where it was not so before.
with way as (
select r.tenant_id, r.domain_id, r.account_id, a.name as account, r.definite_state
  from app.domain_account r
  join app.sending_domain d on d.tenant_id = r.tenant_id and d.domain_id = r.domain_id
  join app.provider_account a on a.account_id = r.account_id
 where r.tenant_id = (select app.tenant()) and d.name = :domain and a.name = :account
   for update of r),
refuted as (
update app.domain_account r
   set seed_fault = :fault, seed_fault_until = :until, definite_state = 'not_ready', definite_at = :shown_at
  from way
 where r.tenant_id = way.tenant_id and r.domain_id = way.domain_id and r.account_id = way.account_id
returning r.domain_id),
told as (
insert into app.dns_news (tenant_id, domain_id, day, seen_at, kind, subject, sentence)
select tenant_id, domain_id, cast(cast(:seen_at as timestamptz) at time zone 'UTC' as date), :seen_at, 'not_ready', account, :fault
  from way where definite_state is distinct from 'not_ready')
select count(*) from refuted;

-- name: waiting_tenants
-- Tenants with seeds that may have arrived, or with a way that seeds stopped and a new audit; seen by ops.
select x.tenant_id from app.seed_attempt x
 where x.verdict is null and x.state in ('accepted', 'in_doubt') and x.begun_at > clock_timestamp() - interval '2 days'
union
select r.tenant_id
  from app.domain_account r
  join app.dns_audit n on n.tenant_id = r.tenant_id and n.domain_id = r.domain_id
 where r.seed_fault is not null and n.audited_at > clock_timestamp() - interval '1 hour';

-- name: authentication
-- How mail of each way was seen: by seeds, one a check, and by receivers who report, one a message.
select d.name as domain, a.name as account, 'seed' as source, c.value ->> 'check' as mechanism,
       case c.value ->> 'passed' when 'yes' then 'pass' when 'no' then 'fail' else 'unknown' end as result, count(*) as messages
  from app.seed_attempt x
  join app.sending_domain d on d.tenant_id = x.tenant_id and d.domain_id = x.domain_id
  join app.provider_account a on a.account_id = x.account_id
 cross join jsonb_array_elements(x.checks) c
 where x.tenant_id = (select app.tenant()) and x.verdict in ('passed', 'failed')
   and cast(x.begun_at at time zone 'UTC' as date) between :since and :until
   and c.value ->> 'check' in ('dkim', 'dkim_aligned', 'spf_aligned')
 group by 1, 2, 3, 4, 5
union all
select d.name, r.account, 'report', m.mechanism, case when m.aligned then 'pass' else 'fail' end, cast(sum(r.messages) as bigint)
  from app.mail_report_row r
  join app.sending_domain d on d.tenant_id = r.tenant_id and d.domain_id = r.domain_id
 cross join lateral (values ('dkim_aligned', r.dkim_aligned), ('spf_aligned', r.spf_aligned)) as m (mechanism, aligned)
 where r.tenant_id = (select app.tenant()) and r.day between :since and :until and r.stream in ('own', 'own_unaligned', 'own_broken')
 group by 1, 2, 3, 4, 5
 order by 1, 2 nulls last, 3, 4, 5;
