-- A tenant with messages that are due: statements in their order, with psycopg's named parameters.

insert into app.tenant (tenant_id, name, zone, postal_address, country, sender_company, sender_website, sender_contact, privacy_notice_url, unsubscribe_host)
values (%(t)s, 'Bench', 'Etc/UTC', '1 Test Street', 'US', 'Test Ltd', 'https://test.example', 'hello@test.example', 'https://test.example/privacy', 'u.test.example');

insert into app.sending_policy (tenant_id, daily_cap, minute_cap, company_daily_cap, recipient_domain_daily_cap)
values (%(t)s, 1000000, 1000000, 1000, 1000);

insert into app.provider_account_share (tenant_id, account_id, daily_share) values (%(t)s, %(a)s, 1000000);

-- Four mailboxes a domain.
insert into app.sending_domain (tenant_id, name, pool, direction, daily_cap)
select %(t)s, %(slug)s || '-' || n || '.example', 'p', 'd', 1000000 from generate_series(0, (%(mailboxes)s - 1) / 4) n;

insert into app.domain_account (tenant_id, domain_id, account_id, position, state, definite_state)
select %(t)s, domain_id, %(a)s, 1, 'ready', 'ready' from app.sending_domain where tenant_id = %(t)s;

insert into app.inbox (tenant_id, name, host, port, username, secret_ref, receives, last_complete_read)
values (%(t)s, 'in', 'h', '1', 'u', 'env:X', '{}', clock_timestamp());

insert into app.mailbox (tenant_id, domain_id, inbox_id, address, display_name, zone, daily_cap, min_gap_seconds, max_gap_seconds, state, account_names)
select %(t)s, d.domain_id, i.inbox_id, 'box' || n || '@' || d.name, 'Grace Example', 'Etc/UTC', 1000, 0, 0, 'active',
       array(select name from app.provider_account where account_id = %(a)s)
  from generate_series(0, %(mailboxes)s - 1) n
  join app.sending_domain d on d.tenant_id = %(t)s and d.name = %(slug)s || '-' || n / 4 || '.example'
  join app.inbox i on i.tenant_id = d.tenant_id;

insert into app.campaign (tenant_id, name, pool) values (%(t)s, 'c', 'p');

insert into app.template (tenant_id, sha256, name, object_key)
values (%(t)s, %(text)s, 'text', 'templates/by-sha256/' || %(text)s), (%(t)s, %(html)s, 'html', 'templates/by-sha256/' || %(html)s);

insert into app.campaign_step (tenant_id, campaign_id, step, delay_business_days)
select %(t)s, campaign_id, n, 3 * (n - 1) from app.campaign, generate_series(1, 2) n where tenant_id = %(t)s;

insert into app.campaign_variant (tenant_id, campaign_id, step, variant, subject, text_sha256, html_sha256)
select %(t)s, campaign_id, n, 'A', %(subject)s, %(text)s, %(html)s from app.campaign, generate_series(1, 2) n where tenant_id = %(t)s;

select app.ensure_partitions(%(day)s - 1, 3);

insert into app.plan (tenant_id, day, version, status, planner_version, snapshot_hash, plan_hash, snapshot_key, plan_key, placed, not_placed, released_at)
values (%(t)s, %(day)s, 1, 'released', '1', 's', 'p', 'k', 'k', %(messages)s, 0, clock_timestamp());

insert into app.lead (tenant_id, address, address_hmac, domain_hmac, global_hmac, basis, basis_evidence, basis_source, first_name, company)
select %(t)s, 'person' || n || '@' || %(slug)s || n / 10 || '.test', sha256(('p' || n || %(slug)s)::bytea), sha256(('d' || n / 10 || %(slug)s)::bytea),
       sha256(('p' || n || %(slug)s)::bytea), 'consent', 'form', 'fair', 'Ada', 'Company ' || n / 10 from generate_series(1, %(messages)s) n;

insert into app.enrollment (tenant_id, lead_id, campaign_id, step)
select %(t)s, lead_id, campaign_id, 1 from app.lead join app.campaign using (tenant_id) where tenant_id = %(t)s;

with boxes as (select array_agg(mailbox_id order by mailbox_id) as ids from app.mailbox where tenant_id = %(t)s)
insert into app.message (tenant_id, plan_day, message_id, plan_id, send_key, enrollment_id, lead_id, campaign_id, step, variant, content_hash, mailbox_id,
                         account_ids, recipient_hmac, domain_hmac, recipient_provider, basis, due_at, window_start, window_end, not_before, state)
select %(t)s, %(day)s, nextval('app.message_id'), p.plan_id, substring(l.address_hmac for 16), e.enrollment_id, l.lead_id, e.campaign_id, 1, 'A', 'content',
       b.ids[1 + row_number() over (order by l.lead_id) %% array_length(b.ids, 1)], array[%(a)s::int], l.address_hmac, l.domain_hmac, l.recipient_provider, l.basis,
       date_trunc('hour', %(now)s::timestamptz), %(start)s, %(end)s, date_trunc('hour', %(now)s::timestamptz), 'planned'
  from app.lead l join app.enrollment e using (tenant_id, lead_id) join app.plan p using (tenant_id), boxes b where l.tenant_id = %(t)s;

insert into app.send_key select tenant_id, send_key, plan_day, message_id from app.message where tenant_id = %(t)s;
