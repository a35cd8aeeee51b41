-- The web edge has no rights on any tenant table; this function sets the tenant itself, since FORCE binds a definer too.

create or replace function app.unsubscribe(p_tenant integer, p_recipient_hmac bytea, p_scope text, p_scope_id bigint, p_reference text) returns void
    language plpgsql security definer set search_path = pg_catalog, pg_temp
    as $$
begin
    perform set_config('app.tenant', p_tenant::text, true);
    perform app.suppress(p_tenant, 'address', p_recipient_hmac, p_scope, p_scope_id, 'unsubscribe', p_reference);
end
$$;
comment on function app.unsubscribe(integer, bytea, text, bigint, text) is
    'The one thing the web edge may change: idempotent, returns nothing, tells nobody whether the address is known.';
revoke all on function app.unsubscribe(integer, bytea, text, bigint, text) from public;
grant execute on function app.unsubscribe(integer, bytea, text, bigint, text) to outreach_web;
