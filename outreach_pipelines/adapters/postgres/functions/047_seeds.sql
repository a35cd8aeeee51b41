-- What a seed is sent again for.

create or replace function app.findings_mark(p_tenant integer, p_domain bigint) returns text
    language sql stable
    as $$
    select md5(coalesce(string_agg(concat_ws('|', f.check_name, f.fault, f.name, f.evidence), E'\n' order by f.check_name, f.fault, f.name, f.evidence), ''))
      from (select max(day) as day from app.dns_audit where tenant_id = p_tenant and domain_id = p_domain) n
      left join app.dns_finding f on f.tenant_id = p_tenant and f.domain_id = p_domain and f.day = n.day
     where n.day is not null
    having count(*) > 0
$$;
comment on function app.findings_mark(integer, bigint) is
    'The same for the same findings of a domain''s newest audit, another for others; NULL before any audit.';
grant execute on function app.findings_mark(integer, bigint) to outreach_app;
