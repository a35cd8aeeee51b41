-- name: policy_now
-- Policy time.
select app.now();

-- name: entries
-- All that was ever suppressed under these names, with what it holds for.
select s.kind, s.subject = 'domain' as is_domain, s.source, s.created_at, s.expires_at, s.lifted_at, s.lifted_reason,
       case s.scope when 'tenant' then 'the tenant' else app.scope_name(s.scope || ':' || s.scope_id) end as within
  from app.suppression s
 where s.tenant_id = (select app.tenant()) and s.subject_hmac = any (:subjects)
 order by s.suppression_id;

-- name: is_global
-- See app.globally_suppressed.
select app.globally_suppressed(:hmac);

-- name: waiting
-- Messages to somebody, or to everybody at a domain, that wait.
select count(*) from app.message
 where tenant_id = (select app.tenant()) and state in ('planned', 'retry_wait') and :hmac in (recipient_hmac, domain_hmac);

-- name: add
-- See app.suppress.
select app.suppress((select app.tenant()), :subject, :hmac, 'tenant', 0, :kind, :source);

-- name: lift
-- Lifted, and kept as that. `kinds` are those that may be. Who suppresses the same person meanwhile waits at this row's unique key, and adds another.
update app.suppression set lifted_at = (select app.now()), lifted_reason = :why
 where tenant_id = (select app.tenant()) and subject_hmac = :hmac and lifted_at is null and kind = any (:kinds);

-- name: note
-- A person's act; the subject is named as rows name it, and so is nobody to who reads the log.
insert into app.audit_log (tenant_id, actor, action, subject, detail)
values ((select app.tenant()), :actor, :action, :subject, cast(:detail as jsonb));
