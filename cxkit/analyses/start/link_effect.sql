-- What would the proposed links change? One row: links and people of three bases, before and after.
-- $as_of: people who became known later are not counted
-- $entry, $entered_by: who had one of these touchpoints until then has entered a funnel
-- $walked: the touchpoints of all its stages
with

seen as (
    select customer_key, min(occurred_at) as first_seen,
        min(if(list_contains($entry::varchar[], touchpoint::varchar), occurred_at, null)) as entered_at,
        min(if(list_contains($walked::varchar[], touchpoint::varchar), occurred_at, null)) as walked_at
    from timeline group by customer_key
),

buyers as (
    select distinct customer_id from sales where purchase and ordered_at <= $as_of::timestamp
),

lives as (
    select customer_id, customer_id in (select customer_id from buyers) as bought,
        coalesce(entered_at <= $entered_by::timestamp, false) as entered,
        coalesce(walked_at <= $as_of::timestamp, false) as walked,
        known and coalesce(least(known_since, first_seen) <= $as_of::timestamp, true) as known
    from people
    left join customers using (customer_id)
    left join seen using (customer_key)
),

standing as (
    -- a link between people who were not both known yet changes nothing
    select one.customer_id, other_id, person_id, one.bought and other.bought as of_buyers,
        (one.entered and other.walked) or (other.entered and one.walked) as of_entered
    from proposed_links as links
    join lives as one on one.customer_id = links.customer_id
    join lives as other on other.customer_id = links.other_id
    where one.known and other.known
),

joined as (
    select distinct unnest([customer_id, other_id]) as customer_id, person_id from standing
),

persons as (
    select lives.*, coalesce(person_id, customer_id) as person_id
    from lives left join joined using (customer_id)
)

select
    (select count(*) from standing) as pairs,
    count(*) filter (known) as people,
    count(distinct person_id) filter (known) as people_linked,
    (select count(*) from standing where of_buyers) as pairs_of_buyers,
    count(*) filter (known and bought) as buyers,
    count(distinct person_id) filter (known and bought) as buyers_linked,
    (select count(*) from standing where of_entered) as pairs_of_entered,
    count(*) filter (entered) as entered,
    count(distinct person_id) filter (entered) as entered_linked
from persons
order by pairs
