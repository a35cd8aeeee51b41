-- name: undecided
-- Replies of people of the last days that nothing has looked at yet, or whose endpoint is to be asked again; with :again, all without an intent.
select i.inbound_id, i.reply_text, i.routed as tied
  from app.inbound_message i
  left join app.reply_intent n on n.tenant_id = i.tenant_id and n.inbound_id = i.inbound_id
 where i.tenant_id = (select app.tenant()) and coalesce(i.reviewed_as, i.class) = 'human_reply' and coalesce(i.park_reason, '') <> 'own_mail'
   and btrim(coalesce(i.reply_text, '')) <> '' and i.recorded_at > clock_timestamp() - make_interval(days => :days)
   and (n.inbound_id is null or (n.intent is null and (n.ask_again_at < clock_timestamp() or n.decided_at < i.reviewed_at
                                                       or (cast(:again as boolean) and n.decided_at < :before))))
   and not exists (select from app.reply_label y where y.tenant_id = i.tenant_id and y.inbound_id = i.inbound_id)
 order by i.received_at desc, i.inbound_id desc
 limit :most;

-- name: record
-- The newest decision; an endpoint that did not answer is asked four times, later each time.
insert into app.reply_intent as n (tenant_id, inbound_id, intent, source, decided_by, score, input_sha256, ask_again_at)
select i.tenant_id, i.inbound_id, cast(:intent as text), :source, :decided_by, cast(:score as real), :input_sha256,
       case when :ask_again then clock_timestamp() + interval '5 minutes' end
  from app.inbound_message i where i.tenant_id = (select app.tenant()) and i.inbound_id = :inbound_id
on conflict (tenant_id, inbound_id) do update
   set intent = excluded.intent, source = excluded.source, decided_by = excluded.decided_by, score = excluded.score,
       input_sha256 = excluded.input_sha256, decided_at = clock_timestamp(), tries = least(n.tries + 1, 100),
       ask_again_at = case when :ask_again and n.tries < 4 then clock_timestamp() + interval '5 minutes' * power(2, n.tries) end;

-- name: machine_now
-- When these decisions begin.
select clock_timestamp();

-- name: label
-- A person's word, the last one counts; only a person's reply wants something.
insert into app.reply_label as y (tenant_id, inbound_id, intent, actor)
select i.tenant_id, i.inbound_id, :intent, :actor
  from app.inbound_message i
 where i.tenant_id = (select app.tenant()) and i.inbound_id = :inbound_id and coalesce(i.reviewed_as, i.class) = 'human_reply'
on conflict (tenant_id, inbound_id) do update set intent = excluded.intent, actor = excluded.actor, labelled_at = clock_timestamp();

-- name: note
-- A person's act.
insert into app.audit_log (tenant_id, actor, action, subject, detail)
values ((select app.tenant()), :actor, :action, :subject, cast(:detail as jsonb));

-- name: labelled
-- What can be learnt from; the same text twice is one.
select distinct on (i.reply_text) i.reply_text, y.intent
  from app.reply_label y
  join app.inbound_message i on i.tenant_id = y.tenant_id and i.inbound_id = y.inbound_id
 where y.tenant_id = (select app.tenant()) and coalesce(i.reviewed_as, i.class) = 'human_reply' and btrim(coalesce(i.reply_text, '')) <> ''
 order by i.reply_text, y.labelled_at desc, y.inbound_id;

-- name: keep_model
-- The newest is in use.
insert into app.intent_model (tenant_id, sha256, object_key, labels, figures)
values ((select app.tenant()), :sha256, :object_key, :labels, cast(:figures as jsonb));

-- name: newest_model
-- The one in use.
select sha256, object_key from app.intent_model where tenant_id = (select app.tenant()) order by model_id desc limit 1;
