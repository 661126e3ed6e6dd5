-- In what do two people agree? One row in `agreed` per row of `pair` (one, other); never null.
-- identity: see identities.sql
create temp table agreed as
    select
        pair.one,
        pair.other,
        coalesce(a.given_name = b.given_name, false) as same_given_name,
        coalesce(jaro_winkler_similarity(a.surname, b.surname) >= 0.85, false) as same_surname,
        coalesce(a.birth_date = b.birth_date, false) as same_birth_date,
        coalesce(
            1 - levenshtein(a.street, b.street) / greatest(length(a.street), length(b.street))
                >= 0.85
            -- number 12 and number 14 are two houses
            and regexp_extract_all(a.street, '\d+') = regexp_extract_all(b.street, '\d+'),
            false
        ) as same_street,
        coalesce(a.city = b.city, false) as same_city,
        coalesce(a.region = b.region, false) as same_region,
        -- a town by its postcode; without one by its name, which two regions may both know
        coalesce(
            a.postcode = b.postcode,
            same_city and coalesce(a.region = b.region, true)
        ) as same_town,
        coalesce(list_has_any(a.phones, b.phones), false) as same_phone,
        -- "ann.lee" says no more than the names; "ann.lee77" and "reedbird" do
        coalesce(len(list_filter(
            list_intersect(a.emails, b.emails),
            lambda way: length(regexp_replace(
                replace(replace(way, a.given_name, ''), a.surname, ''), '[^a-z0-9]', '', 'g'
            )) >= 2
        )) > 0, false) as same_email
    from pair
    join identity as a on a.customer_id = pair.one
    join identity as b on b.customer_id = pair.other
