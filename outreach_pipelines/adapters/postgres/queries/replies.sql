-- name: inboxes_in_use
-- How each inbox is reached and how far it was read, the longest unread first; asked_at is taken before anything is read.
select i.inbox_id, i.name, i.host, i.port, i.tls, i.username, i.secret_ref, i.tokens, clock_timestamp() as asked_at,
       coalesce(i.rests_until > clock_timestamp(), false) as resting,
       coalesce((select jsonb_agg(jsonb_build_object('folder', c.folder, 'uid_validity', c.uid_validity, 'last_uid', c.last_uid) order by c.folder)
                   from app.imap_cursor c where c.tenant_id = i.tenant_id and c.inbox_id = i.inbox_id), '[]') as cursors
  from app.inbox i
 where i.tenant_id = (select app.tenant()) and i.retired_at is null
 order by greatest(i.last_complete_read, i.last_error_at) nulls first, i.inbox_id;

-- name: own_addresses
-- All mailboxes, retired ones too: their copies still lie about.
select address from app.mailbox where tenant_id = (select app.tenant());

-- name: sends_of_tags
-- Attempts that began, by what their tags say; and by the tag itself where the message rows are gone and the thread stays.
select t.tag, a.plan_day, a.message_id, a.attempt, m.enrollment_id, m.mailbox_id, l.address
  from unnest(cast(:tags as text[]), cast(:plan_days as date[]), cast(:message_ids as bigint[]), cast(:attempts as smallint[]))
         as t (tag, plan_day, message_id, attempt)
  join app.send_attempt a on a.tenant_id = (select app.tenant()) and a.plan_day = t.plan_day and a.message_id = t.message_id and a.attempt = t.attempt
  join app.message m on m.tenant_id = a.tenant_id and m.plan_day = a.plan_day and m.message_id = a.message_id
  join app.lead l on l.tenant_id = m.tenant_id and l.lead_id = m.lead_id
union all
select r.tag, r.plan_day, r.message_id, t.attempt, r.enrollment_id, e.mailbox_id, l.address
  from unnest(cast(:tags as text[]), cast(:attempts as smallint[])) as t (tag, attempt)
  join app.thread_root r on r.tenant_id = (select app.tenant()) and r.tag = t.tag
  join app.enrollment e on e.tenant_id = r.tenant_id and e.enrollment_id = r.enrollment_id
  join app.lead l on l.tenant_id = e.tenant_id and l.lead_id = e.lead_id
 where not exists (select from app.send_attempt a
                    where a.tenant_id = r.tenant_id and a.plan_day = r.plan_day and a.message_id = r.message_id and a.attempt = t.attempt);

-- name: sends_of_wire_ids
-- Messages by the Message-ID under which they travelled: SES gives its own in place of ours.
select r.wire_message_id, r.plan_day, r.message_id, coalesce(a.attempt, 1) as attempt, r.enrollment_id, coalesce(a.mailbox_id, e.mailbox_id) as mailbox_id,
       l.address
  from app.thread_root r
  join app.enrollment e on e.tenant_id = r.tenant_id and e.enrollment_id = r.enrollment_id
  join app.lead l on l.tenant_id = e.tenant_id and l.lead_id = e.lead_id
  left join app.send_attempt a on a.tenant_id = r.tenant_id and a.plan_day = r.plan_day and a.message_id = r.message_id and a.tag = r.tag
 where r.tenant_id = (select app.tenant()) and r.wire_message_id = any (:wire_ids);

-- name: keep_inbound
-- Once for an inbox, whichever folder or UID it is met under. In one order always, so that two syncs wait for each other in no circle.
insert into app.inbound_message (tenant_id, inbox_id, folder, uid_validity, uid, dedupe_key, class, routed, park_reason, wire_ids, plan_day, message_id,
                                 enrollment_id, mailbox_id, reply_text, out_of_office_until, confidence, evidence, review, object_key, received_at)
select (select app.tenant()), r.inbox_id, r.folder, r.uid_validity, r.uid, r.dedupe_key, r.class, r.routed, r.park_reason, r.wire_ids, r.plan_day, r.message_id,
       r.enrollment_id, r.mailbox_id, r.reply_text, r.out_of_office_until, r.confidence, r.evidence, r.review, r.object_key, r.received_at
  from jsonb_to_recordset(cast(:rows as jsonb)) as r (
       inbox_id bigint, folder text, uid_validity bigint, uid bigint, dedupe_key text, class text, routed boolean, park_reason text, wire_ids text[], plan_day date,
       message_id bigint, enrollment_id bigint, mailbox_id bigint, reply_text text, out_of_office_until date, confidence text, evidence text, review text,
       object_key text, received_at timestamptz)
 order by r.inbox_id, r.dedupe_key
on conflict (tenant_id, inbox_id, dedupe_key) do nothing
returning inbox_id, dedupe_key;

-- name: untied_with_thread
-- Mails parked within three days whose thread became known since: evidence of a send in doubt came later than the answer to it.
select i.inbound_id, i.uid, i.received_at, i.object_key
  from app.inbound_message i
 where i.tenant_id = (select app.tenant()) and i.park_reason = 'untied' and i.recorded_at > clock_timestamp() - interval '3 days'
   and exists (select from app.thread_root r where r.tenant_id = i.tenant_id and r.wire_message_id = any (i.wire_ids))
 order by i.inbound_id limit 100;

-- name: unpark
-- Once: who finds it routed already changes nothing, and a person's verdict stands.
update app.inbound_message
   set routed = true, park_reason = null, class = :class, plan_day = :plan_day, message_id = :message_id, enrollment_id = :enrollment_id,
       mailbox_id = :mailbox_id, out_of_office_until = :out_of_office_until, review = :review
 where tenant_id = (select app.tenant()) and inbound_id = :inbound_id and park_reason = 'untied' and reviewed_at is null;

-- name: add_events
-- News of sends waits for record_events.
insert into app.event_inbox (tenant_id, source, dedupe_key, kind, occurred_at, plan_day, message_id, attempt, body)
select (select app.tenant()), 'imap', r.dedupe_key, r.kind, r.occurred_at, r.plan_day, r.message_id, r.attempt, r.body
  from jsonb_to_recordset(cast(:rows as jsonb)) as r (dedupe_key text, kind text, occurred_at timestamptz, plan_day date, message_id bigint, attempt smallint, body jsonb);

-- name: move_cursors
-- Forward only, unless the folder's UIDs were given anew.
insert into app.imap_cursor as c (tenant_id, inbox_id, folder, uid_validity, last_uid)
select (select app.tenant()), r.inbox_id, r.folder, r.uid_validity, r.last_uid
  from jsonb_to_recordset(cast(:rows as jsonb)) as r (inbox_id bigint, folder text, uid_validity bigint, last_uid bigint)
 order by r.inbox_id, r.folder
on conflict (tenant_id, inbox_id, folder) do update
   set uid_validity = excluded.uid_validity,
       last_uid = case when c.uid_validity = excluded.uid_validity then greatest(c.last_uid, excluded.last_uid) else excluded.last_uid end;

-- name: complete_reads
-- Machine time at which the read began, since mail that came during it may have been missed.
with mine as (
    select i.inbox_id, r.asked_at
      from jsonb_to_recordset(cast(:rows as jsonb)) as r (inbox_id bigint, asked_at timestamptz)
      join app.inbox i on i.tenant_id = (select app.tenant()) and i.inbox_id = r.inbox_id
     order by i.inbox_id for update of i)
update app.inbox i set last_complete_read = greatest(i.last_complete_read, mine.asked_at), last_error = null, failures = 0, rests_until = null
  from mine where i.tenant_id = (select app.tenant()) and i.inbox_id = mine.inbox_id;

-- name: prove_smtp_accounts
-- Bounces go to bounce+TAG at the mailbox's domain: an account is proven where one of these inboxes receives that address.
select app.prove_account(p.account_id)
  from (select p.account_id
          from app.provider_account p
         where p.kind = 'smtp'
           and exists (select from app.mailbox b
                         join app.sending_domain d on d.tenant_id = b.tenant_id and d.domain_id = b.domain_id
                         join app.inbox i on i.tenant_id = b.tenant_id and i.inbox_id = any (:inbox_ids)
                        where b.tenant_id = (select app.tenant()) and p.name = any (b.account_names)
                          and i.receives && array['*@' || d.name, 'bounce@' || d.name])
         order by p.account_id) p;

-- name: reads_failed
-- The last complete read stays: freshness runs out by itself. From the third failure in a row on it rests, twice as long each time, a
-- quarter of an hour at most. A refused login is written down once an hour.
with mine as (
    select i.inbox_id, r.reason, r.refused
      from jsonb_to_recordset(cast(:rows as jsonb)) as r (inbox_id bigint, reason text, refused boolean)
      join app.inbox i on i.tenant_id = (select app.tenant()) and i.inbox_id = r.inbox_id
     order by i.inbox_id for update of i),
     signalled as (
    insert into app.login_check (tenant_id, inbox_id, outcome, detail, day)
    select (select app.tenant()), mine.inbox_id, 'refused', mine.reason, (app.now() at time zone 'UTC')::date
      from mine
     where mine.refused
       and not exists (select from app.login_check c
                        where c.tenant_id = (select app.tenant()) and c.inbox_id = mine.inbox_id and c.outcome = 'refused'
                          and c.checked_at > clock_timestamp() - interval '1 hour'))
update app.inbox i
   set last_error = mine.reason, last_error_at = clock_timestamp(), failures = least(i.failures + 1, 1000),
       rests_until = case when i.failures >= 2 then clock_timestamp() + least(interval '15 minutes', interval '30 seconds' * power(2, least(i.failures - 2, 10))) end
  from mine where i.tenant_id = (select app.tenant()) and i.inbox_id = mine.inbox_id;
