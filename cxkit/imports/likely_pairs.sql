-- Which two people are worth comparing? One row in `pair` (one, other) per pair, one < other.
-- identity: see identities.sql
create temp table pair as
    with keys as (
        -- who agrees in neither of these cannot score 4
        select customer_id, given_name, 'town' as kind,
            coalesce(postcode, city) || ' ' || left(surname, 1) as value
        from identity
        union all
        select customer_id, given_name, 'birth_date', birth_date from identity
        union all
        select customer_id, given_name, 'phone', unnest(phones) from identity
        union all
        select customer_id, given_name, 'email', unnest(emails) from identity
    )

    select distinct one.customer_id as one, other.customer_id as other
    from keys as one
    join keys as other using (given_name, kind, value)
    where one.customer_id < other.customer_id
