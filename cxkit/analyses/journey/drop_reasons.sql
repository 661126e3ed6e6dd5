-- What had each unit met before it went on or stopped? One row per unit and thing, without repeats.
-- $keys, $at, $ends: parallel lists: whose unit it is, when it came to the stage, and up to when it
-- is looked at (microseconds)    $days: how far back    $stage: the touchpoints of the stage
-- $walked: the touchpoints of the journey, which are no reasons
with

units as (
    select unnest(range(len($keys))) as place, unnest($keys::integer[]) as customer_key,
        make_timestamp(unnest($at::bigint[])) as came, make_timestamp(unnest($ends::bigint[])) as ends
),

here as (
    select place, min(device::varchar) as device, min(channel::varchar) as channel
    from units join timeline using (customer_key)
    where occurred_at = came and list_contains($stage, touchpoint::varchar)
    group by place
),

told as (
    select place, 'had' as kind, touchpoint::varchar as value
    from units join timeline using (customer_key)
    where
        occurred_at >= came - to_days($days) and occurred_at < ends
        and not list_contains($walked, touchpoint::varchar)
        -- an order is how this or an earlier walk went, not a reason for it
        and source <> 'orders'
    group by all
    union all
    select place, 'device', device from here
    union all
    select place, 'channel', channel from here
    union all
    select place, unnest(['region', 'source', 'preferred channel']),
        unnest([region, customers.source, preferred_channel])
    from units join people using (customer_key) join customers using (customer_id)
)

select place, kind, value from told where value is not null
order by place, kind, value
