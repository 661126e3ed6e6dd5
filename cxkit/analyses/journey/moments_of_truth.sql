-- Who came back, and when? One row per asked moment of a person.
-- $keys, $at: parallel lists: the person, and the moment (microseconds)
-- $touchpoints: what counts as coming back    $as_of: what happened later is not counted
with

asked as (
    select unnest($keys::integer[]) as customer_key, unnest($at::bigint[]) as at,
        unnest(range(len($keys))) as place
)

select place, epoch_us(min(timeline.occurred_at)) as returned_at
from asked
left join timeline
    on timeline.customer_key = asked.customer_key
    and timeline.occurred_at > make_timestamp(asked.at)
    and timeline.occurred_at <= $as_of::timestamp
    and list_contains($touchpoints, timeline.touchpoint::varchar)
group by place
order by place
