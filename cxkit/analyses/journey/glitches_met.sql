-- Who met which glitch, and when? One row per event or ticket about a glitch.
-- $names: events that are glitches whatever they are about
-- $since, $as_of: what happened before or later is not counted
with

met as (
    select coalesce(customer_id, 'visitor:' || visitor_id) as customer_id, occurred_at,
        coalesce(topic, event) as topic
    from events
    where
        (topic in (select topic from issues) or list_contains($names, event))
        and occurred_at between $since::timestamp and $as_of::timestamp
),

told as (
    select customer_id, opened_at as occurred_at, topic
    from tickets
    where
        topic in (select topic from issues)
        and opened_at between $since::timestamp and $as_of::timestamp
),

-- who met a glitch and told of it within two days met it once
glitches as (
    from met
    union all
    from told
    where not exists (
        select 1 from met
        where met.customer_id = told.customer_id and met.topic = told.topic
            and told.occurred_at between met.occurred_at and met.occurred_at + interval 2 days
    )
)

select people.customer_key, epoch_us(glitches.occurred_at) as at, glitches.topic,
    issues.stage as moment, issues.owner
from glitches
join people using (customer_id)
left join issues on issues.topic = glitches.topic
order by customer_key, glitches.occurred_at, topic
