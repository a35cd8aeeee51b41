-- Calls at servers of recipients, limited over all tenants: it is one host that asks, and one that would be listed for it.

create or replace function app.begin_recipient_call(p_domain text, p_operator text, p_most_an_hour integer) returns boolean
    language plpgsql security definer set search_path = pg_catalog, pg_temp
    as $$
declare
    v_domain bytea := sha256(convert_to(p_domain, 'UTF8'));
    v_operator bytea := sha256(convert_to(p_operator, 'UTF8'));
begin
    perform pg_advisory_xact_lock(app.lock_key('recipient_call'));
    delete from app.recipient_call where called_at <= clock_timestamp() - interval '1 hour';
    if exists (select from app.recipient_call where domain_digest = v_domain)
       or (select count(*) from app.recipient_call where operator_digest = v_operator) >= p_most_an_hour then
        return false;
    end if;
    insert into app.recipient_call (operator_digest, domain_digest) values (v_operator, v_domain);
    return true;
end
$$;
comment on function app.begin_recipient_call(text, text, integer) is
    'Whether a domain may be called now: at most once an hour by all tenants together, and the operator of its server at most so many times.';
revoke all on function app.begin_recipient_call(text, text, integer) from public;
grant execute on function app.begin_recipient_call(text, text, integer) to outreach_app;
