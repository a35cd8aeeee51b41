-- name: known_files
-- Files that were read. Mail of inboxes is left out where it is listed.
select name, etag from app.mail_report_file where tenant_id = (select app.tenant()) and not starts_with(name, :prefix);

-- name: forget_inbox_mail
-- Mail that was looked into is not listed any more after two weeks, so nothing has to remember it.
delete from app.mail_report_file where tenant_id = (select app.tenant()) and starts_with(name, :prefix) and read_at < clock_timestamp() - interval '30 days';

-- name: parked_mail
-- Mail that no send was found for, of late: reports come by mail. Kept raw by its hash, so its name is its content.
select distinct m.object_key from app.inbound_message m
 where m.tenant_id = (select app.tenant()) and not m.routed and m.park_reason <> 'own_mail' and m.recorded_at > clock_timestamp() - interval '14 days'
   and not exists (select from app.mail_report_file f where f.tenant_id = m.tenant_id and f.name = :prefix || m.object_key)
 order by m.object_key
 limit :most;

-- name: add_file
-- A file that was read, with what in it could not be.
insert into app.mail_report_file (tenant_id, name, etag, reports, faults)
values ((select app.tenant()), :name, :etag, :reports, :faults) on conflict do nothing;

-- name: add_report
-- A report; no row comes back for one that is known.
insert into app.mail_report (tenant_id, domain_id, kind, day, policy_domain, reporter, contact, report_ref, begins_at, ends_at, published, remarks)
select d.tenant_id, d.domain_id, :kind, :day, :policy_domain, :reporter, :contact, :report_ref, :begins_at, :ends_at, cast(:published as jsonb), :remarks
  from app.sending_domain d where d.tenant_id = (select app.tenant()) and d.name = :domain
on conflict on constraint mail_report_once do nothing
returning mail_report_id, domain_id;

-- name: stage
-- Where rows of a report are copied to.
create temporary table if not exists mail_report_stage (
    position integer, source_ip inet, messages bigint, disposition text, dkim_aligned boolean, spf_aligned boolean, header_from text,
    envelope_from text, dkim jsonb, spf jsonb, overrides text[], stream text, account text, domain text
) on commit drop;

-- name: add_rows
-- The staged rows of one report, each of the domain in whose name it is.
insert into app.mail_report_row (tenant_id, mail_report_id, position, domain_id, day, source_ip, messages, disposition, dkim_aligned, spf_aligned,
                                 header_from, envelope_from, dkim, spf, overrides, stream, account)
select (select app.tenant()), :report, s.position, coalesce(d.domain_id, :domain_id), :day, s.source_ip, s.messages, s.disposition, s.dkim_aligned,
       s.spf_aligned, s.header_from, s.envelope_from, s.dkim, s.spf, s.overrides, s.stream, s.account
  from mail_report_stage s
  left join app.sending_domain d on d.tenant_id = (select app.tenant()) and d.name = s.domain;

-- name: clear_stage
-- For the next report of the same transaction.
truncate mail_report_stage;

-- name: add_tls_row
-- How sessions under one policy fared.
insert into app.tls_report_row (tenant_id, mail_report_id, position, policy_type, sessions, failed_sessions, failures)
values ((select app.tenant()), :report, :position, :policy_type, :sessions, :failed_sessions, cast(:failures as jsonb));

-- name: own_streams
-- Messages by domain and account as receivers saw them; which of these streams fail alignment is judged from the counts.
select d.name as domain, r.account, cast(sum(r.messages) as bigint) as messages,
       cast(coalesce(sum(r.messages) filter (where r.dkim_aligned), 0) as bigint) as dkim_aligned,
       cast(coalesce(sum(r.messages) filter (where r.spf_aligned), 0) as bigint) as spf_aligned,
       cast(coalesce(sum(r.messages) filter (where r.stream = 'own_unaligned'), 0) as bigint) as unaligned,
       cast(coalesce(sum(r.messages) filter (where r.stream = 'own_broken'), 0) as bigint) as broken
  from app.mail_report_row r
  join app.sending_domain d on d.tenant_id = r.tenant_id and d.domain_id = r.domain_id
 where r.tenant_id = (select app.tenant()) and r.day between :since and :until and r.stream in ('own', 'own_unaligned', 'own_broken')
 group by d.name, r.account
 order by d.name, r.account;

-- name: strangers
-- Who else sends as us: addresses that nothing shows to be ours, the most messages first. What they authenticate as is unpacked for those shown.
with strange as (
    select r.* from app.mail_report_row r
     where r.tenant_id = (select app.tenant()) and r.day between :since and :until and r.stream = 'stranger'
), most as materialized (
    select domain_id, source_ip, sum(messages) as messages, coalesce(sum(messages) filter (where disposition in ('quarantine', 'reject')), 0) as refused,
           max(day) as last_day
      from strange
     group by domain_id, source_ip
     order by messages desc, domain_id, source_ip
     limit :most
)
select d.name as domain, host(most.source_ip) as source, cast(most.messages as bigint) as messages, cast(most.refused as bigint) as refused,
       most.last_day, array_agg(distinct m.reporter) as reporters,
       coalesce(array_agg(distinct passed.domain) filter (where passed.domain is not null), '{}') as authenticated_as
  from most
  join strange r on r.domain_id = most.domain_id and r.source_ip is not distinct from most.source_ip
  join app.mail_report m on m.tenant_id = r.tenant_id and m.mail_report_id = r.mail_report_id
  join app.sending_domain d on d.tenant_id = r.tenant_id and d.domain_id = r.domain_id
  left join lateral (select x ->> 0 as domain from jsonb_array_elements(r.dkim || r.spf) x where x ->> 2 = 'pass') passed on true
 group by d.name, most.domain_id, most.source_ip, most.messages, most.refused, most.last_day
 order by most.messages desc, d.name, source;

-- name: balances
-- What receivers report as ours beside what was accepted on the same days.
select d.name as domain,
       coalesce((select cast(sum(r.messages) as bigint) from app.mail_report_row r
                  where r.tenant_id = d.tenant_id and r.domain_id = d.domain_id and r.day between :since and :until
                    and r.stream in ('own', 'own_unaligned', 'own_broken')), 0) as reported_own,
       (select count(*) from app.send_attempt a
         where a.tenant_id = d.tenant_id and a.domain_id = d.domain_id and a.outcome in ('accepted', 'accepted_twice')
           and a.plan_day between cast(:since as date) - 2 and cast(:until as date) + 2
           and cast(a.begun_policy_at at time zone 'UTC' as date) between :since and :until) as sent
  from app.sending_domain d
 where d.tenant_id = (select app.tenant())
   and exists (select from app.mail_report m where m.tenant_id = d.tenant_id and m.domain_id = d.domain_id and m.day between :since and :until)
 order by d.name;

-- name: tls_sessions
-- How sessions of others to our mail hosts fared, by domain and kind of policy, with what failed.
select d.name as domain, r.policy_type, cast(sum(r.sessions) as bigint) as sessions, cast(sum(r.failed_sessions) as bigint) as failed_sessions,
       array(select distinct x ->> 'result' from app.tls_report_row f
               join app.mail_report n on n.tenant_id = f.tenant_id and n.mail_report_id = f.mail_report_id
              cross join jsonb_array_elements(f.failures) x
              where n.tenant_id = d.tenant_id and n.domain_id = d.domain_id and n.day between :since and :until and f.policy_type = r.policy_type
              order by 1 limit 20) as results
  from app.mail_report m
  join app.tls_report_row r on r.tenant_id = m.tenant_id and r.mail_report_id = m.mail_report_id
  join app.sending_domain d on d.tenant_id = m.tenant_id and d.domain_id = m.domain_id
 where m.tenant_id = (select app.tenant()) and m.day between :since and :until
 group by d.tenant_id, d.domain_id, d.name, r.policy_type
 order by d.name, r.policy_type;
