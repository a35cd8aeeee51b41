-- name: queue
-- A row a reply and target, once: what came within two days, is not done, and is wanted to be told. A first switch-on tells no old news.
insert into app.reply_notice (tenant_id, inbound_id, target)
select i.tenant_id, i.inbound_id, t.target
  from app.inbound_message i
  left join app.reply_intent n on n.tenant_id = i.tenant_id and n.inbound_id = i.inbound_id
  left join app.reply_label y on y.tenant_id = i.tenant_id and y.inbound_id = i.inbound_id
  left join app.reply_work w on w.tenant_id = i.tenant_id and w.inbound_id = i.inbound_id
 cross join unnest(cast(:targets as text[])) as t (target)
 where i.tenant_id = (select app.tenant()) and coalesce(i.reviewed_as, i.class) = 'human_reply' and w.done_at is null
   and coalesce(y.intent, n.intent, 'none') = any (cast(:intents as text[]))
   -- Told once it was looked at: by a person before any rule, and where there is no text to look at as it stands.
   and (y.intent is not null or (n.inbound_id is not null and n.ask_again_at is null) or btrim(coalesce(i.reply_text, '')) = '')
   and coalesce(i.park_reason, '') <> 'own_mail'
   and i.recorded_at > clock_timestamp() - interval '2 days'
on conflict (tenant_id, inbound_id, target) do nothing;

-- name: claim
-- Put off before it is told, so that a second process leaves it alone and a crash tells it once more, later.
with due as (
    select q.tenant_id, q.inbound_id, q.target
      from app.reply_notice q
     where q.tenant_id = (select app.tenant()) and q.state = 'waiting' and q.next_try_at <= clock_timestamp() and q.target = any (cast(:targets as text[]))
     order by q.next_try_at, q.inbound_id limit 1 for update skip locked),
     claimed as (
    update app.reply_notice q set tries = q.tries + 1, next_try_at = clock_timestamp() + interval '5 minutes'
      from due where q.tenant_id = due.tenant_id and q.inbound_id = due.inbound_id and q.target = due.target
    returning q.tenant_id, q.inbound_id, q.target, q.tries)
select q.inbound_id, q.target, q.tries, i.received_at, i.reply_text, coalesce(y.intent, n.intent) as intent, c.name as campaign, b.address as mailbox,
       w.assigned_to
  from claimed q
  join app.inbound_message i on i.tenant_id = q.tenant_id and i.inbound_id = q.inbound_id
  left join app.enrollment e on e.tenant_id = i.tenant_id and e.enrollment_id = i.enrollment_id
  left join app.campaign c on c.tenant_id = e.tenant_id and c.campaign_id = e.campaign_id
  left join app.mailbox b on b.tenant_id = i.tenant_id and b.mailbox_id = coalesce(i.mailbox_id, e.mailbox_id)
  left join app.reply_intent n on n.tenant_id = i.tenant_id and n.inbound_id = i.inbound_id
  left join app.reply_label y on y.tenant_id = i.tenant_id and y.inbound_id = i.inbound_id
  left join app.reply_work w on w.tenant_id = i.tenant_id and w.inbound_id = i.inbound_id;

-- name: told
-- It arrived.
update app.reply_notice set state = 'sent', sent_at = clock_timestamp(), last_error = null
 where tenant_id = (select app.tenant()) and inbound_id = :inbound_id and target = :target and state = 'waiting';

-- name: not_told
-- Again after so many seconds, or given up.
update app.reply_notice
   set last_error = :reason, state = case when cast(:retry_seconds as integer) is null then 'given_up' else state end,
       next_try_at = clock_timestamp() + make_interval(secs => coalesce(cast(:retry_seconds as integer), 0))
 where tenant_id = (select app.tenant()) and inbound_id = :inbound_id and target = :target and state = 'waiting';
