-- Forget the offers of some entries of one list to other persons.
-- Locks those rows; runs under the list's lock.
DELETE FROM transfers t WHERE t.list_id = $1 AND t.number = ANY ($2::bigint[])
