-- What a hold is on, by the names that people know. See domain/back_off/scope_key.py for the spelling of keys.

create or replace function app.scope_name(p_key text) returns text
    language sql stable
    as $$
    select coalesce(case split_part(p_key, ':', 1)
        when 'campaign' then (select 'campaign ' || name from app.campaign where tenant_id = app.tenant() and campaign_id::text = split_part(p_key, ':', 2))
        when 'domain' then (select 'domain ' || name from app.sending_domain where tenant_id = app.tenant() and domain_id::text = split_part(p_key, ':', 2))
        when 'lead_file' then (select 'lead file ' || object_key from app.lead_file where tenant_id = app.tenant() and lead_file_id::text = split_part(p_key, ':', 2))
        when 'account' then (select 'account ' || name from app.provider_account where account_id::text = split_part(p_key, ':', 2))
        when 'mailbox' then (select 'mailbox ' || address from app.mailbox where tenant_id = app.tenant() and mailbox_id::text = split_part(p_key, ':', 2))
        when 'provider' then (select 'mailbox ' || address || ' to ' || split_part(p_key, ':', 3)
                                from app.mailbox where tenant_id = app.tenant() and mailbox_id::text = split_part(p_key, ':', 2))
        when 'path' then (select 'mailbox ' || b.address || ' through account ' || a.name from app.mailbox b, app.provider_account a
                           where b.tenant_id = app.tenant() and b.mailbox_id::text = split_part(p_key, ':', 2) and a.account_id::text = split_part(p_key, ':', 3))
    end, p_key)
    $$;
comment on function app.scope_name(text) is 'Of the tenant that is set; a key of something gone stays as it is.';
