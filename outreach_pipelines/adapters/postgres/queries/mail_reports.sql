-- name: known_files
-- Files that were read.
select name, etag from app.mail_report_file where tenant_id = (select app.tenant());

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
    envelope_from text, dkim jsonb, spf jsonb, overrides text[], stream text, account text
) on commit drop;

-- name: add_rows
-- The staged rows of one report.
insert into app.mail_report_row (tenant_id, mail_report_id, position, domain_id, day, source_ip, messages, disposition, dkim_aligned, spf_aligned,
                                 header_from, envelope_from, dkim, spf, overrides, stream, account)
select (select app.tenant()), :report, position, :domain_id, :day, source_ip, messages, disposition, dkim_aligned, spf_aligned,
       header_from, envelope_from, dkim, spf, overrides, stream, account
  from mail_report_stage;

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
-- Who else sends as us: addresses that nothing shows to be ours, the most messages first.
with row as (
    select d.name as domain, r.*, m.reporter
      from app.mail_report_row r
      join app.mail_report m on m.tenant_id = r.tenant_id and m.mail_report_id = r.mail_report_id
      join app.sending_domain d on d.tenant_id = r.tenant_id and d.domain_id = r.domain_id
     where r.tenant_id = (select app.tenant()) and r.day between :since and :until and r.stream = 'stranger'
)
select row.domain, host(row.source_ip) as source, cast(sum(row.messages) as bigint) as messages,
       cast(coalesce(sum(row.messages) filter (where row.disposition in ('quarantine', 'reject')), 0) as bigint) as refused,
       array_agg(distinct row.reporter) as reporters, max(row.day) as last_day,
       (select coalesce(array_agg(distinct passed.domain), '{}')
          from row again
         cross join lateral (select x ->> 0 as domain from jsonb_array_elements(again.dkim || again.spf) x where x ->> 2 = 'pass') passed
         where again.domain = row.domain and again.source_ip is not distinct from row.source_ip) as authenticated_as
  from row
 group by row.domain, row.source_ip
 order by messages desc, row.domain, source
 limit :most;

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
