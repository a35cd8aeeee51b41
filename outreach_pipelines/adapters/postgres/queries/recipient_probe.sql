-- name: due
-- New leads whose server may be asked: enrolled, never written to, not suppressed, at a host of their own and not at one of the large
-- providers, not asked of late, at a domain that nobody was asked at within the hour. Domains in another order each hour: those that cannot
-- be called, for which nothing is kept, would else stand first for ever.
select lead_id, address from (
select l.lead_id, l.address, split_part(l.address, '@', 2) as domain,
       row_number() over (partition by split_part(l.address, '@', 2) order by l.lead_id) as place
  from app.lead l
  join app.audit_policy p on p.tenant_id = l.tenant_id and p.probe_recipients
  join app.tenant t on t.tenant_id = l.tenant_id and t.state = 'active'
  left join app.recipient_probe b on b.tenant_id = l.tenant_id and b.lead_id = l.lead_id
 where l.tenant_id = (select app.tenant()) and l.address is not null and l.provider_checked_at is not null and l.undeliverable is null
   and l.recipient_provider = 'other' and not app.is_free_mail(split_part(l.address, '@', 2))
   and (b.asked_at is null or b.asked_at < clock_timestamp() - cast(:kept_for as interval))
   and exists (select from app.enrollment e where e.tenant_id = l.tenant_id and e.lead_id = l.lead_id and e.state = 'active')
   and not exists (select from app.message m
                    where m.tenant_id = l.tenant_id and m.recipient_hmac = l.address_hmac and m.state in ('sending', 'in_doubt', 'unknown', 'accepted'))
   and not exists (select from app.suppression s
                    where s.tenant_id = l.tenant_id and s.subject_hmac in (l.address_hmac, l.domain_hmac) and s.lifted_at is null)
   and not exists (select from app.recipient_probe n join app.lead o on o.tenant_id = n.tenant_id and o.lead_id = n.lead_id
                    where n.tenant_id = l.tenant_id and o.domain_hmac = l.domain_hmac and n.asked_at > clock_timestamp() - interval '1 hour')) d
 where place <= :most_a_call
 order by hashtextextended(domain, cast(extract(epoch from date_trunc('hour', clock_timestamp())) as bigint)), domain, lead_id
 limit greatest(0, :most_an_hour - (select count(*) from app.recipient_probe
                                     where tenant_id = (select app.tenant()) and asked_at > clock_timestamp() - interval '1 hour'));

-- name: begin_call
-- Whether the domain may be called now, which counts as a call of all tenants.
select app.begin_recipient_call(:domain, :operator, :most_an_hour);

-- name: begin
-- Before the call, so that one whose process ends is not made again.
insert into app.recipient_probe as b (tenant_id, lead_id, asked_at)
select l.tenant_id, l.lead_id, clock_timestamp() from app.lead l
 where l.tenant_id = (select app.tenant()) and l.lead_id = any (cast(:leads as bigint[])) and l.address is not null
on conflict (tenant_id, lead_id) do update set asked_at = excluded.asked_at, result = 'unknown';

-- name: save
-- What was said.
update app.recipient_probe set result = :result where tenant_id = (select app.tenant()) and lead_id = :lead;
