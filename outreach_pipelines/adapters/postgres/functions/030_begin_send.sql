-- T2: the intent. After this commits, the message may have been sent; before it, it cannot have been.
-- One statement after another, each with its own snapshot (READ COMMITTED, VOLATILE): what was committed before the
-- shared locks were taken is seen by all that follows them. The hottest rows come last.

drop function if exists app.begin_send(date, bigint, uuid, timestamptz, bigint, text, text);

create or replace function app.begin_send(
    p_plan_day date, p_message_id bigint, p_token uuid, p_run_hour timestamptz, p_epoch bigint, p_tag text, p_subject text, p_worker text)
    returns app.begin_result
    language plpgsql volatile
    as $$
declare
    v_tenant integer := app.tenant();
    m app.message;
    f record;
    b app.mailbox;
    v_locks text[];
    v_now timestamptz;
    v_stop text;
    v_until timestamptz;
    v_factor numeric;
    v_day_begins timestamptz;
    v_day_ends timestamptz;
    v_tenant_day timestamptz;
    v_tenant_next_day timestamptz;
    pick app.account_choice;
    v_cap integer;
    v_attempts integer;
    v_full integer;
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'begin_send needs READ COMMITTED' using errcode = 'invalid_transaction_state';
    end if;

    -- 1. The claim, the plan, the hour, the recipient's window.
    select * into m from app.message
     where tenant_id = v_tenant and plan_day = p_plan_day and message_id = p_message_id for update;
    if not found or m.state <> 'claimed' or m.token is distinct from p_token then
        return row('lost', 'claim_lost', null, null)::app.begin_result;
    end if;
    v_now := app.now();
    if not exists (select from app.plan where tenant_id = v_tenant and plan_id = m.plan_id and status = 'released') then
        return app.close_claim(m, 'cancelled', 'plan_revoked');
    end if;
    if v_now >= m.window_end then
        return app.close_claim(m, 'expired', 'window_passed');
    end if;
    if v_now < p_run_hour or v_now >= p_run_hour + interval '1 hour' then
        return app.release_claim(m, 'outside_run_hour', m.not_before);
    end if;
    if v_now < m.due_at then
        return app.release_claim(m, 'not_due_yet', m.due_at);
    end if;
    -- An array is built from its first element to its last.
    v_locks := array[
        pg_advisory_xact_lock_shared(app.lock_key('recipient', v_tenant::text, encode(m.recipient_hmac, 'hex')))::text,
        pg_advisory_xact_lock_shared(app.lock_key('recipient_domain', v_tenant::text, encode(m.domain_hmac, 'hex')))::text,
        pg_advisory_xact_lock_shared(app.lock_key('tenant', v_tenant::text))::text,
        pg_advisory_xact_lock_shared(app.lock_key('global'))::text];

    -- Whatever was committed before these locks were taken is in the snapshot of this statement, the first after them.
    select (select number from app.epoch) as epoch,
           app.clock_guard_passes() as clock_passes,
           (select case when s.subject = 'domain' then 'domain_' else '' end || s.kind from app.suppression s
             where s.tenant_id = v_tenant and s.subject_hmac in (m.recipient_hmac, m.domain_hmac) and s.lifted_at is null
               and (s.expires_at is null or s.expires_at > v_now)
               and (s.scope = 'tenant' or (s.scope = 'campaign' and s.scope_id = m.campaign_id) or (s.scope = 'mailbox' and s.scope_id = m.mailbox_id))
             order by s.suppression_id limit 1) as suppressed,
           l.address is null or app.globally_suppressed(l.global_hmac) as global_or_erased,
           l.undeliverable,
           e.state as enrollment, e.step, e.out_of_office_until,
           t.zone as tenant_zone, t.state as tenant,
           mb.state as mailbox, mb.zone, mb.domain_id, mb.inbox_id, (v_now at time zone mb.zone)::date as local_day,
           (select h.cap_today from app.health_score h
             where h.tenant_id = v_tenant and h.mailbox_id = m.mailbox_id and h.day <= (v_now at time zone mb.zone)::date
             order by h.day desc, h.scored_at desc limit 1) as ramp,
           d.state as domain, d.daily_cap as domain_cap,
           c.state as campaign,
           (select i.last_complete_read from app.inbox i where i.tenant_id = v_tenant and i.inbox_id = mb.inbox_id) as inbox_read,
           exists (select from app.thread_root r where r.tenant_id = v_tenant and r.enrollment_id = m.enrollment_id and r.step = 1) as thread,
           p.tenant_id is not null as has_policy, p.errors_in_row_stop, p.rolling_factor, p.daily_cap as tenant_cap, p.minute_cap,
           p.recipient_domain_daily_cap as recipient_cap,
           -- The company is the mail domain, so its count is that of the domain; where anybody may have an address there is none.
           case when not app.is_free_mail(split_part(l.address, '@', 2)) then p.company_daily_cap end as company_cap,
           p.recipient_provider_caps ->> m.recipient_provider as provider_cap
      into strict f
      from app.enrollment e
      join app.lead l on l.tenant_id = e.tenant_id and l.lead_id = e.lead_id
      join app.tenant t on t.tenant_id = e.tenant_id
      join app.mailbox mb on mb.tenant_id = e.tenant_id and mb.mailbox_id = m.mailbox_id
      join app.sending_domain d on d.tenant_id = mb.tenant_id and d.domain_id = mb.domain_id
      join app.campaign c on c.tenant_id = e.tenant_id and c.campaign_id = m.campaign_id
      left join app.sending_policy p on p.tenant_id = e.tenant_id
     where e.tenant_id = v_tenant and e.enrollment_id = m.enrollment_id;
    if f.epoch <> p_epoch then
        return app.release_claim(m, 'epoch_raised', m.not_before);
    end if;
    if not f.clock_passes then
        return app.release_claim(m, 'clock_guard', m.not_before);
    end if;
    if f.suppressed is not null then
        return app.close_claim(m, 'suppressed', f.suppressed);
    end if;
    if f.global_or_erased then
        return app.close_claim(m, 'suppressed', 'global_or_erased');
    end if;
    if f.enrollment <> 'active' then
        return app.close_claim(m, 'cancelled', 'enrollment_' || f.enrollment);
    end if;
    if f.step <> m.step then
        return app.close_claim(m, 'cancelled', 'step_passed');
    end if;
    if f.out_of_office_until >= (v_now at time zone f.tenant_zone)::date then
        return app.close_claim(m, 'cancelled', 'out_of_office');
    end if;
    if f.undeliverable is not null then
        return app.close_claim(m, 'cancelled', 'undeliverable');
    end if;
    if f.mailbox in ('resting', 'retired') then
        return app.close_claim(m, 'cancelled', 'mailbox_' || f.mailbox);
    end if;
    if f.domain <> 'active' then
        return app.close_claim(m, 'cancelled', 'domain_' || f.domain);
    end if;
    select min(app.hold_factor(h, v_now)), max(until) filter (where app.hold_factor(h, v_now) = 0), min(reason) filter (where app.hold_factor(h, v_now) = 0)
      into v_factor, v_until, v_stop from app.hold h
     where tenant_id = v_tenant and released_at is null
       and scope_key = any (array['tenant', 'mailbox:' || m.mailbox_id, 'domain:' || f.domain_id, 'campaign:' || m.campaign_id,
                                  'provider:' || m.mailbox_id || ':' || m.recipient_provider]
                            || (select array_agg('lead_file:' || lead_file_id) from app.lead_source
                                 where tenant_id = v_tenant and lead_id = m.lead_id));
    v_factor := coalesce(v_factor, 1);
    if v_factor = 0 then
        return app.release_claim(m, 'held: ' || v_stop, coalesce(v_until, v_now + interval '15 minutes'));
    end if;
    if f.tenant = 'paused' then
        return app.release_claim(m, 'tenant_paused', v_now + interval '5 minutes');
    end if;
    if f.campaign <> 'active' then
        return app.release_claim(m, 'campaign_not_active', v_now + interval '5 minutes');
    end if;

    -- 2. Freshness: we do not send blind. These are machine times, since feeds run on the machine's clock.
    if f.inbox_id is null and m.step = 1 then
        return app.close_claim(m, 'cancelled', 'mailbox_has_no_inbox');
    end if;
    if m.step > 1 and (f.inbox_read > clock_timestamp() - interval '30 minutes') is not true then
        return app.release_claim(m, 'inbox_not_read', v_now + interval '2 minutes');
    end if;
    if m.step > 1 and not f.thread then
        return app.close_claim(m, 'cancelled', 'thread_has_no_first_message');
    end if;

    -- 3. The first account of the message's list that the domain is ready for and the lead's basis allows.
    pick := app.choose_account(m, f.domain_id, v_factor, p_worker, v_now, (v_now at time zone f.tenant_zone)::date);
    if pick.verdict = 'block' then
        -- Nothing has changed: the claim stays, and this is asked again once the worker has leased its block.
        return row('block', null, null, pick.account_id)::app.begin_result;
    elsif pick.verdict = 'wait' then
        return app.release_claim(m, pick.reason, pick.not_before);
    end if;
    v_factor := pick.factor;

    -- 4. Pace, caps and rates, counted under locks; whatever is full undoes what this block has taken.
    begin
        if not f.has_policy then
            raise exception 'the tenant has no policy' using errcode = 'no_data_found';
        end if;
        update app.mailbox set next_at = v_now + make_interval(secs => min_gap_seconds / v_factor)
         where tenant_id = v_tenant and mailbox_id = m.mailbox_id and next_at <= v_now returning * into b;
        if not found then
            select * into strict b from app.mailbox where tenant_id = v_tenant and mailbox_id = m.mailbox_id;
            raise exception 'pace' using errcode = 'OU001', detail = b.next_at::text;
        end if;
        -- The ramp is enforced here too, as the last score of the mailbox has it, not only planned.
        v_cap := least(b.daily_cap, f.ramp);
        v_day_begins := f.local_day::timestamp at time zone f.zone;
        v_day_ends := (f.local_day + 1)::timestamp at time zone f.zone;
        if b.errors_in_row >= f.errors_in_row_stop then
            -- The judgement of back-off holds the mailbox for this hour too, when it comes; a person's release ends both.
            select max(begun_policy_at) + interval '1 hour' into v_until from app.send_attempt
             where tenant_id = v_tenant and mailbox_id = b.mailbox_id and outcome in ('refused', 'not_sent') and plan_day >= f.local_day - 7;
            if v_until > v_now and not exists (select from app.hold where tenant_id = v_tenant and scope_key = 'mailbox:' || b.mailbox_id
                                                  and signal = 'errors' and released_at > v_until - interval '1 hour') then
                raise exception 'errors_in_row' using errcode = 'OU001', detail = v_until::text;
            end if;
        end if;
        insert into app.mailbox_day as c (tenant_id, mailbox_id, day, sent)
        select v_tenant, b.mailbox_id, f.local_day, 1 where v_cap > 0
        on conflict (tenant_id, mailbox_id, day) do update set sent = c.sent + 1 where c.sent < ceil(v_cap * v_factor);
        if not found then
            raise exception 'mailbox_daily_cap' using errcode = 'OU001', detail = v_day_ends::text;
        end if;
        select count(*) into v_attempts from app.send_attempt
         where tenant_id = v_tenant and mailbox_id = b.mailbox_id and begun_policy_at > v_now - interval '24 hours'
           and plan_day between f.local_day - 7 and f.local_day + 2  -- a window ends soon after its day: other partitions hold none
           and outcome not in ('refused', 'not_sent', 'absent');
        if (v_attempts < ceil(v_cap * f.rolling_factor * v_factor)) is not true then
            raise exception 'mailbox_rolling_day' using errcode = 'OU001', detail = (v_now + interval '15 minutes')::text;
        end if;
        v_tenant_day := date_trunc('day', v_now at time zone f.tenant_zone) at time zone f.tenant_zone;
        v_tenant_next_day := ((v_now at time zone f.tenant_zone)::date + 1)::timestamp at time zone f.tenant_zone;
        if pick.leased then
            update app.account_block set taken = taken + 1
             where account_id = pick.account_id and worker = p_worker and taken < granted and expires_at > clock_timestamp();
            if not found then
                raise exception 'account_block' using errcode = 'OU002';
            end if;
        end if;
        if pick.probe then
            update app.provider_account
               set breaker = 'half_open', breaker_since = clock_timestamp(), breaker_until = null, breaker_probe_at = clock_timestamp()
             where account_id = pick.account_id
               and ((breaker = 'open' and breaker_until <= clock_timestamp())
                    or (breaker = 'half_open' and breaker_probe_at <= clock_timestamp() - interval '90 seconds'));
            if not found then
                raise exception 'probe_under_way' using errcode = 'OU001', detail = (v_now + interval '5 seconds')::text;
            end if;
        end if;
        -- All of a busy tenant's workers meet on the last two.
        v_full := app.take(
            array['domain:' || f.domain_id, 'recipient:' || encode(m.domain_hmac, 'hex'), 'provider:' || m.recipient_provider,
                  'account:' || pick.account_id, 'day', 'minute'],
            array[v_day_begins, v_tenant_day, v_tenant_day, v_tenant_day, v_tenant_day, date_trunc('minute', v_now)],
            array[f.domain_cap, least(f.recipient_cap, f.company_cap), f.provider_cap::integer, pick.share, f.tenant_cap, f.minute_cap]);
        if v_full is not null then
            raise exception '%', (array['domain_daily_cap',
                                        case when f.company_cap < coalesce(f.recipient_cap, f.company_cap + 1) then 'company_daily_cap'
                                             else 'recipient_domain_daily_cap' end,
                                        'recipient_provider_cap', 'account_share', 'tenant_daily_cap', 'tenant_minute_cap'])[v_full]
                using errcode = 'OU001', detail = case v_full when 1 then v_day_ends when 6 then date_trunc('minute', v_now) + interval '1 minute'
                                                              else v_tenant_next_day end::text;
        end if;
    exception
        when sqlstate 'OU001' then
            get stacked diagnostics v_stop = message_text, v_until = pg_exception_detail;
            return app.release_claim(m, v_stop, v_until);
        when sqlstate 'OU002' then
            return row('block', null, null, pick.account_id)::app.begin_result;
        -- A limit that cannot be read is no leave to send.
        when no_data_found or data_exception then
            get stacked diagnostics v_stop = message_text;
            return app.release_claim(m, 'limit_unreadable: ' || v_stop, v_now + interval '5 minutes');
    end;

    -- 5. The intent itself.
    insert into app.send_attempt (tenant_id, plan_day, message_id, attempt, account_id, mailbox_id, domain_id, tag, subject, begun_policy_at, mailbox_day)
    values (v_tenant, m.plan_day, m.message_id, m.attempt, pick.account_id, m.mailbox_id, f.domain_id, p_tag, p_subject, v_now, f.local_day);
    update app.message set state = 'sending', state_at = clock_timestamp(), reason = null
     where tenant_id = v_tenant and plan_day = m.plan_day and message_id = m.message_id;
    return row('begin', null, null, pick.account_id)::app.begin_result;
end
$$;
comment on function app.begin_send(date, bigint, uuid, timestamptz, bigint, text, text, text) is
    'T2: begin | lost | released(reason, not_before) | closed(reason), the account to use comes with begin; or block: lease one of that account and ask again.';
