-- Partitions of a week instead of a day. A prepared statement over a partitioned table locks every partition each time it
-- runs, also those that its parameters rule out, so a message cost more the more days lay ahead of it and behind it.

create function app.partition_days(p_parent regclass) returns table (partition regclass, first_day date, end_day date)
    language sql stable set datestyle = 'ISO'
    as $$
    select c.oid::regclass, substring(bound from $re$FROM \('([^']+)'\)$re$)::date, substring(bound from $re$TO \('([^']+)'\)$re$)::date
      from pg_catalog.pg_inherits i
      join pg_catalog.pg_class c on c.oid = i.inhrelid, pg_catalog.pg_get_expr(c.relpartbound, c.oid) as bound
     where i.inhparent = p_parent
    $$;
comment on function app.partition_days(regclass) is 'The days that each partition of the table holds; end_day is the first that it does not.';

create or replace function app.ensure_partitions(p_from date default null, p_days integer default 30) returns integer
    language plpgsql security definer set search_path = pg_catalog, pg_temp
    as $$
declare
    v_first date := coalesce(p_from, (app.now() at time zone 'UTC')::date - 1);
    v_day date;
    v_monday date;
    v_from date;
    v_to date;
    v_parent text;
    v_child text;
    v_made integer := 0;
begin
    if p_days < 1 or p_days > 400 then
        raise exception 'days must lie between 1 and 400, not %', p_days using errcode = 'invalid_parameter_value';
    end if;
    -- Two at once would both find a partition missing.
    perform pg_advisory_xact_lock(app.lock_key('ensure_partitions'));
    foreach v_parent in array array['message', 'send_attempt'] loop
        for v_day in
            select v_first + n from generate_series(0, p_days - 1) as n
        loop
            continue when exists (select from app.partition_days(format('app.%I', v_parent)::regclass) where first_day <= v_day and v_day < end_day);
            -- The week of the day, less what other partitions hold of it.
            v_monday := date_trunc('week', v_day)::date;
            select greatest(max(end_day) filter (where end_day <= v_day), v_monday), least(min(first_day) filter (where first_day > v_day), v_monday + 7)
              into v_from, v_to from app.partition_days(format('app.%I', v_parent)::regclass);
            v_child := v_parent || '_' || to_char(v_from, 'YYYYMMDD');
            execute format('create table app.%I partition of app.%I for values from (%L) to (%L)', v_child, v_parent, v_from, v_to);
            perform app.protect(format('app.%I', v_child)::regclass);
            v_made := v_made + 1;
        end loop;
    end loop;
    return v_made;
end
$$;
comment on function app.ensure_partitions(date, integer) is
    'Makes the partitions that these days lack, a week each (Monday to Sunday), under row-level security of their own; how many were made.';

-- Days that were made ahead and hold nothing make room for weeks.
do $$
declare
    v_parent text;
    v_partition regclass;
begin
    lock table app.message, app.send_attempt in access exclusive mode;
    foreach v_parent in array array['app.send_attempt', 'app.message'] loop
        for v_partition in
            -- Asked of the file: row-level security hides every row from a migration too.
            select partition from app.partition_days(v_parent::regclass) where pg_relation_size(partition) = 0
        loop
            execute format('alter table %s detach partition %s', v_parent, v_partition);
            execute format('drop table %s', v_partition);
        end loop;
    end loop;
end
$$;
select app.ensure_partitions();
