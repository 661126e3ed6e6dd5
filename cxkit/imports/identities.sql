-- Who is each person of a contact list, every field written alike? One row in `identity` per person.
-- told: see contact_fields.sql    reached: see reached.sql
create temp table identity as
    with alike as (
        select
            customer_id,
            kind,
            trim(regexp_replace(strip_accents(lower(case
                when kind = 'name' and contains(value, ',')
                then split_part(value, ',', 2) || ' ' || split_part(value, ',', 1)
                when kind = 'street'
                then regexp_replace(lower(value), 'stra(ss|ß)e|\bstreet\b|\bst\b|str\.', 'str')
                else value
            end)), '[^\p{L}0-9]+', ' ', 'g')) as value
        from told
    ),

    persons as (
        pivot (select * from alike where value <> '') on kind in (
            'name', 'given_name', 'surname', 'birth_date', 'street', 'city', 'postcode', 'region'
        ) using any_value(value) group by customer_id
    ),

    ways as (
        select customer_id,
            list(way order by way) filter (kind = 'phone') as phones,
            list(way order by way) filter (kind = 'email') as emails
        from reached
        group by customer_id
    )

    select
        customer_id,
        coalesce(given_name, split_part(name, ' ', 1)) as given_name,
        coalesce(surname, if(contains(name, ' '), split_part(name, ' ', -1), null)) as surname,
        birth_date, street, city, postcode, region,
        phones, emails
    from persons
    left join ways using (customer_id)
    where coalesce(given_name, name) is not null
