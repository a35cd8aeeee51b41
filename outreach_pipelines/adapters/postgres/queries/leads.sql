-- name: knows_file
-- Whether these octets were applied, under any name.
select exists (select from app.lead_file where tenant_id = (select app.tenant()) and sha256 = :sha256);

-- name: slug
-- The tenant's name, which its keys and its folders follow from.
select slug from app.tenant_directory where id = (select app.tenant());

-- name: stage_records
-- COPY cannot write to tables under row-level security. A row is a lead, or a refusal with its reason.
create temporary table record_stage (
    line integer, reason text, detail text, raw text,
    address text, address_hmac bytea, domain_hmac bytea, global_hmac bytea, first_name text, last_name text, company text, country text, zone text,
    basis text, basis_evidence text, basis_source text, fields jsonb) on commit drop;

-- name: expect_many_rows
-- Tables just filled have no statistics, and a nested loop chosen for their supposed few rows takes time by the square of the real ones.
set local enable_nestloop = off;

-- name: lock_import
-- One file of a tenant at a time is written, so that two imports wait instead of blocking each other.
select pg_advisory_xact_lock(app.lock_key('lead_import', (select app.tenant())::text));

-- name: newest_lead
-- Under the lock, every lead that comes has a higher number.
select coalesce(max(lead_id), 0) from app.lead where tenant_id = (select app.tenant());

-- name: insert_leads
-- New persons; erased ones are known and stay erased.
insert into app.lead (tenant_id, address, address_hmac, domain_hmac, global_hmac, first_name, last_name, company, country, zone,
    basis, basis_evidence, basis_source, fields)
select (select app.tenant()), address, address_hmac, domain_hmac, global_hmac, first_name, last_name, company, country, zone,
       basis, basis_evidence, basis_source, fields
  from record_stage where reason is null order by line
on conflict (tenant_id, address_hmac) do nothing;

-- name: fill_leads
-- Persons known before keep what they have and gain what they had not, such as the fields that another campaign asks for.
update app.lead l
   set first_name = coalesce(l.first_name, s.first_name), last_name = coalesce(l.last_name, s.last_name),
       company = coalesce(l.company, s.company), country = coalesce(l.country, s.country), zone = coalesce(l.zone, s.zone),
       fields = l.fields || s.fields || coalesce((select jsonb_object_agg(f.key, f.value) from jsonb_each(l.fields) f where f.value <> '""'), '{}')
  from record_stage s
 where s.reason is null and l.tenant_id = (select app.tenant()) and l.address_hmac = s.address_hmac
   and l.lead_id <= :newest and l.erased_at is null
   and (exists (select from jsonb_each_text(s.fields) f
                 where coalesce(l.fields ->> f.key, '') = '' and (f.value <> '' or not jsonb_exists(l.fields, f.key)))
        or l.first_name is null and s.first_name is not null or l.last_name is null and s.last_name is not null
        or l.company is null and s.company is not null or l.country is null and s.country is not null or l.zone is null and s.zone is not null);

-- name: insert_file
-- The file with its counts, which add up to its rows.
insert into app.lead_file (tenant_id, sha256, object_key, row_count, accepted, already_known, rejected)
select (select app.tenant()), :sha256, :object_key, count(*), :accepted, count(*) filter (where reason is null) - :accepted,
       count(*) filter (where reason is not null)
  from record_stage
returning lead_file_id, already_known;

-- name: insert_sources
-- On which line of the file each person stands, and what that line shows; of an erased person, the line alone.
insert into app.lead_source (tenant_id, lead_file_id, line, lead_id, basis, basis_evidence, basis_source)
select l.tenant_id, :lead_file_id, s.line, l.lead_id, s.basis, case when l.erased_at is null then s.basis_evidence end, s.basis_source
  from record_stage s join app.lead l on l.tenant_id = (select app.tenant()) and l.address_hmac = s.address_hmac
 where s.reason is null;

-- name: insert_rejections
-- Why the other lines are no leads.
insert into app.rejected_row (tenant_id, lead_file_id, line, reason, detail, raw)
select (select app.tenant()), :lead_file_id, line, reason, detail, raw from record_stage where reason is not null;

-- name: refuse_file
-- The newest refusal of these octets.
insert into app.refused_file as r (tenant_id, sha256, object_key, line, sentence)
values ((select app.tenant()), :sha256, :object_key, :line, :sentence)
on conflict (tenant_id, sha256) do update set
    object_key = excluded.object_key, line = excluded.line, sentence = excluded.sentence, refused_at = excluded.refused_at
 where (r.line, r.sentence) is distinct from (excluded.line, excluded.sentence);

-- name: refusals
-- Files that were refused, and not applied since.
select r.object_key, r.sha256, r.line, r.sentence from app.refused_file r
 where r.tenant_id = (select app.tenant())
   and not exists (select from app.lead_file f where f.tenant_id = r.tenant_id and f.sha256 = r.sha256)
 order by r.object_key;

-- name: active_campaigns
-- Campaigns that take leads in.
select campaign_id, name, lead_files, lead_where from app.campaign
 where tenant_id = (select app.tenant()) and state = 'active' order by priority, campaign_id;

-- name: lead_files
-- Applied files with their keys in the object store.
select lead_file_id, object_key from app.lead_file where tenant_id = (select app.tenant()) order by lead_file_id;

-- name: not_enrolled
-- Leads of these files that this campaign never had.
select l.lead_id, l.address, l.first_name, l.last_name, l.company, l.country, l.zone, l.basis, l.basis_evidence, l.basis_source, l.fields
  from app.lead l
 where l.tenant_id = (select app.tenant()) and l.erased_at is null
   and exists (select from app.lead_source s where s.tenant_id = l.tenant_id and s.lead_id = l.lead_id and s.lead_file_id = any (:lead_files))
   and not exists (select from app.enrollment e where e.tenant_id = l.tenant_id and e.lead_id = l.lead_id and e.campaign_id = :campaign_id)
 order by l.lead_id;

-- name: stage_enrollments
-- COPY cannot write to tables under row-level security.
create temporary table enrollment_stage (lead_id bigint) on commit drop;

-- name: insert_enrollments
-- Round 1, step 1, due as soon as a plan has room. A person erased meanwhile is left out.
insert into app.enrollment (tenant_id, lead_id, campaign_id)
select l.tenant_id, l.lead_id, :campaign_id
  from enrollment_stage s join app.lead l on l.tenant_id = (select app.tenant()) and l.lead_id = s.lead_id and l.erased_at is null
 order by l.lead_id
on conflict (tenant_id, lead_id, campaign_id, round) do nothing;

-- name: unresolved_domains
-- Mail domains of leads that nobody could yet say anything certain about, and, after a week, those that took no mail.
select distinct split_part(address, '@', 2) as domain from app.lead
 where tenant_id = (select app.tenant()) and address is not null
   and (provider_checked_at is null or (undeliverable is not null and provider_checked_at < clock_timestamp() - interval '7 days'))
 order by 1;

-- name: tenants_to_look_up
-- Tenants with such domains.
select d.id as tenant_id from app.tenant_directory d
 where exists (select from app.lead l
                where l.tenant_id = d.id and l.erased_at is null
                  and (l.provider_checked_at is null or (l.undeliverable is not null and l.provider_checked_at < clock_timestamp() - interval '7 days')));

-- name: stage_domains
-- COPY cannot write to tables under row-level security.
create temporary table domain_stage (domain text primary key, recipient_provider text, undeliverable text) on commit drop;

-- name: analyze_domains
-- A stage has no statistics, and without them its join would look through all leads for each row.
analyze domain_stage;

-- name: save_domains
-- What is known of each domain holds for all its people. Messages of released plans keep the provider they were planned for.
update app.lead l set recipient_provider = s.recipient_provider, undeliverable = s.undeliverable, provider_checked_at = clock_timestamp()
  from domain_stage s
 where l.tenant_id = (select app.tenant()) and split_part(l.address, '@', 2) = s.domain
   and (l.provider_checked_at is null or l.undeliverable is not null);
