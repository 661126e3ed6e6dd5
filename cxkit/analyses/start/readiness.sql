-- Do the exports hold what each analysis needs? One row per analysis and field, as asked.
-- $analyses, $tables, $fields: parallel lists: which analysis needs which field of which table
with

needs as (
    select unnest($analyses) as analysis, unnest($tables) as table_name, unnest($fields) as field,
        generate_subscripts($fields, 1) as place
),

filled as (
    select 'customers' as table_name, *
    from (unpivot (select count(columns(*)) from customers) on columns(*) into name field value filled)
    union all
    select 'orders', *
    from (unpivot (select count(columns(*)) from orders) on columns(*) into name field value filled)
    union all
    select 'feedback', *
    from (unpivot (select count(columns(*)) from feedback) on columns(*) into name field value filled)
    union all
    select 'timeline', *
    from (unpivot (select count(columns(*)) from timeline) on columns(*) into name field value filled)
),

held as (
    select 'customers' as table_name, count(*) as rows, count(customer_id) as linked,
        max(known_since) as latest
    from customers
    union all
    select 'orders', count(*), count(customer_id), max(ordered_at) from orders
    union all
    select 'feedback', count(*), count(customer_id), max(coalesce(given_at, invited_at)) from feedback
    union all
    select 'timeline', count(*), count(*) filter (known), max(occurred_at)
    from timeline join people using (customer_key)
)

select analysis, table_name, field, rows, filled, linked, latest
from needs left join held using (table_name) left join filled using (table_name, field)
order by place
