-- Which attributes do customers have, and how many values? One row per attribute.
-- $field: this attribute alone; null: all of them
with

fields as (
    select field, attributes,
        -- a JSON pointer, in which a slash parts names
        replace(replace(field, '~', '~0'), '/', '~1') as pointer
    from (select unnest(json_keys(attributes)) as field, attributes from customers)
    where field = coalesce($field, field)
),

sizes as (
    select field, pointer, json_extract_string(attributes, '/' || pointer) as value,
        count(*) as people
    from fields
    group by all
)

select
    field, pointer,
    coalesce(sum(people) filter (value is not null), 0)::bigint as people,
    count(value) as kinds,
    coalesce(max(people) filter (value is not null), 0) as largest
from sizes
group by field, pointer
order by field
