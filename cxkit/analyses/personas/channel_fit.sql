-- By which channels do we reach people, and by which do they come? One row per side and channels.
-- $as_of: what happened later is not counted
-- $told, $named: parallel lists: a channel as the exports write it, and its one name
with

names as (select unnest($told::varchar[]) as told, unnest($named::varchar[]) as named),

wants as (
    select customer_id, named as wanted
    from customers join names on told = preferred_channel
    where coalesce(known_since <= $as_of::timestamp, true)
),

begun as (
    -- whoever answers in a thread did not choose its channel
    select thread, arg_min(direction, (sent_at, direction)) as by_whom
    from messages where thread is not null group by thread
),

contacts as (
    select 'company' as side, customer_id, channel, sent_at as occurred_at
    from messages left join begun using (thread)
    where direction = 'out' and not coalesce(automatic, false)
        and coalesce(by_whom, 'out') = 'out'
    union all
    select 'company', customer_id, kind, contacted_at from outreach where contacted_at is not null
    union all
    select 'person', customer_id, channel, sent_at
    from messages left join begun using (thread)
    where direction = 'in' and coalesce(by_whom, 'in') = 'in'
    union all
    select 'person', customer_id, channel, opened_at from tickets
),

each as (
    select side, wanted, customer_id, named as used, count(*) as times, max(occurred_at) as latest
    from contacts join wants using (customer_id) join names on told = channel
    where occurred_at <= $as_of::timestamp group by all
),

persons as (
    select side, wanted, customer_id, sum(times)::bigint as contacts,
        arg_max(used, (times, latest, used)) as mainly
    from each group by all
),

bases as (
    select side, wanted, count(*) as base, sum(contacts)::bigint as base_contacts,
        sum(contacts * contacts)::double as squares from persons group by all
)

select bases.*, channels.used, count(each.customer_id) as customers,
    coalesce(sum(times), 0)::bigint as contacts, count(*) filter (mainly = channels.used) as mainly,
    coalesce(sum(times * times), 0)::double as own_squares,
    coalesce(sum(times * persons.contacts), 0)::double as products
from bases
join (select side, used from each union select side, wanted from each) as channels using (side)
left join each using (side, wanted, used) left join persons using (side, wanted, customer_id)
group by all
order by side, wanted, used
