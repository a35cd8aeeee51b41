-- What a plan may know of the list that holds for all tenants.

create or replace function app.suppressed_everywhere_since(p_hmac bytea) returns timestamptz
    language sql stable security definer set search_path = pg_catalog, pg_temp
    as $$ select created_at from app.global_suppression where subject_hmac = p_hmac $$;
comment on function app.suppressed_everywhere_since(bytea) is
    'Null for somebody who is not on the list of all tenants. An intent refuses who is on it, so a plan leaves them out with that reason.';
revoke all on function app.suppressed_everywhere_since(bytea) from public;
grant execute on function app.suppressed_everywhere_since(bytea) to outreach_app;
