-- When did something go wrong for whom? One row per person, day and kind of bad touch.
-- $touchpoints: touchpoints that are bad in themselves    $topics: whether events about a known
-- glitch are    $low: whether low scores are    $days: answers later than that are none; null: not
-- asked    $as_of: what happened later is not counted    $zone: says where a day begins
with

marks as (
    select customer_key, occurred_at as moment, touchpoint::varchar as kind
    from timeline
    where list_contains($touchpoints, touchpoint::varchar)
    union all
    select customer_key, occurred_at, event
    from events join people using (customer_id)
    where $topics and events.topic in (select topic from issues)
        and not list_contains($touchpoints, event)
    union all
    select customer_key, given_at, 'low score'
    from judged join people using (customer_id)
    where
        $low and given_at is not null and metric in ('nps', 'csat', 'stars', 'ces')
        -- a detractor, or the lowest two fifths of the scale
        and score <= case metric when 'nps' then 6 else 0.45 * scale end
    union all
    select customer_key, sent_at + to_days($days), 'unanswered message'
    from messages as asked join people using (customer_id)
    where
        $days is not null and direction = 'in'
        and not exists (
            select 1 from messages as answer
            where answer.customer_id = asked.customer_id and answer.direction = 'out'
                and not coalesce(answer.automatic, false)
                and answer.purpose is distinct from 'ask'
                and answer.sent_at > asked.sent_at
                and answer.sent_at <= asked.sent_at + to_days($days)
        )
)

select customer_key, local_day(moment, $zone) as day, kind, min(epoch_us(moment)) as at
from marks
where moment <= $as_of::timestamp
group by all
order by customer_key, day, kind
