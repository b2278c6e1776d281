-- Read the shortest time after the end of a list that a fan is kept, $1 if no organization has a shorter one; NULL: for ever.
-- Locks nothing.
SELECT least($1::interval, min(z.personal_data_kept_days) * interval '1 day') FROM organizations z
