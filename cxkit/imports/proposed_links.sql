-- Who may be one person under two ids? One row in `proposed_links` per pair that agrees enough.
-- agreed, identity: see agreed.sql, identities.sql    rejected: see rejected_links.sql
-- $least: the fewest points of a proposal
create temp table proposal as
    select
        one, other, same_given_name::integer + same_surname::integer + same_birth_date::integer
        + same_street::integer + same_town::integer + same_phone::integer + same_email::integer
            as score
    from agreed
    anti join rejected using (one, other)
    where score >= $least;

insert into proposed_links
    with recursive ways as (
        select one, other from proposal union all select other, one from proposal
    ),

    reach as (
        select one as id, one as person from ways
        union
        select ways.other, reach.person from reach join ways on ways.one = reach.id
    ),

    -- all that the proposals join is one person, called by the least of its ids
    joined as (select id, min(person) as person from reach group by id)

    select
        proposal.one as customer_id,
        proposal.other as other_id,
        joined.person as person_id,
        score,
        concat_ws(', ',
            if(same_given_name, 'same given name', null),
            if(same_surname, if(a.surname = b.surname, 'same', 'nearly the same') || ' surname', null),
            if(same_birth_date, 'same date of birth', null),
            if(same_street, 'same street and number', null),
            if(same_town, if(a.postcode = b.postcode, 'same postcode', 'same town'), null),
            if(same_phone, 'same telephone number', null),
            if(same_email, 'same e-mail name', null)
        ) as reasons,
        -- initials: enough to recognise somebody one knows
        upper(left(a.given_name, 1)) || '. ' || upper(left(a.surname, 1)) || '.' as name,
        upper(left(b.given_name, 1)) || '. ' || upper(left(b.surname, 1)) || '.' as other_name
    from proposal
    join joined on joined.id = proposal.one
    join agreed using (one, other)
    join identity as a on a.customer_id = proposal.one
    join identity as b on b.customer_id = proposal.other
    order by customer_id, other_id
