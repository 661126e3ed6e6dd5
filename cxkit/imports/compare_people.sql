-- In what do two people agree? One row in `agreed` per pair of `pair` (one, other); never null.
create temp table agreed as
    select
        pair.one,
        pair.other,
        coalesce(one.given_name = other.given_name, false) as given_name,
        coalesce(jaro_winkler_similarity(one.surname, other.surname) >= 0.85, false) as surname,
        coalesce(one.birth_date = other.birth_date, false) as birth_date,
        coalesce(
            1 - levenshtein(one.street, other.street) / greatest(length(one.street), length(other.street))
                >= 0.85
            -- number 12 and number 14 are two houses
            and regexp_extract_all(one.street, '\d+') = regexp_extract_all(other.street, '\d+'),
            false
        ) as street,
        coalesce(one.postcode = other.postcode, false) as postcode,
        coalesce(one.city = other.city, false) as city,
        coalesce(one.region = other.region, false) as region,
        -- the town: by its postcode, and where a list has none by its name in the same region
        postcode or (
            city and (one.postcode is null or other.postcode is null)
            and (region or one.region is null or other.region is null)
        ) as town,
        coalesce(list_has_any(one.phones, other.phones), false) as phone,
        coalesce(list_has_any(one.emails, other.emails), false) as email
    from pair
    join identity as one on one.customer_id = pair.one
    join identity as other on other.customer_id = pair.other;
