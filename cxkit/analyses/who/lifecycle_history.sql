-- How many people were in each state, day by day? One row per asked day and state.
-- $days: the asked days, each counted to its end    $as_of: what happened later is not counted
-- $zone: says where a day begins    $lapse_days: a longer silence is lapsed
-- $new_days: new is a first purchase so many days ago    $loyal_orders: loyal from so many on
with

purchases as (
    -- several orders of one day are one purchase; a cancelled order or a refund is none
    select distinct customer_id, local_day(ordered_at, $zone) - date '1970-01-01' as day
    from sales where purchase and ordered_at <= $as_of::timestamp
),

runs as (
    -- from one purchase until the day of the next
    select customer_id, day, day - lag(day) over in_order as gap, row_number() over in_order as nth,
        min(day) over in_order as first_day, coalesce(lead(day) over in_order, 1e6::bigint) as next_day
    from purchases
    window in_order as (partition by customer_id order by day)
),

seen as (select customer_key, min(occurred_at) as first_seen from timeline group by customer_key),

persons as (
    select customer_id, least(known_since, first_seen) as known_at,
        coalesce(local_day(known_at, $zone) - date '1970-01-01', -1e6::bigint) as day
    from people left join customers using (customer_id) left join seen using (customer_key)
    where known and coalesce(known_at <= $as_of::timestamp, true)
),

-- each purchase opens up to three spans of days, each of one state; a span ends before `ends`
spans as (
    select 'new' as state, day as begins,
        least(first_day + $new_days + 1, day + $lapse_days + 1, next_day) as ends from runs
    union all select
        case when gap > $lapse_days then 'returned' when nth >= $loyal_orders then 'loyal' else 'active' end,
        greatest(day, first_day + $new_days + 1), least(day + $lapse_days + 1, next_day) from runs
    union all select 'lapsed', day + $lapse_days + 1, next_day from runs
    union all select 'prospect', persons.day, coalesce(first_day, 1e6::bigint)
    from persons left join (from runs where nth = 1) as runs using (customer_id)
),

running as (
    select state, day, sum(sum(change)) over (partition by state order by day) as customers
    from (
        select state, unnest([begins, ends]) as day, unnest([1, -1]) as change from spans
        where begins < ends
    ) group by state, day
),

asked as (select asked_day as on_day, asked_day - date '1970-01-01' as day from (select unnest($days::date[]) as asked_day)),

states as (
    select unnest(['prospect', 'new', 'active', 'loyal', 'returned', 'lapsed']) as state,
        unnest(range(6)) as place
)

select on_day as day, states.state, coalesce(customers, 0) as customers
from asked cross join states
asof left join running on running.state = states.state and running.day <= asked.day
order by on_day, place
