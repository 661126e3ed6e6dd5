-- What do contact lists say of each person? One row in `told` per person and kind of field.
-- $names, $kinds: parallel lists: what exports call a field, the likeliest first, and its kind
create temp table told as
    with called as (
        select unnest($names) as name, unnest($kinds) as kind,
            generate_subscripts($names, 1) as rank
    ),

    contacts as (
        -- a mapping may fill the column with text that is no JSON
        select customer_id, if(json_valid(attributes), attributes, null) as attributes
        from customers
    ),

    fields as (
        select
            '/' || replace(replace(key, '~', '~0'), '/', '~1') as pointer,
            -- "Default Address: Zip" and "Billing zip" are both the zip
            regexp_replace(
                trim(regexp_replace(strip_accents(lower(key)), '[^a-z0-9]+', ' ', 'g')),
                '^((default|billing|mailing|primary|customer|contact) )+(address )?(\w)', '\4'
            ) as name
        from (select distinct unnest(json_keys(attributes)) as key from contacts)
    ),

    cells as (
        select customer_id, kind, rank, trim(json_extract_string(attributes, pointer)) as value
        from contacts
        cross join (select pointer, kind, rank from fields join called using (name))
        union all
        select customer_id, 'region', 0, region from customers
    )

    select customer_id, kind, arg_min(value, (rank, value)) as value
    from cells
    where value <> ''
    group by customer_id, kind
