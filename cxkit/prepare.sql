-- Who is known, and what happened to whom, when? Makes people and timeline in a new snapshot.
-- journey: a table of (touchpoint, stage, rank) that the settings declare
-- company: one row with the timezone in which a date without a time is midnight

create temp view dated as
    select
        -- an order that was cancelled later was placed all the same; a refund was not
        customer_id, ordered_at as occurred_at,
        case when amount < 0 then 'refunded' else 'ordered' end as touchpoint, channel, device,
        null as direction, amount::double as amount, 'orders' as source, order_id as case_id
    from orders
    union all
    select
        coalesce(customer_id, 'visitor:' || visitor_id), occurred_at, event,
        channel, device, null, amount::double,
        -- a visit is what somebody does: when an order was approved or delivered is none
        case when session is null and case_id in (select order_id from orders)
            then 'order dates' else 'events' end,
        coalesce(case_id, session)
    from events
    where customer_id is not null or visitor_id is not null
    union all
    select customer_id, opened_at, 'ticket opened', channel, null, 'in', null, 'tickets', ticket_id
    from tickets
    where customer_id is not null
    union all
    select
        customer_id, escalated_at, 'ticket escalated', channel, null, null, null, 'tickets',
        ticket_id
    from tickets
    where customer_id is not null and escalated_at is not null
    union all
    select
        customer_id, resolved_at, 'ticket resolved', channel, null, 'out', null, 'tickets',
        ticket_id
    from tickets
    where customer_id is not null and resolved_at is not null
    union all
    select
        customer_id, sent_at, case direction when 'in' then 'message in' else 'message out' end,
        channel, null, direction, null, 'messages', thread
    from messages
    union all
    select customer_id, given_at, 'feedback given', null, null, 'in', null, 'feedback', feedback_id
    from feedback
    where customer_id is not null and given_at is not null
    -- several scores of one answer are one touchpoint
    qualify row_number() over (
        partition by source_file, record_no, customer_id, given_at order by feedback_id
    ) = 1
    union all
    select customer_id, month, 'subscription paid', null, null, null, amount::double,
        'subscriptions', null
    from subscriptions
    union all
    select customer_id, contacted_at, 'contacted', kind, null, 'out', null, 'outreach', list
    from outreach
    where contacted_at is not null;

create table people as
    with everyone as (
        select customer_id from customers
        union
        select customer_id from dated
        union
        select customer_id from outreach
    )
    select
        (row_number() over (order by customer_id) - 1)::integer as customer_key,
        customer_id,
        not starts_with(customer_id, 'visitor:') as known
    from everyone
    where customer_id is not null
    order by customer_id;

create type touchpoint_name as enum (select distinct touchpoint from dated order by 1);

create type stage_name as enum (
    select coalesce(journey.stage, dated.touchpoint) as stage
    from (select distinct touchpoint from dated) as dated
    left join journey using (touchpoint)
    union
    select stage from journey
    order by 1
);

create type channel_name as enum (
    select distinct channel from dated where channel is not null order by 1
);

create type device_name as enum (
    select distinct device from dated where device is not null order by 1
);

create table timeline as
    select
        people.customer_key,
        dated.occurred_at,
        coalesce(journey.rank, 255)::utinyint as rank,
        dated.touchpoint::touchpoint_name as touchpoint,
        coalesce(journey.stage, dated.touchpoint)::stage_name as stage,
        dated.channel::channel_name as channel,
        dated.device::device_name as device,
        dated.direction,
        dated.amount,
        dated.source,
        dated.case_id,
        local_time.clock = date_trunc('day', local_time.clock) as date_only
    from dated
    join people using (customer_id)
    left join journey using (touchpoint)
    cross join company
    cross join lateral (
        select dated.occurred_at at time zone 'UTC' at time zone company.timezone as clock
    ) as local_time
    order by
        customer_key, occurred_at, rank, touchpoint, case_id, channel, device, amount, source;

drop view dated
