-- Which ids did somebody say are two people? One row in `rejected` per pair, one < other.
-- different (one, other): ids as people have them
create temp table rejected as
    with persons as (
        -- an id that was merged into another since stands for that person
        select different.one, different.other,
            coalesce(a.customer_id, b.customer_id, different.one) as person,
            coalesce(c.customer_id, d.customer_id, different.other) as other_person
        from different
        left join aliases as a on a.alias = 'customer:' || different.one
        left join aliases as b on b.alias = different.one
        left join aliases as c on c.alias = 'customer:' || different.other
        left join aliases as d on d.alias = different.other
    )

    select distinct
        least(person, other_person) as one,
        greatest(person, other_person) as other
    from persons
