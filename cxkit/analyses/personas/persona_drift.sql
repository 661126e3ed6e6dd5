-- Who is another persona than before? One row per pair of personas, before and after.
-- $before, $after: parallel lists, one entry per person: their persona, null where there is none
select before, after, count(*) as customers
from (select unnest($before::varchar[]) as before, unnest($after::varchar[]) as after)
group by all
order by before nulls last, after nulls last
