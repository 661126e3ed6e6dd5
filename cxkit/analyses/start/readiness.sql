-- Do the exports hold what each analysis needs? One row per analysis and field, as asked.
-- $analyses, $tables, $fields: parallel lists: which analysis needs which field of which table
-- $entry: the touchpoints with which somebody enters the funnel
with

needs as (
    select unnest($analyses) as analysis, unnest($tables) as table_name, unnest($fields) as field,
        generate_subscripts($fields, 1) as place
),

-- what the analyses count: a cancelled order or a refund is no purchase
purchases as (from sales where purchase),

filled as (
    select 'customers' as table_name, *
    from (unpivot (select count(columns(*)) from customers) on columns(*) into name field value filled)
    union all select 'orders', *
    from (unpivot (select count(columns(*)) from purchases) on columns(*) into name field value filled)
    union all select 'feedback', *
    from (unpivot (select count(columns(*)) from feedback) on columns(*) into name field value filled)
    union all select 'timeline', *
    from (unpivot (select count(columns(*)) from timeline) on columns(*) into name field value filled)
    union all select 'tickets', *
    from (unpivot (select count(columns(*)) from tickets) on columns(*) into name field value filled)
),

lives as (
    select if(known, customer_id, null) as customer_id, customer_key, occurred_at,
        list_contains($entry::varchar[], touchpoint::varchar) as enters
    from timeline join people using (customer_key)
),

seen as (
    select 'customers' as table_name, customer_id, known_since as seen_at from customers
    union all select 'orders', customer_id, ordered_at from purchases union all
    select 'tickets', customer_id, opened_at from tickets union all
    select 'messages', customer_id, sent_at from messages union all
    select 'subscriptions', customer_id, month from subscriptions union all
    select 'feedback', customer_id, coalesce(given_at, invited_at) from feedback
    union all select 'sessions', any_value(customer_id), max(occurred_at) from events
    where session is not null group by session
    union all select 'timeline', customer_id, occurred_at from lives
    union all select 'events', any_value(customer_id), max(occurred_at) from events
    group by coalesce(customer_id, visitor_id, event_id) union all
    select 'entrants', any_value(customer_id), max(occurred_at) from lives where enters group by customer_key
),

held as (
    select table_name, count(*) as rows, count(customer_id) as linked, max(seen_at) as latest from seen
    group by all
),

-- what no column holds
counted as (
    select 'orders' as table_name, 'repeated' as field, count(*) - count(distinct customer_id) as filled
    from (select distinct customer_id, ordered_at::date from purchases)
    -- answers with an overall score and a rated aspect
    union all select 'feedback', 'aspects', count(*) from (
        select 1 from feedback where score is not null group by source_file, record_no
        having bool_or(metric = 'item' and trim(question) <> '')
            and bool_or(metric in ('csat', 'nps', 'ces', 'stars'))
    )
    union all select 'feedback', 'silent', count(*) from feedback
    where invited_at is not null and given_at is null and score is null
    -- requests of kinds of which anything tells when they were answered
    union all select 'timeline', 'answered', coalesce(sum(n) filter (told), 0) from (
        select count(*) as n, count(first_reply_at) + count(resolved_at) > 0 as told from tickets
        union all select count(*) filter (direction = 'in'), bool_or(direction = 'out') from messages
        union all select count(*), count(answered_at) > 0 from feedback where trim(comment) <> ''
    )
)

select analysis, table_name, field, rows,
    if(field = 'known', linked, coalesce(filled.filled, counted.filled)) as filled, linked, latest
from needs left join held using (table_name)
left join filled using (table_name, field) left join counted using (table_name, field)
order by place
