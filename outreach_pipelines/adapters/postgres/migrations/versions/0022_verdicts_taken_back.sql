-- Verdicts on mail can be taken back, with what followed from them; every ground of a suppression is kept.

alter table app.inbound_message add column read_before_verdict jsonb;
comment on column app.inbound_message.read_before_verdict is
    'What the reader had made of it, while a person''s verdict stands in its place: taking the verdict back brings it again.';

create table app.suppression_ground (
    tenant_id integer not null references app.tenant,
    subject_hmac bytea not null,
    scope text not null,
    scope_id bigint not null,
    kind text not null,
    source text not null,
    recorded_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, subject_hmac, scope, scope_id, kind, source)
);
comment on table app.suppression_ground is
    'Why somebody is suppressed: each reason once, also those that found the suppression in force. One ground falls, and the others still hold.';
select app.protect('app.suppression_ground');

create function app.keep_suppression_ground() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp
    as $$
begin
    -- One that stands since before grounds were kept is its own first ground.
    insert into app.suppression_ground (tenant_id, subject_hmac, scope, scope_id, kind, source)
    select s.tenant_id, s.subject_hmac, s.scope, s.scope_id, s.kind, s.source
      from app.suppression s
     where s.tenant_id = new.tenant_id and s.subject_hmac = new.subject_hmac and s.scope = new.scope and s.scope_id = new.scope_id
       and s.lifted_at is null
    union all
    select new.tenant_id, new.subject_hmac, new.scope, new.scope_id, new.kind, new.source
    on conflict do nothing;
    return new;
end
$$;
comment on function app.keep_suppression_ground() is 'Before the insert, so that one that finds a suppression in force leaves its ground all the same.';
create trigger suppression_keeps_its_grounds before insert on app.suppression
    for each row execute function app.keep_suppression_ground();

create function app.drop_suppression_grounds() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp
    as $$
begin
    delete from app.suppression_ground g
     where g.tenant_id = new.tenant_id and g.subject_hmac = new.subject_hmac and g.scope = new.scope and g.scope_id = new.scope_id;
    return null;
end
$$;
comment on function app.drop_suppression_grounds() is 'Who lifts a suppression has weighed all of its grounds.';
create trigger lifted_suppression_has_no_grounds after update of lifted_at on app.suppression
    for each row when (new.lifted_at is not null) execute function app.drop_suppression_grounds();

create index reply_work_lately on app.reply_work (tenant_id, changed_at);
create index reply_label_lately on app.reply_label (tenant_id, labelled_at);
