-- name: due
-- Ways to send without a seed of the week, each with a mailbox to write from and another one of the tenant's to write to.
select d.name as domain, a.account_id, a.name as account, s.address as sender, s.display_name, r.address as recipient, t.unsubscribe_host
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
 where t.tenant_id = (select app.tenant()) and t.state = 'active'
   and not exists (select from app.seed_attempt x
                    where x.tenant_id = d.tenant_id and x.domain_id = d.domain_id and x.account_id = a.account_id and x.week = :week)
 order by d.name, w.position;

-- name: begin
-- The intent. No row comes back where nothing may go: see SeedStore.begin.
insert into app.seed_attempt (tenant_id, domain_id, account_id, week, seed, mailbox_id, inbox_id)
select t.tenant_id, d.domain_id, a.account_id, :week, :seed, s.mailbox_id, i.inbox_id
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
select m.object_key, m.folder
  from app.inbound_message m
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
-- The newest judgement of each way to send; how the DKIM and SPF checks of all of them came out.
select distinct on (d.name, a.name) d.name as domain, a.name as account, x.week, x.verdict, x.folder, x.checks
  from app.seed_attempt x
  join app.sending_domain d on d.tenant_id = x.tenant_id and d.domain_id = x.domain_id and d.state = 'active'
  join app.provider_account a on a.account_id = x.account_id
 where x.tenant_id = (select app.tenant()) and x.verdict is not null and x.week >= :since
 order by d.name, a.name, x.week desc;
