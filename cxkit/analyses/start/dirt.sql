-- What is odd in these exports? One row per kind of oddity and place, with the rows it touches.
with

tied as (
    select count(*) as together from timeline group by customer_key, occurred_at having together > 1
),

oddities as (
    select 1 as place, 'set aside' as kind, source_file as where_, reason as what, count(*) as rows
    from set_aside group by all
    union all
    select 2, 'duplicate', source_file, null, duplicate from files
    union all
    select 3, 'unread', source_file,
        column_name || ' (' || reason || coalesce(', as in "' || example || '"', '') || ')', cells
    from doubts
    union all
    select 4, 'nobody', 'events', null, count(*) from events
    where customer_id is null and visitor_id is null
    union all
    select 4, 'nobody', 'tickets', null, count(*) from tickets where customer_id is null
    union all
    select 4, 'nobody', 'feedback', null, count(*) from feedback where customer_id is null
    union all
    select 5, 'visitor', 'timeline', null, count(*) from timeline join people using (customer_key)
    where not known
    union all
    select 6, 'negative', 'orders', null, count(*) from orders where amount < 0
    union all
    select 7, 'stranger', 'orders', null, count(distinct customer_id) from orders
    where exists (from customers) and customer_id not in (select customer_id from customers)
    union all
    select 8, 'date only', source, null, count(*) from timeline where date_only group by all
    union all
    select 9, 'tie', 'timeline', null, sum(together) from tied
)

select kind, where_, what, rows from oddities where rows > 0 order by place, rows desc, where_, what
