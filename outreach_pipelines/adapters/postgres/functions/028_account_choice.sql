-- T2, third part: by which account a message goes, or what each one lacked.

do $$
begin
    create type app.account_choice as (verdict text, account_id integer, factor numeric, probe boolean, leased boolean, reason text, not_before timestamptz);
exception when duplicate_object then
    null;
end
$$;
do $$
begin
    alter type app.account_choice add attribute share integer;
exception when duplicate_column then
    null;
end
$$;

drop function if exists app.share_of_day(integer, integer, date);
drop function if exists app.choose_account(app.message, bigint, numeric, text, timestamptz);

create or replace function app.choose_account(
    m app.message, p_domain_id bigint, p_factor numeric, p_worker text, p_now timestamptz, p_tenant_day date)
    returns app.account_choice
    language plpgsql volatile
    as $$
declare
    c record;
    v_machine timestamptz := clock_timestamp();
    v_lacks text[] := '{}';
    v_only_quota boolean := true;
    v_soonest interval;
begin
    for c in
        select a.account_id, a.rate_per_second is not null or a.daily_quota is not null as leased, a.breaker <> 'closed' as probe,
               least((select min(app.hold_factor(h, p_now)) from app.account_hold h where h.account_id = a.account_id and h.released_at is null),
                     (select min(app.hold_factor(h, p_now)) from app.hold h
                       where h.tenant_id = m.tenant_id and h.released_at is null
                         and h.scope_key in ('path:' || m.mailbox_id || ':' || a.account_id, 'account:' || a.account_id))) as factor,
               k.expires_at > v_machine and k.taken < k.granted as in_block,
               s.daily_share + coalesce((select g.extra from app.share_grant g
                                          where g.tenant_id = m.tenant_id and g.account_id = a.account_id and g.day = p_tenant_day), 0) as share,
               case when k.expires_at > v_machine and p_now < k.refused_at + interval '1 minute' then k.refusal end as refusal, k.refused_for,
               case when not m.basis = any (a.allowed_basis) then 'basis_not_allowed'
                    when s.account_id is null or s.withdrawn_at is not null then 'not_shared'
               end as never,
               case when r.account_id is null or coalesce(r.definite_state, r.state) <> 'ready' then 'not_ready'
                    when a.breaker = 'open' and a.breaker_until > v_machine then 'breaker_open'
                    when a.breaker = 'half_open' and a.breaker_probe_at > v_machine - interval '90 seconds' then 'probe_under_way'
                    when m.step = 1 and (a.proven_at > v_machine - interval '60 minutes') is not true then 'not_proven'
               end as lack
          from unnest(m.account_ids) with ordinality as wanted (account_id, position)
          join app.provider_account a using (account_id)
          left join app.provider_account_share s on s.tenant_id = m.tenant_id and s.account_id = a.account_id
          left join app.domain_account r on r.tenant_id = m.tenant_id and r.domain_id = p_domain_id and r.account_id = a.account_id
          left join app.account_block k on k.account_id = a.account_id and k.worker = p_worker
         order by wanted.position
    loop
        if c.never is null then
            -- A stopped path is waited for, whatever else it lacks: going round it by another account would only move the offence.
            if c.factor = 0 then
                return row('wait', c.account_id, 0, false, c.leased, 'path_held', p_now + interval '15 minutes', null)::app.account_choice;
            end if;
            if c.lack is null and c.leased and c.in_block is not true then
                if c.refusal is null then
                    return row('block', c.account_id, null, false, true, null, null, null)::app.account_choice;
                elsif c.refusal = 'account_rate' then
                    return row('wait', c.account_id, null, false, true, c.refusal, p_now + c.refused_for, null)::app.account_choice;
                end if;
                c.lack := c.refusal;
                v_soonest := least(v_soonest, c.refused_for);
            end if;
            if c.lack is null then
                return row('go', c.account_id, least(p_factor, c.factor), c.probe, c.leased, null, null, c.share)::app.account_choice;
            end if;
        end if;
        v_only_quota := v_only_quota and c.lack is not distinct from 'account_quota';
        v_lacks := v_lacks || format('account %s: %s', c.account_id, replace(coalesce(c.never, c.lack), '_', ' '));
    end loop;
    if v_only_quota and v_soonest is not null then
        return row('wait', null, null, false, true, 'account_quota', p_now + v_soonest, null)::app.account_choice;
    end if;
    return row('wait', null, null, false, false, 'no_usable_account: ' || coalesce(nullif(array_to_string(v_lacks, '; '), ''), 'it names none'),
               p_now + interval '2 minutes', null)::app.account_choice;
end
$$;
comment on function app.choose_account(app.message, bigint, numeric, text, timestamptz, date) is
    'The first account of the message''s list that may take it: go (with what holds leave of the pace, and the tenant''s share of it on that day of '
    'its own; probe when it is to try a breaker), '
    'block (this worker must lease one first) or wait (reason, not_before).';
