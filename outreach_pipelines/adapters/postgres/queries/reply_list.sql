-- name: replies
-- Mail by what is asked, newest first; a person's word on it wins over every guess. Copies of our own are none. The page is found before its
-- names are looked up.
with page as materialized (
    select i.tenant_id, i.inbound_id, w.assigned_to, w.note, w.done_at, w.changed_by,
           coalesce(y.intent, n.intent) as intent, case when y.intent is null then n.source else 'person' end as intent_source,
           coalesce(y.actor, n.decided_by) as intent_by, case when y.intent is null then n.score end as intent_score
      from app.inbound_message i
      left join app.reply_work w on w.tenant_id = i.tenant_id and w.inbound_id = i.inbound_id
      left join app.reply_intent n on n.tenant_id = i.tenant_id and n.inbound_id = i.inbound_id
      left join app.reply_label y on y.tenant_id = i.tenant_id and y.inbound_id = i.inbound_id
     where i.tenant_id = (select app.tenant())
       and coalesce(i.park_reason, '') <> 'own_mail'
       and (cast(:inbound_id as bigint) is null or i.inbound_id = :inbound_id)
       and (cast(:enrollments as bigint[]) is null or i.enrollment_id = any (cast(:enrollments as bigint[])))
       and (cast(:kinds as text[]) is null or split_part(coalesce(i.reviewed_as, i.class), ':', 1) = any (cast(:kinds as text[])))
       and (cast(:intents as text[]) is null or coalesce(y.intent, n.intent, 'none') = any (cast(:intents as text[])))
       and (cast(:assigned_to as text) is null or lower(w.assigned_to) = lower(:assigned_to))
       and (cast(:is_assigned as boolean) is null or (w.assigned_to is not null) = :is_assigned)
       and (cast(:is_done as boolean) is null or (w.done_at is not null) = :is_done)
       and (cast(:since as timestamptz) is null or i.received_at >= :since)
       and (not cast(:to_review as boolean) or (i.review is not null and i.reviewed_at is null))
     order by i.received_at desc, i.inbound_id desc
     limit :most)
select i.inbound_id, i.received_at, i.class, i.confidence, i.evidence, i.routed, i.park_reason, i.reply_text, i.out_of_office_until, i.object_key,
       i.folder, x.name as inbox, i.enrollment_id, i.message_id, l.address as person, c.name as campaign, b.address as mailbox,
       i.review, i.reviewed_at, i.reviewed_as, i.reviewed_by, i.review_note,
       p.assigned_to, p.note, p.done_at, p.changed_by, p.intent, p.intent_source, p.intent_by, p.intent_score
  from page p
  join app.inbound_message i on i.tenant_id = p.tenant_id and i.inbound_id = p.inbound_id
  join app.inbox x on x.tenant_id = i.tenant_id and x.inbox_id = i.inbox_id
  left join app.enrollment e on e.tenant_id = i.tenant_id and e.enrollment_id = i.enrollment_id
  left join app.lead l on l.tenant_id = e.tenant_id and l.lead_id = e.lead_id
  left join app.campaign c on c.tenant_id = e.tenant_id and c.campaign_id = e.campaign_id
  left join app.mailbox b on b.tenant_id = i.tenant_id and b.mailbox_id = coalesce(i.mailbox_id, e.mailbox_id)
 order by i.received_at desc, i.inbound_id desc;

-- name: plan_for_these_values
-- One plan for all filters reads all mail: a hundred times what a plan for the filters that are given reads.
set local plan_cache_mode = force_custom_plan;

-- name: sent_in_threads
-- What was accepted in these sequences, with all that its letter was made of; the wording is NULL once it was changed, or the message's row is gone.
select r.enrollment_id, r.step, r.accepted_at, r.subject as thread_subject, r.wire_message_id, r.plan_day, r.message_id, m.variant, b.address as mailbox,
       m.campaign_id, m.mailbox_id, m.due_at, m.window_end, m.recipient_hmac,
       l.address as recipient, l.first_name, l.last_name, l.company, l.country, l.fields, l.basis_source, b.display_name as sender_name,
       v.subject, v.text_sha256, v.html_sha256,
       cast('[]' as jsonb) as attachments,
       t.postal_address, t.sender_company, t.sender_website, t.sender_contact, t.privacy_notice_url, t.unsubscribe_host
  from app.thread_root r
  join app.enrollment e on e.tenant_id = r.tenant_id and e.enrollment_id = r.enrollment_id
  join app.lead l on l.tenant_id = e.tenant_id and l.lead_id = e.lead_id
  join app.tenant t on t.tenant_id = r.tenant_id
  left join app.message m on m.tenant_id = r.tenant_id and m.plan_day = r.plan_day and m.message_id = r.message_id
  left join app.mailbox b on b.tenant_id = r.tenant_id and b.mailbox_id = coalesce(m.mailbox_id, e.mailbox_id)
  left join app.campaign_variant v on v.tenant_id = m.tenant_id and v.campaign_id = m.campaign_id and v.step = m.step and v.variant = m.variant
   and m.content_hash = md5(v.subject || v.text_sha256 || coalesce(v.html_sha256, '')
                            || coalesce((select string_agg(f.sha256 || f.name, '/' order by f.position) from app.campaign_step_attachment f
                                          where f.tenant_id = v.tenant_id and f.campaign_id = v.campaign_id and f.step = v.step), ''))
 where r.tenant_id = (select app.tenant()) and r.enrollment_id = any (cast(:enrollments as bigint[]))
 order by r.enrollment_id, r.accepted_at, r.step;

-- name: assign
-- Who answers ("" takes it from whom it was given to), and whether that is done; what is not said stays.
insert into app.reply_work as w (tenant_id, inbound_id, assigned_to, note, done_at, changed_by)
select i.tenant_id, i.inbound_id, nullif(cast(:assigned_to as text), ''), cast(:note as text), case when :done then clock_timestamp() end, :actor
  from app.inbound_message i where i.tenant_id = (select app.tenant()) and i.inbound_id = :inbound_id
on conflict (tenant_id, inbound_id) do update
   set assigned_to = case when cast(:assigned_to as text) is null then w.assigned_to else excluded.assigned_to end, note = coalesce(excluded.note, w.note),
       done_at = case when cast(:done as boolean) is null then w.done_at when :done then coalesce(w.done_at, excluded.done_at) end,
       changed_by = excluded.changed_by, changed_at = clock_timestamp();

-- name: note
-- A person's act.
insert into app.audit_log (tenant_id, actor, action, subject, detail)
values ((select app.tenant()), :actor, :action, :subject, cast(:detail as jsonb));

-- name: policy_now
-- Policy time.
select app.now();

-- name: last_change
-- When something last came, or was done about a reply: a page written after it is still true.
select greatest((select max(i.recorded_at) from app.inbound_message i where i.tenant_id = (select app.tenant())),
                (select max(i.reviewed_at) from app.inbound_message i where i.tenant_id = (select app.tenant()) and i.reviewed_at is not null),
                (select max(w.changed_at) from app.reply_work w where w.tenant_id = (select app.tenant())),
                (select max(n.decided_at) from app.reply_intent n where n.tenant_id = (select app.tenant())),
                (select max(y.labelled_at) from app.reply_label y where y.tenant_id = (select app.tenant())));
