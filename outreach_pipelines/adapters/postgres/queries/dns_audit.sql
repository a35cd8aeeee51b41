-- name: targets
-- Domains in use with the accounts they send through.
select d.name, d.pool, d.direction, d.region, d.tracking_host, d.dkim_selectors, d.mail_from,
       (select jsonb_agg(jsonb_build_object('name', a.name, 'kind', a.kind, 'settings', a.settings, 'allowed_basis', a.allowed_basis,
                                            'addresses', s.sending_addresses) order by r.position)
          from app.domain_account r join app.provider_account a on a.account_id = r.account_id
          left join app.provider_account_share s on s.tenant_id = r.tenant_id and s.account_id = r.account_id
         where r.tenant_id = d.tenant_id and r.domain_id = d.domain_id) as accounts
  from app.sending_domain d
 where d.tenant_id = (select app.tenant()) and d.state <> 'retired'
 order by d.name;

-- name: audit_policy
-- What the tenant asks of its audit; no row for one that was loaded before there was anything to ask.
select reports_to, blocklists, also, cloudflare_token, probe_recipients from app.audit_policy where tenant_id = (select app.tenant());

-- name: unaudited_tenants
-- Tenants with a domain in use, or a way to send through one, that no audit has looked at, or none for so long that two of the schedule's
-- were missed, or whose latest, more than 70 minutes ago, saw a fault that is to be confirmed (resolvers commonly keep a denial for an
-- hour: asked sooner, both answers may be one); seen by ops.
select distinct d.tenant_id
  from app.sending_domain d
 where d.state <> 'retired'
   and (not exists (select from app.dns_audit x where x.tenant_id = d.tenant_id and x.domain_id = d.domain_id
                      and x.audited_at > (select app.now()) - interval '13 hours')
        or exists (select from app.domain_account r where r.tenant_id = d.tenant_id and r.domain_id = d.domain_id and r.standing is null)
        or exists (select from app.domain_account r
                     join lateral (select max(x.audited_at) as audited_at from app.dns_audit x
                                    where x.tenant_id = r.tenant_id and x.domain_id = r.domain_id) x on true
                    where r.tenant_id = d.tenant_id and r.domain_id = d.domain_id and x.audited_at < (select app.now()) - interval '70 minutes'
                      and cast(r.standing #>> '{suspicion,at}' as timestamptz) > x.audited_at - interval '30 minutes'));

-- name: standings
-- What is believed of each way to send, if it was ever audited.
select d.name as domain, a.name as account, r.standing
  from app.domain_account r
  join app.sending_domain d on d.tenant_id = r.tenant_id and d.domain_id = r.domain_id
  join app.provider_account a on a.account_id = r.account_id
 where r.tenant_id = (select app.tenant()) and r.standing is not null;

-- name: drop_audit
-- A second audit of a day takes the first one's place, with its findings.
delete from app.dns_audit x using app.sending_domain d
 where x.tenant_id = (select app.tenant()) and x.day = :day and d.tenant_id = x.tenant_id and d.domain_id = x.domain_id and d.name = :domain;

-- name: add_audit
-- What the day's audit of a domain came to.
insert into app.dns_audit (tenant_id, domain_id, day, audited_at, score, queries, unanswered)
select tenant_id, domain_id, :day, (select app.now()), :score, :queries, :unanswered
  from app.sending_domain where tenant_id = (select app.tenant()) and name = :domain;

-- name: add_finding
-- A fault with the records that mend it.
insert into app.dns_finding (tenant_id, domain_id, day, position, check_name, fault, severity, name, evidence, stops, publish, withdraw)
select tenant_id, domain_id, :day, :position, :check_name, :fault, :severity, :name, :evidence, :stops, :publish, :withdraw
  from app.sending_domain where tenant_id = (select app.tenant()) and name = :domain;

-- name: seed_faults_over
-- News of a way that only an old seed stopped, which is believed no more: `settle` ends it.
insert into app.dns_news (tenant_id, domain_id, day, seen_at, kind, subject, sentence)
select r.tenant_id, r.domain_id, :day, :now, 'ready_again', a.name, :sentence
  from app.domain_account r
  join app.sending_domain d on d.tenant_id = r.tenant_id and d.domain_id = r.domain_id
  join app.provider_account a on a.account_id = r.account_id
 where r.tenant_id = (select app.tenant()) and d.name = :domain and a.name = :account
   and r.seed_fault_until <= clock_timestamp() and r.standing #>> '{state,is}' = 'ready' and :definite_state = 'ready';

-- name: settle
-- What was seen and what is believed of a way to send, which stays not ready where seeds refuted it; nothing when the domain lost the account meanwhile.
update app.domain_account r
   set state = :state, reason = :reason, standing = cast(:standing as jsonb),
       definite_state = case when r.seed_fault_until > clock_timestamp() then 'not_ready' else :definite_state end,
       definite_at = case when r.seed_fault_until > clock_timestamp() then r.definite_at else cast(:definite_at as timestamptz) end,
       seed_fault = case when r.seed_fault_until > clock_timestamp() then r.seed_fault end,
       seed_fault_until = case when r.seed_fault_until > clock_timestamp() then r.seed_fault_until end
  from app.sending_domain d, app.provider_account a
 where r.tenant_id = (select app.tenant()) and d.tenant_id = r.tenant_id and d.domain_id = r.domain_id and a.account_id = r.account_id
   and d.name = :domain and a.name = :account;

-- name: memories
-- What the next audit compares with.
select d.name, m.answers, m.alarms, m.words, m.audits
  from app.dns_memory m join app.sending_domain d on d.tenant_id = m.tenant_id and d.domain_id = m.domain_id
 where m.tenant_id = (select app.tenant()) and d.state <> 'retired';

-- name: remember
-- The last definite answers and words of providers, and which grave faults were seen or told. No row where another audit was kept since
-- `audits` of them were read.
insert into app.dns_memory as m (tenant_id, domain_id, answers, alarms, words, audits, kept_at)
select tenant_id, domain_id, :answers, cast(:alarms as jsonb), cast(:words as jsonb), cast(:audits as bigint) + 1, :now
  from app.sending_domain where tenant_id = (select app.tenant()) and name = :domain
on conflict (tenant_id, domain_id) do update
   set answers = excluded.answers, alarms = excluded.alarms, words = excluded.words, audits = excluded.audits, kept_at = excluded.kept_at
 where m.audits = excluded.audits - 1;

-- name: add_news
-- A change between two audits. What seeds still stop is not ready again.
insert into app.dns_news (tenant_id, domain_id, day, seen_at, kind, subject, sentence, gone, come)
select d.tenant_id, d.domain_id, :day, :now, :kind, :subject, :sentence, :gone, :come
  from app.sending_domain d where d.tenant_id = (select app.tenant()) and d.name = :domain
   and not (:kind = 'ready_again' and exists (
       select from app.domain_account r join app.provider_account a on a.account_id = r.account_id
        where r.tenant_id = d.tenant_id and r.domain_id = d.domain_id and a.name = :subject and r.seed_fault is not null));
