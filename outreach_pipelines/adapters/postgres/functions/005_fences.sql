-- Fences: what stops every process at its next claim or intent, and what a restore to a point in time leaves in doubt.

create or replace function app.clock_guard_passes() returns boolean
    language sql volatile
    as $$
    select exists (select from app.environment
                    where clock_timestamp() between heartbeat_at - interval '5 seconds' and heartbeat_at + interval '72 hours')
    $$;
comment on function app.clock_guard_passes() is
    'False when machine time stands before the last heartbeat, or so long after it that a person must confirm it.';

create or replace function app.raise_epoch(p_reason text, p_by text) returns bigint
    language plpgsql security definer set search_path = pg_catalog, pg_temp
    as $$
declare
    v_number bigint;
begin
    -- Waits for every intent under way; one that begins later sees the new number.
    perform pg_advisory_xact_lock(app.lock_key('global'));
    update app.epoch set number = number + 1, raised_at = clock_timestamp(), reason = left(p_reason, 500) returning number into v_number;
    insert into app.fence_change (kind, detail, reason, changed_by) values ('epoch_raised', 'to ' || v_number, p_reason, p_by);
    return v_number;
end
$$;
comment on function app.raise_epoch(text, text) is 'Every process that remembers an older number is refused at its next intent.';
revoke all on function app.raise_epoch(text, text) from public;
grant execute on function app.raise_epoch(text, text) to outreach_ops;

create or replace function app.change_mode(p_mode text, p_reason text, p_by text) returns bigint
    language plpgsql security definer set search_path = pg_catalog, pg_temp
    as $$
declare
    v_before text;
begin
    perform pg_advisory_xact_lock(app.lock_key('global'));
    if p_mode = 'live' and exists (select from app.clock) then
        raise exception 'policy time is stepped in this database: it is a lab''s'
            using errcode = 'check_violation', constraint = 'clock_is_real_when_live';
    end if;
    select mode into strict v_before from app.environment for update;
    update app.environment set mode = p_mode;
    insert into app.fence_change (kind, detail, reason, changed_by) values ('mode_changed', v_before || ' to ' || p_mode, p_reason, p_by);
    return app.raise_epoch('mode ' || p_mode || ': ' || p_reason, p_by);
end
$$;
comment on function app.change_mode(text, text, text) is 'What this database may be used for. Processes of another mode are refused from now on, by the epoch.';
revoke all on function app.change_mode(text, text, text) from public;
grant execute on function app.change_mode(text, text, text) to outreach_ops;

create or replace function app.next_lease_number(p_holder text, p_after bigint) returns bigint
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
    as $$
declare
    v_serial bigint;
begin
    update app.environment set lease_serial = lease_serial + 1
     where lease_serial = p_after and mode = 'live' returning lease_serial into v_serial;
    if found then
        insert into app.lease_number (serial, holder) values (v_serial, p_holder);
        -- Four weeks of them: a lease is seconds old.
        delete from app.lease_number where serial < v_serial - 160000;
    end if;
    return v_serial;
end
$$;
comment on function app.next_lease_number(text, bigint) is 'Compare-and-set; NULL when another keeper of this database was faster.';
revoke all on function app.next_lease_number(text, bigint) from public;
grant execute on function app.next_lease_number(text, bigint) to outreach_ops;

create or replace function app.adopt_lease(p_holder text, p_serial bigint, p_reason text, p_by text) returns void
    language plpgsql security definer set search_path = pg_catalog, pg_temp
    as $$
begin
    insert into app.fence_change (kind, detail, reason, changed_by)
    select 'lease_adopted', 'number ' || p_serial || coalesce(' of ' || p_holder, '') || ', here ' || lease_serial, p_reason, p_by from app.environment;
    delete from app.lease_number where p_serial = 0 or serial = p_serial;
    insert into app.lease_number (serial, holder) select p_serial, p_holder where p_serial > 0;
    update app.environment set lease_serial = case p_serial when 0 then 0 else greatest(lease_serial, p_serial) end;
end
$$;
comment on function app.adopt_lease(text, bigint, text, text) is 'A person says that this database goes on where the lease stands (0: there is none).';
revoke all on function app.adopt_lease(text, bigint, text, text) from public;
grant execute on function app.adopt_lease(text, bigint, text, text) to outreach_ops;

create or replace function app.begin_restore(p_restored_to timestamptz, p_until timestamptz, p_reason text, p_by text) returns bigint
    language plpgsql security definer set search_path = pg_catalog, pg_temp
    as $$
begin
    if p_restored_to > p_until or p_until > clock_timestamp() + interval '1 minute' then
        raise exception 'the restore point must lie before the end of the lost time, and that not in the future'
            using errcode = 'check_violation', constraint = 'restore_looks_back';
    end if;
    insert into app.fence_change (kind, detail, reason, changed_by)
    values ('restored', 'to ' || p_restored_to || ', sends lost until ' || p_until, p_reason, p_by);
    -- Numbers given out in the lost time stand on messages and probes that left: none of them may be given out again.
    perform setval('app.message_id', nextval('app.message_id') + 10000000);
    perform setval(s, nextval(s) + 1000000) from pg_get_serial_sequence('app.account_canary', 'canary_id') as s;
    return app.raise_epoch('restored to ' || p_restored_to || ': ' || p_reason, p_by);
end
$$;
comment on function app.begin_restore(timestamptz, timestamptz, text, text) is
    'First step after a restore to a point in time: stops every process and keeps the lost time''s numbers from being used again.';
revoke all on function app.begin_restore(timestamptz, timestamptz, text, text) from public;
grant execute on function app.begin_restore(timestamptz, timestamptz, text, text) to outreach_ops;

create or replace function app.doubt_lost_attempt(
    p_plan_day date, p_message_id bigint, p_first smallint, p_tag text, p_restored_to timestamptz) returns boolean
    language plpgsql
    as $$
declare
    v_tenant integer := app.tenant();
    -- More attempts than a message could have had in any time that a restore loses.
    v_room constant smallint := 99;
    v_zone text;
    m app.message;
    a app.send_attempt;
begin
    select * into m from app.message where tenant_id = v_tenant and plan_day = p_plan_day and message_id = p_message_id for update;
    if not found or m.state not in ('planned', 'claimed', 'retry_wait', 'sending', 'in_doubt')
       or p_first <> m.attempt + (case m.state when 'claimed' then 0 else 1 end) then
        return false;
    end if;
    -- What was under way when the restore point passed is in doubt as well, as its lease being over would have it.
    update app.send_attempt set outcome = 'in_doubt', ended_at = clock_timestamp(), answer = 'restored'
     where tenant_id = v_tenant and plan_day = p_plan_day and message_id = p_message_id and outcome = 'open';
    select b.zone into strict v_zone from app.mailbox b where b.tenant_id = v_tenant and b.mailbox_id = m.mailbox_id;
    insert into app.send_attempt (tenant_id, plan_day, message_id, attempt, lost_from, account_id, mailbox_id, domain_id, tag, begun_policy_at,
                                  mailbox_day, outcome, ended_at, answer)
    select v_tenant, m.plan_day, m.message_id, p_first + v_room, p_first, m.account_ids[1], m.mailbox_id, b.domain_id, p_tag,
           greatest(m.due_at, p_restored_to), (greatest(m.due_at, p_restored_to) at time zone v_zone)::date,
           'in_doubt', clock_timestamp(), 'restored'
      from app.mailbox b where b.tenant_id = v_tenant and b.mailbox_id = m.mailbox_id
    returning * into a;
    insert into app.mailbox_day (tenant_id, mailbox_id, day) values (v_tenant, a.mailbox_id, a.mailbox_day) on conflict do nothing;
    perform app.count_again(a, m);
    update app.message
       set state = 'in_doubt', state_at = clock_timestamp(), token = null, lease_until = null, retry_at = null,
           attempt = p_first + v_room, reason = 'restored: it may have been sent in the time that was lost'
     where tenant_id = v_tenant and plan_day = p_plan_day and message_id = p_message_id;
    return true;
end
$$;
comment on function app.doubt_lost_attempt(date, bigint, smallint, text, timestamptz) is
    'In doubt under one row that stands for the attempts from p_first on, since what the lost time did is not known. False when the message has moved meanwhile.';

create or replace function app.attempt_named(p_plan_day date, p_message_id bigint, p_attempt smallint) returns smallint
    language sql stable
    as $$
    select attempt from app.send_attempt
     where tenant_id = app.tenant() and plan_day = p_plan_day and message_id = p_message_id
       and p_attempt between coalesce(lost_from, attempt) and attempt
     order by attempt limit 1
    $$;
comment on function app.attempt_named(date, bigint, smallint) is
    'The row that knows of the attempt whose number a tag carries: its own, or the one that stands for what a restore forgot.';
