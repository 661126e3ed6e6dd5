-- Which passages of the stages are there, and what happened? One row per passage.
-- $touchpoints, $places: parallel lists: which touchpoint counts as which stage (1 is the first)
-- $next: for each stage the next required one, 0 where there is none
-- $contacts: the touchpoints that are contacts    $within_days: the window
-- $since, $as_of: what happened before or later is not counted
with

counted as (
    select unnest($touchpoints) as touchpoint, unnest($places) as place
),

told as (
    select customer_key, occurred_at, place,
        list_contains($contacts, timeline.touchpoint::varchar) as contact,
        row_number() over (
            partition by customer_key order by occurred_at, rank, timeline.touchpoint, case_id
        ) as number
    from timeline
    left join counted on timeline.touchpoint::varchar = counted.touchpoint
    where
        timeline.touchpoint is not null
        and occurred_at between $since::timestamp and $as_of::timestamp
),

-- the stage that each row follows
followed as (
    select told.*, before.place as last_place,
        told.occurred_at <= before.occurred_at + to_days($within_days) as in_time, last_number
    from (
        select *, max(if(place is null, null, number)) over (
            partition by customer_key order by number
            rows between unbounded preceding and 1 preceding
        ) as last_number
        from told
    ) as told
    left join told as before
        on before.customer_key = told.customer_key and before.number = last_number
),

begun as (
    select *, place is not null and coalesce(not in_time or last_place <> place, true) as begins
    from followed
),

passages as (
    select customer_key, number, place, occurred_at as began_at,
        lead(number) over (partition by customer_key order by number) as next_number
    from begun
    where begins
)

select passages.customer_key, passages.number, passages.place, passages.began_at,
    count(distinct told.number) as contacts,
    min(after.occurred_at) as went_on_at
from passages
left join begun as told
    on told.customer_key = passages.customer_key and told.contact and told.in_time
    and told.last_number >= passages.number
    and told.last_number < coalesce(passages.next_number, 9223372036854775807)
left join told as after
    on after.customer_key = passages.customer_key
    and after.place = list_extract($next, passages.place)
    and after.occurred_at
        between passages.began_at and passages.began_at + to_days($within_days)
group by all
order by passages.customer_key, passages.number
