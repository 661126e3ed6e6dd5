-- Who was in which state at one moment, and in which later? One row per pair of states, all 42.
-- $since, $as_of: the two moments; what happened after each is not counted in it
-- $zone: says where a day begins    $lapse_days: a longer silence is lapsed
-- $new_days: new is a first purchase so many days ago
-- $loyal_orders: loyal is from so many purchases on
with

states as (
    select unnest(['not yet known', 'prospect', 'new', 'active', 'loyal', 'returned', 'lapsed'])
        as state, unnest(range(7)) as place
),

moments as (
    select unnest(['before', 'after']) as name, unnest([$since::timestamp, $as_of::timestamp]) as moment
),

days as (
    -- several orders of one day are one purchase; a cancelled order or a refund is none
    select customer_id, local_day(ordered_at, $zone) as day, min(ordered_at) as bought_at,
        day - lag(day) over (partition by customer_id order by day) as gap
    from sales where purchase group by customer_id, 2
),

buyers as (
    select name, customer_id, count(*) as purchases, arg_max(gap, day) as last_gap,
        local_day(any_value(moment), $zone) as today,
        today - min(day) as tenure, today - max(day) as silence
    from days join moments on bought_at <= moment
    group by all
),

seen as (select customer_key, min(occurred_at) as first_seen from timeline group by customer_key),

persons as (
    select name, customer_id,
        case
            when not coalesce(least(known_since, first_seen) <= moment, true) then 'not yet known'
            when purchases is null then 'prospect' when silence > $lapse_days then 'lapsed'
            when tenure <= $new_days then 'new' when last_gap > $lapse_days then 'returned'
            when purchases >= $loyal_orders then 'loyal' else 'active'
        end as state
    from people cross join moments
    left join customers using (customer_id) left join seen using (customer_key)
    left join buyers using (name, customer_id)
    where known
),

moves as (
    select any_value(state) filter (name = 'before') as before,
        any_value(state) filter (name = 'after') as after
    from persons group by customer_id
)

select before.state as state_before, after.state, count(moves.before) as customers
from states as before cross join states as after
left join moves on moves.before = before.state and moves.after = after.state
where after.place > 0
group by before.state, before.place, after.state, after.place
order by before.place, after.place
