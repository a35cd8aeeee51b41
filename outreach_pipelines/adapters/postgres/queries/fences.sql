-- name: fences
-- What this database says of itself, and of the lease that was read before.
select environment_id, mode, lease_serial,
       exists (select from app.lease_number where serial = :serial and holder = :holder) as gave_out
  from app.environment;

-- name: mode
-- What this database may be used for.
select mode from app.environment;

-- name: next_lease_number
-- The database's side of a renewal.
select app.next_lease_number(:holder, :after);

-- name: adopt_lease
-- A person says that this database goes on where the lease stands.
select app.adopt_lease(cast(:holder as text), :serial, :reason, :by);

-- name: raise_epoch
-- Every process stops at its next intent.
select app.raise_epoch(:reason, :by);

-- name: change_mode
-- off, lab or live.
select app.change_mode(:mode, :reason, :by);

-- name: last_heartbeat
-- How far this database reaches, to the minute.
select heartbeat_at from app.environment;

-- name: changes
-- Who moved a fence lately, and why.
select kind, detail, reason, changed_by, changed_at from app.fence_change order by change_id desc limit :most;

-- name: begin_restore
-- The first step after a restore.
select app.begin_restore(:restored_to, :until, :reason, :by);

-- name: lost_messages
-- What may have been sent after the restore point: due before sending ended, with a window that was open after the restore point.
-- What was under way or in doubt then is among it: evidence of it may have been read, and forgotten, in the lost time.
select m.plan_day, m.message_id, cast(m.attempt + case m.state when 'claimed' then 0 else 1 end as smallint) as first
  from app.message m
 where m.tenant_id = (select app.tenant()) and m.state in ('planned', 'claimed', 'retry_wait', 'sending', 'in_doubt')
   and m.due_at <= :until and (m.window_end > :restored_to or m.state in ('sending', 'in_doubt'))
   and not exists (select from app.send_attempt a where a.tenant_id = m.tenant_id and a.plan_day = m.plan_day and a.message_id = m.message_id
                      and a.attempt = m.attempt and a.lost_from is not null and a.outcome = 'in_doubt')
 order by m.message_id;

-- name: doubt_lost_attempt
-- In doubt until evidence.
select app.doubt_lost_attempt(:plan_day, :message_id, cast(:first as smallint), :tag, :restored_to);

-- name: known_plan_keys
-- The plan files that this database knows of.
select plan_key from app.plan where tenant_id = (select app.tenant());

-- name: hold_tenant
-- A person decides when this tenant goes on.
insert into app.hold (tenant_id, scope_key, signal, level, factor, reason, sentence, since)
values ((select app.tenant()), 'tenant', 'manual', 'manual', 0, 'restored', :sentence, (select app.now()));
