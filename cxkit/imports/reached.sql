-- By which addresses and numbers is each person reached? One row in `reached` per person and way.
-- held, link: see held_ids.sql, link_ids.sql    told: see contact_fields.sql
create temp table reached as
    with stronger as (
        -- the strongest id in a record says whose address or number it is
        select said, arg_min(alias, (place, kind, alias)) as alias from held group by said
    ),

    found as (
        select person_name(coalesce(link.person, stronger.alias)) as customer_id,
            held.kind, split_part(held.alias, ':', 2) as value
        from held
        join stronger using (said)
        left join link on link.alias = stronger.alias
        where held.kind in ('email', 'phone')
        union all
        select customer_id, kind,
            if(kind = 'email', lower(value), regexp_replace(value, '\D', '', 'g'))
        from told
        where kind in ('email', 'phone')
    ),

    -- of an address the part before the @; of a number what stays the same with and without 0049
    ways as (
        select distinct customer_id, kind,
            if(kind = 'email', split_part(value, '@', 1), right(value, 9)) as way
        from found
        where length(way) >= 5
    )

    select customer_id, kind, way
    from ways
    -- a number of many people is a switchboard, and info@ is nobody
    qualify count(*) over (partition by kind, way) <= 10
